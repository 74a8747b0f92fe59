import Foundation

/// When a request over a network is made again, and after how long.
public struct Backoff: Sendable {
    /// Attempts in a row that bring nothing new, the first included.
    public var maxAttempts = 6
    /// The wait after the first failure; it doubles with each further one.
    public var firstDelay: Duration = .seconds(1)
    /// The longest wait of our own choice.
    public var longestDelay: Duration
    /// The longest wait that a server may ask for; one that asks for more is an error that says so.
    public var longestServerDelay: Duration = .seconds(600)
    /// Where chance comes from, uniform in [0, 1).
    public var jitter: @Sendable () -> Double = { .random(in: 0..<1) }

    /// The usual patience: six attempts, half a minute of waiting or so in all.
    public init(longestDelay: Duration = .seconds(60)) { self.longestDelay = longestDelay }

    /// How long to wait after so many failures in a row, where the server says nothing: exponential, between half and all of the full delay,
    /// so that many that failed together do not come back together.
    package func delay(afterFailure failure: Int) -> Duration {
        let doubled = firstDelay * pow(2, Double(min(max(0, failure - 1), 30)))
        return min(doubled, longestDelay) * (0.5 + 0.5 * jitter())
    }

    /// What a server asks for, spread a little.
    package func delay(askedFor wait: Duration) -> Duration {
        max(wait, .zero) + min(firstDelay, longestDelay) * jitter()
    }

    /// Reads `retry-after-ms` or `retry-after`, which is a number of seconds or a date (RFC 9110, 10.2.3).
    package static func wait(milliseconds: String? = nil, retryAfter: String?, now: Date = Date()) -> Duration? {
        func bounded(_ seconds: Double) -> Duration { .seconds(max(0, min(seconds, 1e9))) }
        if let number = milliseconds.flatMap(Double.init), number.isFinite { return bounded(number / 1000) }
        guard let text = retryAfter?.trimmingCharacters(in: .whitespaces) else { return nil }
        if let number = Double(text), number.isFinite { return bounded(number) }
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(identifier: "GMT")
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        return format.date(from: text).map { bounded($0.timeIntervalSince(now)) }
    }
}
