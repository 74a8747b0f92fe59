import Foundation
import JSON
import Synchronization

/// Follows what is written, and says what a power failure could still undo.
public final class DiskWatch: Sendable {
    private struct State {
        /// Names whose folder has not been synchronized since they were given.
        var open: Set<String> = []
        var renamed: [String] = []
        var faults: [String] = []
    }
    private let state = Mutex(State())

    public init() {}

    /// Names that a power failure could still undo.
    public var open: Set<String> { state.withLock { $0.open } }
    /// Names that were given while others were open: what stands under them might be lost while they stay.
    public var faults: [String] { state.withLock { $0.faults } }
    /// The last components of names that were given.
    public var renamed: [String] { state.withLock { $0.renamed } }

    /// Runs `body`, watching what is written in a folder.
    public func watch<Result>(_ folder: URL, _ body: () throws -> Result) rethrows -> Result {
        try Disk.observing(folder, { self.see($0) }, body)
    }

    private func see(_ event: Disk.Event) {
        func folder(_ path: String) -> String {
            URL(fileURLWithPath: path).deletingLastPathComponent().path
        }
        state.withLock { state in
            switch event {
            case .file: break
            case .made(let path): state.open.insert(path)
            case .folder(let path): state.open = state.open.filter { folder($0) != path }
            case .renamed(let from, let to):
                state.open.remove(from)
                if !state.open.isEmpty { state.faults.append("\(to) before \(state.open.sorted())") }
                state.open.insert(to)
                state.renamed.append(URL(fileURLWithPath: to).lastPathComponent)
            }
        }
    }
}
