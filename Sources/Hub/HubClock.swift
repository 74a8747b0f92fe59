/// Where time comes from, so that tests need not wait.
public struct HubClock: Sendable {
    /// The time since some moment.
    public var now: @Sendable () -> Duration
    /// Waits. Throws `CancellationError` when the task is cancelled.
    public var sleep: @Sendable (Duration) async throws -> Void

    /// A clock.
    public init(now: @escaping @Sendable () -> Duration, sleep: @escaping @Sendable (Duration) async throws -> Void) {
        self.now = now
        self.sleep = sleep
    }

    /// The machine's.
    public static let machine: HubClock = {
        let start = ContinuousClock.now
        return HubClock(
            now: { ContinuousClock.now - start }, sleep: { try await Task.sleep(for: $0, clock: .continuous) })
    }()
}
