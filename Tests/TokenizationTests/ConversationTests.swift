import Foundation
import JSON
import Testing
import Tokenization

@Suite("Conversations")
struct ConversationTests {
    private func render(
        _ source: String, _ json: JSONValue, specialTokens: [String: String] = [:]
    ) throws -> String {
        try ChatTemplate(source: source).render(try Conversation(json, source: "test"), specialTokens: specialTokens)
    }

    @Test("Every field of a message reaches the template, in its order")
    func fields() throws {
        let call: JSONValue = [
            "role": "assistant", "tool_calls": [["function": ["name": "f", "arguments": "{\"city\": \"Oslo\"}"]]],
            "own": [1, 2.5],
        ]
        let text = try render("{{ messages[0] | tojson }}", [call])
        #expect(text == call.serialized())
    }

    @Test("Tools, documents and further variables reach the template, or are none")
    func otherVariables() throws {
        let source = "{{ tools | tojson }} {{ documents | tojson }} {{ enable_thinking }} {{ add_generation_prompt }}"
        let message: JSONValue = ["role": "user", "content": "x"]
        #expect(try render(source, [message]) == "null null  True")
        let json: JSONValue = [
            "messages": [message], "tools": [["name": "t"]], "documents": [["text": "d"]],
            "add_generation_prompt": false,
            "chat_template_kwargs": ["enable_thinking": false],
        ]
        #expect(try render(source, json) == #"[{"name": "t"}] [{"text": "d"}] False False"#)
    }

    @Test("Further variables come before special tokens, but cannot take the place of what a conversation holds")
    func precedence() throws {
        let message: JSONValue = ["role": "user", "content": "x"]
        let json: JSONValue = ["messages": [message], "chat_template_kwargs": ["bos_token": "own"]]
        #expect(
            try render("{{ bos_token }}{{ eos_token }}", json, specialTokens: ["bos_token": "B", "eos_token": "E"])
                == "ownE")
        for name in ["messages", "tools", "documents", "add_generation_prompt"] {
            let json: JSONValue = [
                "messages": [message], "chat_template_kwargs": .object(JSONObject([(name, JSONValue.integer(1))])),
            ]
            #expect(throws: TokenizerError.self) { try render("", json) }
        }
    }

    @Test(
        "A message that is continued ends the text with its words, and with the space behind them where the template keeps it",
        arguments: [
            ("{% for m in messages %}<{{ m.content }}>{% endfor %}", "<Hi><I am >", "<Hi><I am "),
            ("{% for m in messages %}<{{ m.content | trim }}>{% endfor %}", "<Hi><I am>", "<Hi><I am"),
        ])
    func continuation(source: String, whole: String, open: String) throws {
        let messages: JSONValue = [["role": "user", "content": "Hi"], ["role": "assistant", "content": "I am "]]
        #expect(try render(source, messages) == whole)
        #expect(try render(source, ["messages": messages, "continue_final_message": true]) == open)
        let parts: JSONValue = [["role": "user", "content": [["type": "text", "text": "a"], ["type": "image"]]]]
        let text = try render(
            "{{ messages[0].content[0].text }}!", ["messages": parts, "continue_final_message": true])
        #expect(text == "a")
    }

    @Test(
        "What cannot be rendered is refused with its name",
        arguments: [
            (#"{"messages": []}"#, "empty"),
            (#"{"messages": [{"role": "user"}], "continue_final_message": true}"#, "continued"),
            (#"{"messages": [{"role": "user", "content": "a"}], "continue_final_message": true}"#, "leaves out"),
            (
                #"{"messages": [{"role": "user", "content": "a"}], "continue_final_message": true, "add_generation_prompt": true}"#,
                "choose one"
            ),
            (#"{"messages": [{"role": "user"}], "tools": [1]}"#, "tools"),
            (#"{"messages": [{"role": "user"}], "tools": {}}"#, "tools"),
            (#"{"messages": [{"role": "user"}], "documents": ["d"]}"#, "documents"),
            (#"{"messages": [{"content": "x"}]}"#, "message 1"), (#"{"messages": "x"}"#, "array"),
            (#"{"messages": [{"role": "user"}], "chat_template_kwargs": []}"#, "chat_template_kwargs"),
            (#"{"messages": [{"role": "user"}], "add_generation_prompt": 1}"#, "add_generation_prompt"),
        ])
    func refusals(json: String, part: String) throws {
        let error = #expect(throws: TokenizerError.self) { try render("a", try JSONValue.parse(json)) }
        #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    }
}
