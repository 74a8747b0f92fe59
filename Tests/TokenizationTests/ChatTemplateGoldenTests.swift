import Foundation
import JSON
import Testing
import Tokenization

/// Compares with what `jinja2` makes of templates when it is set up as `transformers` does.
@Suite("Chat template goldens")
struct ChatTemplateGoldenTests {
    static let document = Result { try Goldens.document("templates.json") }

    @Test("Templates in the styles of five model families render the same, or raise the same exception")
    func templates() throws {
        let document = try Self.document.get()
        for golden in try #require(document["renderings"]?.array) {
            let name = try #require(golden["template"]?.string)
            let source = try #require(document["templates"]?[name]?.string)
            let messages = try #require(golden["messages"]?.string)
            let result = Result {
                try ChatTemplate(source: source).render(
                    messages: try #require(document["messages"]?[messages]),
                    addGenerationPrompt: golden["add_generation_prompt"]?.bool ?? false,
                    bosToken: golden["bos_token"]?.string, eosToken: golden["eos_token"]?.string,
                    tools: golden["tools"]?.bool == true ? document["tools"] : nil)
            }
            expect(result, golden, "\(name), \(messages)")
        }
    }

    @Test("Expressions and blocks mean the same, one by one")
    func snippets() throws {
        let document = try Self.document.get()
        for golden in try #require(document["snippets"]?.array) {
            let source = try #require(golden["source"]?.string)
            let result = Result {
                try ChatTemplate(source: source).render(
                    messages: try #require(document["messages"]?["chat"]), addGenerationPrompt: true,
                    bosToken: "<bos>", eosToken: nil, tools: document["tools"])
            }
            expect(result, golden, source, comparesErrors: false)
        }
    }

    private func expect(
        _ result: Result<String, any Error>, _ golden: JSONValue, _ name: String, comparesErrors: Bool = true
    ) {
        switch result {
        case .success(let text):
            #expect(text.bytes == golden["rendered"]?.string?.bytes, "\(name): \(text) \(golden.serialized())")
        case .failure(let error as TokenizerError):
            #expect(golden["rendered"] == nil, "\(name): \(error) \(golden.serialized())")
            if comparesErrors { #expect(error.reason == golden["error"]?.string, "\(name)") }
        case .failure(let error): Issue.record("\(name): \(error)")
        }
    }
}

@Suite(
    "Real chat templates",
    .enabled(if: SharedFiles.exist("chat_templates"), "needs ../shared/chat_templates, or $INTERLINEAR_SHARED"))
struct SharedChatTemplateTests {
    @Test(
        "Conversations render as recorded",
        arguments: ["Qwen-Qwen2.5-7B-Instruct", "google-gemma-2-2b-it", "meta-llama-Llama-3.2-3B-Instruct"])
    func goldens(name: String) throws {
        let template = try ChatTemplate(source: SharedFiles.text("chat_templates/\(name).jinja"))
        // 2 January 2026, at noon in Greenwich.
        let date = Date(timeIntervalSince1970: 1_767_355_200)
        for golden in try #require(SharedFiles.document("chat_templates/\(name).golden.json").array) {
            let result = Result {
                try template.render(
                    messages: try #require(golden["messages"]),
                    addGenerationPrompt: golden["add_generation_prompt"]?.bool ?? false,
                    bosToken: golden["bos_token"]?.string, eosToken: golden["eos_token"]?.string, now: date)
            }
            switch result {
            case .success(let text): #expect(text.bytes == golden["rendered"]?.string?.bytes)
            case .failure(let error as TokenizerError): #expect(error.reason == golden["error"]?.string)
            case .failure(let error): Issue.record(error)
            }
        }
    }
}
