import JSON

/// Makes an attempt again for as long as that makes sense.
struct Retries: Sendable {
    private let settings: HubSettings
    private let waiting: @Sendable (String, Duration) -> Void
    private var failures = 0

    /// - Parameter waiting: told why, and how long, before each wait.
    init(_ settings: HubSettings, _ waiting: @escaping @Sendable (String, Duration) -> Void) {
        self.settings = settings
        self.waiting = waiting
    }

    /// Something new came: the count begins again.
    mutating func progressed() { failures = 0 }

    /// Waits as long as is worth waiting after a failure, or throws what it comes to.
    mutating func pause(after failure: HubAnswer.Failure) async throws {
        guard failure.course != .none else { throw failure.error }
        failures += 1
        // Without a network, many attempts only take time.
        let most = failure.isAbsence ? min(3, settings.patience.maxAttempts) : settings.patience.maxAttempts
        guard failures < most else {
            let line = "\(failure.error)" + (failures > 1 ? " (after \(failures) attempts)" : "")
            throw HubError(failure.error.kind, line)
        }
        var delay = settings.patience.delay(afterFailure: failures)
        switch failure.course {
        case .again(after: let wait?):
            guard wait <= settings.patience.longestServerDelay else {
                throw HubError(failure.error.kind, "\(failure.error); run again after that")
            }
            delay = settings.patience.delay(askedFor: wait)
        case .locateAgain, .fromStart: if failures == 1 { delay = .zero }
        default: break
        }
        if delay > .zero {
            waiting("\(failure.error)", delay)
            try await settings.clock.sleep(delay)
        }
        try Task.checkCancellation()
    }

    /// Runs `body` until it returns.
    ///
    /// - Throws: ``HubError`` or `CancellationError`.
    func run<Result: Sendable>(_ body: @Sendable () async throws -> Result) async throws -> Result {
        var retries = self
        while true {
            let failure: HubAnswer.Failure
            do { return try await body() } catch let error as HubAnswer.Failure {
                failure = error
            } catch let error as TransportFailure {
                failure = Self.failure(error, settings.endpoint)
            }
            try await retries.pause(after: failure)
        }
    }

    /// What a failed connection comes to.
    static func failure(_ error: TransportFailure, _ address: String, file: String? = nil) -> HubAnswer.Failure {
        let host = HubOrigin(address)?.host ?? address
        let place = file.map { "\($0): \(host)" } ?? host
        switch error {
        case .absent(let why):
            return HubAnswer.Failure(
                course: .again(after: nil), error: HubError(.unreachable, "\(place) cannot be reached: \(why)"),
                isAbsence: true)
        case .broken(let why):
            return HubAnswer.Failure(
                course: .again(after: nil), error: HubError(.unreachable, "\(place) cannot be reached: \(why)"))
        case .redirect(let why):
            return HubAnswer.Failure(course: .none, error: HubError(.unreachable, "\(place): \(why)"))
        }
    }
}
