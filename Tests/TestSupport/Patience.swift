import Dispatch
import Foundation

/// Something that a test waited for did not come about, and nothing moved any more.
public struct NeverHappened: Error, CustomStringConvertible {
    public let description: String

    /// - Parameters:
    ///   - what: what was waited for, as a sentence that would then have been true.
    ///   - state: what was there instead.
    public init(_ what: String, state: String = "") {
        description = "never: \(what)\(state.isEmpty ? "" : "\n\(state)")"
    }
}

/// How long tests wait for what should come at once. No test may fail because a machine is slow, so that the only limit is one at
/// which a person would call it hung.
public enum Patience {
    /// Seconds.
    public static let seconds = 900.0
    /// Looks at something, a second apart, in which nothing at all happened.
    public static let idleLooks = 60
}

/// Waits until something holds. Throws what was waited for if it never does.
public func wait(until what: String, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(Patience.seconds)
    while ContinuousClock.now < deadline {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    throw NeverHappened(what)
}

/// Tells a process that is slow, or that gets little of a busy machine, from one that is stuck.
///
/// Asked about once a second, it counts the looks in which the process neither computed nor wanted to, and in which nothing else that
/// the caller watches changed.
public struct IdleWatch<State: Equatable> {
    private let process: pid_t
    private var idle = 0
    private var last: (ticks: Int, state: State)?

    public init(_ process: pid_t) { self.process = process }

    /// Whether nothing has moved for `Patience.idleLooks` looks. Never, where the system does not tell what a process does.
    public mutating func isStuck(_ state: State) -> Bool {
        guard let activity = IdleWatch.activity(of: process) else { return false }
        // A timer here and there is no work.
        let isIdle = !activity.isRunnable && last.map { activity.ticks - $0.ticks <= 1 && $0.state == state } == true
        idle = isIdle ? idle + 1 : 0
        last = (activity.ticks, state)
        return idle >= Patience.idleLooks
    }

    /// The time that a process has computed, in hundredths of a second, and whether one of its threads would compute now if it could.
    private static func activity(of process: pid_t) -> (ticks: Int, isRunnable: Bool)? {
        func fields(_ path: String) -> [Substring]? {
            // The name stands in brackets and may hold anything.
            guard let text = try? String(contentsOfFile: path, encoding: .utf8), let end = text.lastIndex(of: ")")
            else { return nil }
            return text[text.index(after: end)...].split(separator: " ")
        }
        let folder = "/proc/\(process)"
        guard let all = fields("\(folder)/stat"), all.count > 12, let user = Int(all[11]), let system = Int(all[12])
        else { return nil }
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/task")) ?? []
        let isRunnable = threads.contains { thread in
            fields("\(folder)/task/\(thread)/stat")?.first.map { "RD".contains($0) } ?? false
        }
        return (user + system, isRunnable)
    }
}

/// How the work of `body` grows with its size: the CPU time of this thread at `large` over that at `small`, of the best of some tries.
///
/// Neither a slow machine nor a busy one changes it by much.
public func growth(from small: Int, to large: Int, of body: (_ size: Int) throws -> Void) rethrows -> Double {
    var best = (small: Double.infinity, large: Double.infinity)
    for _ in 0..<3 {
        best.small = min(best.small, try cpuSeconds { try body(small) })
        best.large = min(best.large, try cpuSeconds { try body(large) })
    }
    return best.large / max(best.small, 1e-6)
}

/// Seconds that this thread computes for `body`.
public func cpuSeconds(_ body: () throws -> Void) rethrows -> Double {
    func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
    let start = now()
    try body()
    return now() - start
}

extension Process {
    /// Waits for the end of a process, and kills one that is stuck.
    ///
    /// - Parameter end: signalled by the process's termination handler.
    /// - Returns: whether it ended by itself.
    @discardableResult
    public func waitUnlessStuck(_ end: DispatchSemaphore) -> Bool {
        var watch = IdleWatch<Int>(processIdentifier)
        let deadline = Date.now.addingTimeInterval(Patience.seconds)
        while end.wait(timeout: .now() + 1) == .timedOut {
            guard watch.isStuck(0) || Date.now > deadline else { continue }
            kill(processIdentifier, SIGKILL)
            end.wait()
            return false
        }
        return true
    }
}
