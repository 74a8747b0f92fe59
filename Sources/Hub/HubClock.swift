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

/// When a request is made again, and after how long.
public struct HubPatience: Sendable {
    /// Attempts in a row that bring nothing new, the first included. Any new byte begins the count again.
    public var maxAttempts = 6
    /// The wait after the first failure; it doubles with each further one.
    public var firstDelay: Duration = .seconds(1)
    /// The longest wait of our own choice.
    public var longestDelay: Duration = .seconds(30)
    /// The longest wait that the hub may ask for. One that asks for more is an error that says so.
    public var longestServerDelay: Duration = .seconds(600)
    /// Where chance comes from, uniform in [0, 1).
    public var jitter: @Sendable () -> Double = { .random(in: 0..<1) }

    /// The usual patience: six attempts, half a minute or so in all.
    public init() {}

    /// How long to wait after so many failures in a row: exponential, spread between half and all of the full delay, so that
    /// connections that broke together do not come back together.
    func delay(afterFailure failure: Int) -> Duration {
        let doubled = firstDelay * Double(1 << min(max(0, failure - 1), 20))
        return min(doubled, longestDelay) * (0.5 + 0.5 * jitter())
    }
}
