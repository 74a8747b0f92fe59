/// Lets a limited number of requests through at once.
///
/// The limit adapts as congestion control does: overload halves it, each success adds a fraction of one. A server that names a
/// time to wait is given it by everybody.
package actor ConcurrencyLimiter {
    private let most: Int
    private var limit: Double
    private var inside = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var pausedUntil = ContinuousClock.now
    private var lastReduction = ContinuousClock.now

    package init(most: Int) {
        self.most = max(1, most)
        limit = Double(self.most)
    }

    /// Requests that may be inside at this moment.
    package var currentLimit: Int { Int(limit) }

    /// Runs `body` when there is room, and returns when the request began together with what came of it.
    package func pass<Result: Sendable>(
        _ body: @Sendable () async throws -> Result
    ) async throws -> (start: ContinuousClock.Instant, result: Result) {
        await enter()
        defer { leave() }
        while ContinuousClock.now < pausedUntil { try await Task.sleep(until: pausedUntil, clock: .continuous) }
        try Task.checkCancellation()
        let start = ContinuousClock.now
        return (start, try await body())
    }

    /// An answer came: there may be room for more.
    package func succeeded() {
        limit = min(Double(most), limit + 1 / limit)
        admit()
    }

    /// The server is overloaded. Requests that began before the last reduction say nothing new.
    package func overloaded(_ start: ContinuousClock.Instant, wait: Duration?) {
        let now = ContinuousClock.now
        if start > lastReduction {
            limit = max(1, limit / 2)
            lastReduction = now
        }
        if let wait { pausedUntil = max(pausedUntil, now + wait) }
    }

    private func enter() async {
        if waiting.isEmpty, inside < Int(limit) {
            inside += 1
        } else {
            // A place is handed over by `admit`. Everybody inside leaves in the end, so nobody waits for ever.
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    private func leave() {
        inside -= 1
        admit()
    }

    private func admit() {
        while inside < Int(limit), !waiting.isEmpty {
            inside += 1
            waiting.removeFirst().resume()
        }
    }
}
