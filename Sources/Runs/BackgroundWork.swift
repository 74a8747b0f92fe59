import Dispatch
import Foundation
import Synchronization

/// Work that a thread of its own does while this one goes on.
final class BackgroundWork: Sendable {
    private let done = DispatchSemaphore(value: 0)
    private let failure = Mutex<(any Error)?>(nil)

    /// Begins the work. What it uses must not be changed before ``wait()`` returns.
    init(_ name: String, _ body: @escaping () throws -> Void) {
        nonisolated(unsafe) let body = body
        let thread = Thread { [self] in
            do { try body() } catch { failure.withLock { $0 = error } }
            done.signal()
        }
        thread.name = name
        thread.start()
    }

    /// Waits for its end, once. Throws what the work threw.
    func wait() throws {
        done.wait()
        if let error = failure.withLock({ $0 }) { throw error }
    }
}
