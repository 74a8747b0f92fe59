import Foundation
import Hub
import Synchronization

/// Shows how fetching goes: the size first, on a terminal then one line that is written over, elsewhere a line now and then.
final class HubDisplay: Sendable {
    private struct State {
        var hasOpenLine = false
        var shown: ContinuousClock.Instant?
    }
    private let isQuiet: Bool
    private let showsProgress: Bool
    private let isTerminal = isatty(2) == 1
    private let asks: Bool
    private let state = Mutex(State())

    /// - Parameter asks: whether a person at a terminal is asked before much is fetched that nobody named to be fetched.
    init(_ settings: HubSettings, isQuiet: Bool, asks: Bool) {
        self.isQuiet = isQuiet
        showsProgress = !isQuiet && !settings.hidesProgress
        self.asks = asks && isatty(0) == 1 && isatty(2) == 1
    }

    var observer: HubObserver {
        HubObserver(
            approve: { [self] in approve($0) }, progress: { [self] in show($0) }, note: { [self] in note($0) })
    }

    private func approve(_ plan: HubPlan) -> Bool {
        note(plan.line)
        // What takes seconds is not worth a question.
        guard asks, plan.missingBytes > 100_000_000 else { return true }
        Output.write(toStandardError: "Fetch it? [Y/n] ")
        let answer = readLine()?.trimmingCharacters(in: .whitespaces).lowercased() ?? "n"
        return ["", "y", "yes"].contains(answer)
    }

    private func show(_ progress: HubProgress) {
        guard showsProgress else { return }
        let now = ContinuousClock.now
        state.withLock { state in
            let isDue = state.shown.map { now - $0 >= (isTerminal ? .milliseconds(200) : .seconds(15)) } ?? true
            guard isDue || progress.received == progress.bytes else { return }
            state.shown = now
            clear(&state)
            // A line that wraps could not be taken back.
            Output.write(toStandardError: String(progress.line.prefix(78)) + (isTerminal ? "" : "\n"))
            state.hasOpenLine = isTerminal
        }
    }

    private func note(_ line: String) {
        guard !isQuiet else { return }
        state.withLock { state in
            clear(&state)
            Output.note(line)
        }
    }

    /// Takes the line back that gives way. Escape [K clears what stands on it.
    private func clear(_ state: inout State) {
        if state.hasOpenLine { Output.write(toStandardError: "\r\u{1B}[K") }
        state.hasOpenLine = false
    }

    /// Leaves the last line standing.
    func finish() {
        state.withLock { state in
            if state.hasOpenLine { Output.write(toStandardError: "\n") }
            state.hasOpenLine = false
        }
    }
}

/// The folder or files that a name means, on this machine when this returns: what is missing of the wanted files is fetched.
///
/// - Parameters:
///   - files: what is needed where the name is one on the hub. Of ``FileSelection/records`` it is the files that are returned.
///   - isQuiet: whether nothing is said on standard error.
func located(
    _ name: String, expecting kind: HubReference.Kind = .model, files: FileSelection = .model, isQuiet: Bool = false
) throws -> [URL] {
    let reference: HubReference
    switch try HubName(name, expecting: kind) {
    case .local(let url): return [url]
    case .hub(let named): reference = named
    }
    let hub = try Hub()
    let snapshot: Hub.Snapshot
    if let cached = try hub.cached(reference, files: files) {
        snapshot = cached
    } else {
        let display = HubDisplay(hub.settings, isQuiet: isQuiet, asks: true)
        defer { display.finish() }
        snapshot = try waitFor { try await hub.resolve(reference, files: files, observer: display.observer) }
    }
    return snapshot.records.isEmpty ? [snapshot.folder] : snapshot.records
}
