import Foundation
import JSON
import RemoteModels
import ScriptedServer
import Testing

@Suite struct MisbehaviourTests {
    /// What a server may do once and be forgiven for.
    static let forgivable: [(String, ScriptedServer.Reply)] = [
        ("429", .error(429)), ("500", .error(500)), ("529", .error(529)),
        ("503 without a body", .answer(status: 503, "")),
        ("an answer broken off", .brokenOff), ("a closed connection", .closed),
        ("garbage", .answer("]]{{\u{0}")), ("another shape", .answer("{\"content\": 5}")),
        ("nothing at all", .answer("")), ("empty text", .message(" \n")),
        ("a page", .answer(type: "text/html", "<html><body>Welcome to the hotel's network</body></html>")),
        ("an error with status 200", .answer("{\"error\": {\"message\": \"oops\"}}")),
        ("no content", .answer(status: 204, "")),
        ("an answer without end", .huge(1 << 20)), ("silence", .silence), ("dripping", .drip),
    ]

    @Test(arguments: forgivable.indices)
    func aMomentOfWeaknessIsForgiven(_ index: Int) async throws {
        let isSlow = index >= Self.forgivable.count - 2
        let (completion, requests) = try await ask {
            $0.longestAnswer = 1 << 18
            guard isSlow else { return }
            $0.requestTimeout = .milliseconds(400)
            // On a busy machine good answers may come too late as well, however often.
            $0.retries.maxAttempts = 10_000
        } script: {
            $0.number == 0 ? Self.forgivable[index].1 : .message("Hi.")
        }
        #expect(try completion.get().text == "Hi.", "\(Self.forgivable[index].0)")
        #expect(isSlow ? requests.count >= 2 : requests.count == 2, "\(Self.forgivable[index].0)")
    }

    @Test func anAnswerOfTheWrongTypeIsReadAllTheSame() async throws {
        let (completion, _) = try await ask { _ in
            .answer(type: "text/plain", #"{"content": [{"type": "text", "text": "Hi."}]}"#)
        }
        #expect(try completion.get().text == "Hi.")
    }

    @Test(arguments: [401, 403, 404, 400, 402, 422, 301])
    func whatWouldFailAgainIsAnErrorAtOnce(_ status: Int) async throws {
        let (completion, requests) = try await ask { _ in .error(status, "no such\nthing as secret-a") }
        let error = try #require(completion.error)
        #expect(requests.count == 1)
        #expect(error.reason == "HTTP \(status)")
        #expect(error.kind == (status == 400 || status == 422 ? .refusesThis : .refusesAll))
        #expect(error.description.contains("HTTP \(status): no such thing as …"), "\(error)")
        #expect(!error.description.contains("secret") && !error.description.contains("\n"), "\(error)")
        if status == 401 { #expect(error.description.contains("ANTHROPIC_API_KEY")) }
    }

    @Test func aLongMessageIsCutShort() async throws {
        let (completion, _) = try await ask { _ in .error(400, String(repeating: "long ", count: 10_000)) }
        #expect(try #require(completion.error).description.utf8.count < 400)
    }

    @Test func attemptsAreLimited() async throws {
        let (completion, requests) = try await ask {
            $0.retries.maxAttempts = 3
        } script: { _ in
            .error(500, "broken")
        }
        let error = try #require(completion.error)
        #expect(requests.count == 3 && error.kind == .noAnswer)
        #expect(error.description.contains("HTTP 500: broken (after 3 attempts)"), "\(error)")
    }

    @Test func badAnswersHaveALimitOfTheirOwn() async throws {
        let (completion, requests) = try await ask { _ in .answer("<html>") }
        let error = try #require(completion.error)
        #expect(requests.count == 2 && error.kind == .badAnswer && error.reason == "an answer that is no JSON")
    }

    @Test func aRefusalSaysSo() async throws {
        let (completion, _) = try await ask { _ in .message("", stop: "refusal") }
        #expect(try #require(completion.error).reason == "refused")
    }

    @Test func spentMoneyIsNotWaitedFor() async throws {
        let (completion, requests) = try await ask(.openAIChatCompletions) { _ in
            .answer(status: 429, #"{"error": {"code": "insufficient_quota", "message": "pay first"}}"#)
        }
        #expect(requests.count == 1)
        #expect(try #require(completion.error).kind == .refusesAll)
    }

    @Test(arguments: [["retry-after-ms": "120"], ["retry-after": "0.12"]])
    func theServersWaitIsHonoured(_ headers: [String: String]) async throws {
        let start = ContinuousClock.now
        let (completion, _) = try await ask { $0.number == 0 ? .error(429, headers: headers) : .message("Hi.") }
        #expect(try completion.get().text == "Hi.")
        #expect(ContinuousClock.now - start >= .milliseconds(120))
    }

    @Test func aServerThatAsksForAnHourEndsTheRun() async throws {
        let (completion, requests) = try await ask { _ in .error(429, headers: ["retry-after": "3600"]) }
        let error = try #require(completion.error)
        #expect(requests.count == 1 && error.kind == .refusesAll && error.description.contains("3600 s"))
    }

    @Test func nobodyThereIsAnErrorAfterAllAttempts() async throws {
        let address = try await ScriptedServer.run({ _ in .closed }) { $0.address }
        var settings = try RemoteModelSettings(.openAIChatCompletions, model: "m", baseURL: address, environment: [:])
        settings.retries.firstDelay = .milliseconds(2)
        settings.retries.maxAttempts = 3
        let error = await #expect(throws: RemoteModelError.self) {
            try await RemoteModel.connect(settings) { try await $0.complete(user: "?", maxTokens: 1) }
        }
        #expect(error?.kind == .noAnswer)
        let words = "the connection failed: Connection refused (after 3 attempts)"
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }

    @Test func aCancelledQuestionEndsSoon() async throws {
        try await ScriptedServer.run({ _ in .silence }) { server in
            // Nothing else ends it.
            let settings = try settings(server) { $0.requestTimeout = .seconds(86_400) }
            let task = Task {
                try await RemoteModel.connect(settings) { try await $0.complete(user: "?", maxTokens: 1) }
            }
            while server.requests.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }
}
