import JSON
import Testing
import Tokenization

@Suite("Chats as data sets have them")
struct ChatFormatTests {
    private func conversation(_ record: JSONValue, wanted: ChatFormat.Kind? = nil) throws -> Conversation {
        let format = try #require(ChatFormat.detect(record, wanted: wanted))
        return try format.conversation(record, source: "row 1")
    }

    private func said(_ record: JSONValue) -> String {
        do { _ = try conversation(record) } catch { return "\(error)" }
        return ""
    }

    @Test("Each layout is found and comes to the same conversation")
    func layouts() throws {
        let wanted: [JSONObject] = [
            ["role": "user", "content": "Hello"], ["role": "assistant", "content": "Good day"],
        ]
        let records: [(JSONValue, ChatFormat.Kind)] = [
            (["messages": .array(wanted.map { .object($0) })], .messages),
            (["prompt": .array(wanted.map { .object($0) })], .messages),
            (
                ["conversations": [["from": "human", "value": "Hello"], ["from": "gpt", "value": "Good day"]]],
                .conversations
            ),
            (["conversations": .array(wanted.map { .object($0) })], .messages),
            (["prompt": "Hello", "response": "Good day"], .pairs),
            (["question": "Hello", "answer": "Good day"], .pairs),
        ]
        for (record, kind) in records {
            let format = try #require(ChatFormat.detect(record))
            #expect(format.kind == kind && format.summary.contains(format.key))
            let found = try format.conversation(record, source: "row 1")
            #expect(found.messages == wanted && !found.addsGenerationPrompt)
        }
        #expect(ChatFormat.detect(["text": "Hello"]) == nil)
        #expect(ChatFormat.detect(["messages": []]) == nil)
    }

    @Test(
        "A table's empty fields are left out, parts are put together, and a system turn beside the messages comes first"
    )
    func details() throws {
        let found = try conversation([
            "system": "Be brief.",
            "messages": [
                [
                    "role": "user", "content": [["type": "text", "text": "Hel"], ["type": "text", "text": "lo"]],
                    "name": nil,
                ],
                [
                    "role": "assistant", "content": nil,
                    "tool_calls": [["function": ["name": "look", "arguments": "{}"]]],
                ],
                ["role": "tool", "content": "found"],
            ],
            "tools": "[{\"type\": \"function\", \"function\": {\"name\": \"look\"}}]",
        ])
        #expect(found.messages.map { $0["role"]?.string } == ["system", "user", "assistant", "tool"])
        #expect(found.messages[1] == ["role": "user", "content": "Hello"])
        #expect(found.messages[2]["content"]?.string == "" && found.messages[2]["tool_calls"]?.array?.count == 1)
        #expect(found.tools?.first?["function"]?["name"]?.string == "look" && found.addsGenerationPrompt)
    }

    @Test("A call among turns is one")
    func calls() throws {
        let found = try conversation([
            "conversations": [
                ["from": "human", "value": "Weather?"],
                ["from": "function_call", "value": "{\"name\": \"weather\", \"arguments\": {}}"],
                ["from": "observation", "value": "rain"],
            ]
        ])
        #expect(found.messages[1]["tool_calls"]?[0]?["function"]?["name"]?.string == "weather")
        #expect(found.messages[2]["role"]?.string == "tool")
    }

    @Test("What is missing or unknown is named")
    func refusals() {
        #expect(said(["conversations": [["from": "narrator", "value": "x"]]]).contains("narrator"))
        #expect(said(["messages": [["role": "user", "content": [["type": "image"]]]]]).contains("image"))
        #expect(said(["messages": [["role": "user"]]]).contains("message 1 has no \"content\""))
        #expect(said(["messages": [["role": "user", "content": "a"]], "tools": "{"]).contains("tools"))
    }
}
