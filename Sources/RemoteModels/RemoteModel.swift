import HTTP
import JSON
import Synchronization

/// A language model behind HTTP.
///
///     let settings = try RemoteModelSettings(.anthropicMessages, model: "…")
///     let text = try await RemoteModel.connect(settings) { model in
///         try await model.complete(user: "What rhymes with carrot?", maxTokens: 50).text
///     }
///
/// Overload (429, 5xx), broken connections and silence are met with patience: the question is asked again, later. What would fail
/// again is an error at once.
public final class RemoteModel: Sendable {
    /// Where the model is, and how patiently it is asked.
    public let settings: RemoteModelSettings
    private let transport: HTTPTransport
    private let gate: ConcurrencyLimiter
    private let counts = Mutex(Usage())

    /// What was sent and paid for.
    public struct Usage: Sendable, Equatable {
        /// Requests, repeated ones included.
        public var requests = 0
        /// Tokens of all questions that were answered, usably or not, where the server counts them.
        public var inputTokens = 0
        /// Tokens of all answers, usable or not, where the server counts them.
        public var outputTokens = 0
    }

    private init(_ settings: RemoteModelSettings, client: HTTPClient) {
        self.settings = settings
        transport = HTTPTransport(
            client: client, timeout: settings.requestTimeout, longestAnswer: settings.longestAnswer)
        gate = ConcurrencyLimiter(most: settings.concurrency)
    }

    /// Lends a model to `body` and closes its connections afterwards.
    public static func connect<Result: Sendable>(
        _ settings: RemoteModelSettings, _ body: @Sendable (RemoteModel) async throws -> Result
    ) async throws -> Result {
        guard HTTPClient.isAvailable else { throw RemoteModelError.settings(HTTPClient.absence) }
        var wanted = HTTPClient.Settings()
        wanted.connectTimeout = settings.connectTimeout
        // It follows no redirects, which would carry the key to an address that nobody named.
        return try await HTTPClient.lend(wanted) { client in try await body(RemoteModel(settings, client: client)) }
    }

    /// What was sent and paid for so far.
    public var usage: Usage { counts.withLock { $0 } }

    /// Asks a question. Throws ``RemoteModelError``, or `CancellationError`.
    public func complete(
        system: String? = nil, user: String, maxTokens: Int, temperature: Double? = nil
    ) async throws -> Completion {
        let prompt = RemotePrompt(system: system, user: user, maxTokens: maxTokens, temperature: temperature)
        return try await complete(prompt) { $0 }
    }

    /// Asks a question and reads the answer; one that `read` finds unusable is asked for again, a limited number of times.
    ///
    /// Throws ``RemoteModelError``, or `CancellationError`.
    public func complete<Answer: Sendable>(
        _ prompt: RemotePrompt, reading read: @Sendable (Completion) throws -> Answer
    ) async throws -> Answer {
        let json = settings.wire.body(prompt, model: settings.model, isOriginal: settings.isOriginal)
        let body = json.serialized(JSONFormat(itemSeparator: ",", keySeparator: ":"))
        var failures = 0
        var badAnswers = 0
        while true {
            let (start, reply) = try await gate.pass { [self] in
                counts.withLock { $0.requests += 1 }
                return try await transport.post(
                    settings.address, headers: settings.wire.headers(settings.key), body: body)
            }
            let failure: Attempt.Failure
            switch Attempt.judge(reply) {
            case .document(let bytes):
                await gate.succeeded()
                do { return try read(completion(bytes)) } catch let error as UnusableAnswer {
                    failure = Attempt.Failure(.badAnswer, error.reason, error.detail)
                }
            case .failure(let judged): failure = judged
            }
            failures += 1
            if failure.kind == .badAnswer { badAnswers += 1 }
            if failure.isOverload { await gate.overloaded(start, wait: failure.wait) }
            try await pause(after: failure, failures, badAnswers)
        }
    }

    /// Waits as long as it is worth waiting, or throws.
    private func pause(after failure: Attempt.Failure, _ failures: Int, _ badAnswers: Int) async throws {
        let policy = settings.retries
        if failure.isFinal { throw error(failure, attempts: 1) }
        if let wait = failure.wait, wait > policy.longestServerDelay {
            let seconds = Int((wait / .seconds(1)).rounded())
            throw error(
                failure.ending("the server asks to wait \(seconds) s; run again after that"), attempts: 1)
        }
        if failures >= policy.maxAttempts || badAnswers >= settings.maxBadAnswers {
            throw error(failure, attempts: failures)
        }
        try await Task.sleep(
            for: failure.wait.map(policy.delay(askedFor:)) ?? policy.delay(afterFailure: failures))
    }

    private func completion(_ bytes: [UInt8]) throws -> Completion {
        guard let json = try? JSONValue.parse(bytes) else {
            throw UnusableAnswer("an answer that is no JSON", detail: ServerMessage.text(bytes))
        }
        let completion = try settings.wire.completion(json)
        counts.withLock {
            $0.inputTokens += completion.inputTokens ?? 0
            $0.outputTokens += completion.outputTokens ?? 0
        }
        guard !completion.text.allSatisfy(\.isWhitespace) else {
            let reason = completion.stopReason
            throw UnusableAnswer(
                reason == "refusal" || reason == "content_filter" ? "refused" : "an empty answer",
                detail: reason.map { "it stopped with \($0)" })
        }
        return completion
    }

    private func error(_ failure: Attempt.Failure, attempts: Int) -> RemoteModelError {
        var line = "\(settings.address): \(failure.reason)"
        if let detail = failure.detail.map({ ServerMessage.oneLine($0, hiding: settings.key) }), !detail.isEmpty {
            line += ": \(detail)"
        }
        if attempts > 1 { line += " (after \(attempts) attempts)" }
        switch failure.advice {
        case .none: break
        case .key: line += "; \(settings.keyAdvice)"
        case .text(let advice): line += "; \(advice)"
        }
        return RemoteModelError(failure.kind, reason: failure.reason, line)
    }
}
