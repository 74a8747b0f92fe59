import Foundation
import JSON
import RemoteModels
import ScriptedServer
import Testing

@Suite struct ProtocolTests {
    @Test func aQuestionInAnthropicsProtocol() async throws {
        let (completion, requests) = try await ask(.anthropicMessages) { _ in .message("Hi.", stop: "max_tokens") }
        let answer = try completion.get()
        #expect(answer.text == "Hi." && answer.inputTokens == 11 && answer.outputTokens == 7 && answer.isCutOff)
        let request = try #require(requests.first)
        #expect(request.line == "POST /v1/messages")
        #expect(request.header("x-api-key") == "secret-a")
        #expect(request.header("anthropic-version") == "2023-06-01")
        #expect(request.header("content-type") == "application/json")
        #expect(request.header("authorization") == nil)
        #expect(
            request.body == [
                "model": "parrot", "max_tokens": 9, "system": "Be brief.",
                "messages": [["role": "user", "content": "Hello?"]],
            ])
    }

    @Test func aQuestionInOpenAIsProtocol() async throws {
        let (completion, requests) = try await ask(.openAIChatCompletions) { _ in .choice("Hi.") }
        let answer = try completion.get()
        #expect(answer.text == "Hi." && answer.inputTokens == 5 && answer.outputTokens == 3 && !answer.isCutOff)
        let request = try #require(requests.first)
        #expect(request.line == "POST /v1/chat/completions")
        #expect(request.header("authorization") == "Bearer secret-o")
        #expect(request.header("x-api-key") == nil)
        #expect(
            request.body == [
                "model": "parrot", "max_tokens": 9,
                "messages": [
                    ["role": "system", "content": "Be brief."], ["role": "user", "content": "Hello?"],
                ],
            ])
    }

    @Test func bothHabitsOfWritingABaseAddressWork() throws {
        func address(_ wire: RemoteProtocol, _ base: String) throws -> String {
            try RemoteModelSettings(wire, model: "m", baseURL: base, environment: [:]).address
        }
        for base in ["http://localhost:1", "http://localhost:1/", "http://localhost:1/v1", "http://localhost:1/v1/"] {
            #expect(try address(.anthropicMessages, base) == "http://localhost:1/v1/messages")
            #expect(try address(.openAIChatCompletions, base) == "http://localhost:1/v1/chat/completions")
        }
        #expect(
            try address(.openAIChatCompletions, "https://example.org/openai/v2")
                == "https://example.org/openai/v2/chat/completions")
    }

    @Test(arguments: [
        "", "localhost:8000", "ftp://example.org", "https://", "https://me:pw@example.org", "http://a?b=c",
    ])
    func whatIsNoBaseAddressIsRefused(_ base: String) {
        let error = #expect(throws: RemoteModelError.self) {
            try RemoteModelSettings(.anthropicMessages, model: "m", baseURL: base, environment: [:])
        }
        #expect(error?.kind == .settings && error?.description.contains("pw") == false)
    }

    @Test func aMissingKeyIsAnErrorWhereOneIsNeeded() throws {
        func make(_ base: String?, _ variable: String? = nil) throws -> RemoteModelSettings {
            try RemoteModelSettings(
                .anthropicMessages, model: "m", baseURL: base, keyVariable: variable, environment: ["OTHER": " "])
        }
        let error = #expect(throws: RemoteModelError.self) { try make(nil) }
        #expect(error?.description.contains("ANTHROPIC_API_KEY") == true)
        #expect(throws: RemoteModelError.self) { try make("http://localhost:1", "OTHER") }
        _ = try make("http://localhost:1")
        _ = try make("https://example.org")
    }

    @Test func theKeyDoesNotShowItself() throws {
        let settings = try RemoteModelSettings(
            .anthropicMessages, model: "m", environment: ["ANTHROPIC_API_KEY": "secret-a"])
        var dumped = ""
        dump(settings, to: &dumped)
        #expect(!"\(settings)\(String(reflecting: settings))\(dumped)".contains("secret-a"))
    }

    @Test func theUsualKeyIsNotSentToAStranger() throws {
        let environment = ["ANTHROPIC_API_KEY": "line\nbreak"]
        // Reading the variable would throw.
        _ = try RemoteModelSettings(
            .anthropicMessages, model: "m", baseURL: "https://example.org", environment: environment)
        #expect(throws: RemoteModelError.self) {
            try RemoteModelSettings(.anthropicMessages, model: "m", environment: environment)
        }
    }
}
