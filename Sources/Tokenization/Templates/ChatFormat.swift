import JSON

/// How a record of a data set holds a conversation. Every record of one file has the same format, which the first one shows.
///
///     let format = try ChatFormat.detect(record, source: place)     // conversations, from "conversations"
///     let conversation = try format.conversation(record, source: place)
public struct ChatFormat: Sendable, Equatable {
    /// The formats that there are.
    public enum Kind: String, CaseIterable, Sendable {
        /// A list of `{role, content}`, where content is text or a list of parts.
        case messages
        /// A list of `{from, value}`, where `from` is `human`, `gpt`, `system` and so on.
        case conversations
        /// A question and an answer under two keys.
        case pairs
    }

    /// The format.
    public let kind: Kind
    /// The key that the list, or the question, stands under.
    public let key: String

    /// Keys of lists, and of questions with their answers.
    private static let lists = ["messages", "conversations", "conversation", "chat", "prompt"]
    private static let pairs = [
        ("prompt", "response"), ("prompt", "completion"), ("question", "answer"), ("instruction", "output"),
    ]

    /// Every key that a record is looked at for.
    public static let fields =
        lists + pairs.flatMap { [$0.0, $0.1] } + ["system", "system_prompt", "tools", "input", "chat_template_kwargs"]

    /// One line about what was found: `conversations (from, value), under "conversations"`.
    public var summary: String {
        switch kind {
        case .messages: "messages (role, content), under \(key.debugDescription)"
        case .conversations: "conversations (from, value), under \(key.debugDescription)"
        case .pairs: "questions with answers, under \(key.debugDescription)"
        }
    }

    /// Finds a record's format; nil where it holds no conversation.
    ///
    /// - Parameter wanted: the only format to look for; nil for any.
    public static func detect(_ record: JSONValue, wanted: Kind? = nil) -> ChatFormat? {
        for key in lists {
            guard let first = record[key]?.array?.first(where: { $0.object != nil }) else { continue }
            if wanted ?? .messages == .messages, first["role"] != nil { return ChatFormat(kind: .messages, key: key) }
            if wanted ?? .conversations == .conversations, first["from"] != nil {
                return ChatFormat(kind: .conversations, key: key)
            }
        }
        guard wanted ?? .pairs == .pairs else { return nil }
        return pairs.first { record[$0.0]?.string != nil && record[$0.1]?.string != nil }
            .map { ChatFormat(kind: .pairs, key: $0.0) }
    }

    /// A record's conversation: with a system turn where one stands beside the messages, and tools.
    ///
    /// - Parameter source: what errors call the record.
    /// - Throws: `TokenizerError` that names what is missing or unknown.
    public func conversation(_ record: JSONValue, source: String) throws -> Conversation {
        func failure(_ reason: String) -> TokenizerError { TokenizerError(source: source, reason: reason) }
        var messages: [JSONObject]
        switch kind {
        case .pairs:
            guard let answerKey = ChatFormat.pairs.first(where: { $0.0 == key && record[$0.1]?.string != nil })?.1,
                var question = record[key]?.string, let answer = record[answerKey]?.string
            else { throw failure("\(key.debugDescription) or its answer is missing or no text") }
            if key == "instruction", let input = record["input"]?.string, !input.isEmpty { question += "\n\n" + input }
            messages = [
                ["role": "user", "content": .string(question)], ["role": "assistant", "content": .string(answer)],
            ]
        case .messages, .conversations:
            guard let list = record[key]?.array else { throw failure("\(key.debugDescription) is missing or no list") }
            messages = try list.enumerated().map { index, message in
                guard let object = message.object else { throw failure("message \(index + 1) is no object") }
                return try kind == .messages
                    ? ChatFormat.message(object) { failure("message \(index + 1) \($0)") }
                    : ChatFormat.turn(object) { failure("message \(index + 1) \($0)") }
            }
        }
        guard !messages.isEmpty else { throw failure("\(key.debugDescription) has no messages") }
        if let system = record["system"]?.string ?? record["system_prompt"]?.string, !system.isEmpty,
            messages[0]["role"]?.string != "system"
        {
            messages.insert(["role": "system", "content": .string(system)], at: 0)
        }
        // A record that ends with an answer is whole.
        let isOpen = messages[messages.count - 1]["role"]?.string != "assistant"
        var variables = JSONObject()
        if let given = record["chat_template_kwargs"]?.object { variables = JSONObject(given.filter { !$0.1.isNull }) }
        return Conversation(
            messages: messages, tools: try ChatFormat.tools(record["tools"], failure), addsGenerationPrompt: isOpen,
            variables: variables)
    }

    /// A message without the fields that a table has for others' sake, and with content as text where all its parts are.
    private static func message(_ object: JSONObject, _ failure: (String) -> TokenizerError) throws -> JSONObject {
        var message = JSONObject(object.filter { !$0.1.isNull })
        guard message["role"]?.string != nil else { throw failure("has no \"role\"") }
        if let parts = message["content"]?.array {
            let texts = parts.map { part -> String? in
                if let text = part.string { return text }
                guard part["type"]?.string ?? "text" == "text" else { return nil }
                return part["text"]?.string
            }
            if texts.allSatisfy({ $0 != nil }) {
                message["content"] = .string(texts.compactMap { $0 }.joined())
            } else {
                let kinds = parts.compactMap { $0["type"]?.string }.filter { $0 != "text" }
                throw failure("has a part that is no text (\(kinds.first ?? "without a type")); leave such records out")
            }
        }
        // What calls a tool may say nothing.
        if message["content"] == nil {
            guard message["tool_calls"] != nil else { throw failure("has no \"content\"") }
            message["content"] = ""
        }
        return message
    }

    /// Who speaks, by the names that data sets have for them.
    private static let speakers = [
        "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "model": "assistant",
        "bot": "assistant",
        "chatgpt": "assistant", "bing": "assistant", "bard": "assistant", "function_call": "assistant",
        "system": "system", "tool": "tool", "function": "tool", "function_response": "tool", "observation": "tool",
    ]

    private static func turn(_ object: JSONObject, _ failure: (String) -> TokenizerError) throws -> JSONObject {
        guard let from = object["from"]?.string, let role = speakers[from.lowercased()] else {
            throw failure("comes from \(object["from"]?.serialized() ?? "nobody"), not from human, gpt, system or tool")
        }
        guard let value = object["value"]?.string else { throw failure("has no \"value\"") }
        // A call written as JSON is one; else it is what the assistant said.
        if from.lowercased() == "function_call", let call = try? JSONValue.parse(value), call["name"]?.string != nil {
            return ["role": "assistant", "content": "", "tool_calls": [["type": "function", "function": call]]]
        }
        return ["role": .string(role), "content": .string(value)]
    }

    /// Tools as a list, also where a table holds them as JSON in a text.
    private static func tools(_ value: JSONValue?, _ failure: (String) -> TokenizerError) throws -> [JSONValue]? {
        guard let value, !value.isNull else { return nil }
        let list = value.string.flatMap { $0.isEmpty ? .array([]) : try? JSONValue.parse($0) } ?? value
        guard let tools = list.array else { throw failure("\"tools\" is no list") }
        return tools.isEmpty ? nil : tools
    }
}
