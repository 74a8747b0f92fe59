import JSON

/// A message of a chat as clients send it.
struct ChatMessage: Sendable, Equatable {
    var role: String
    /// Nil where there is none, as beside calls of tools.
    var content: String?
    /// Of templates that tell an answer's parts apart (`analysis`, `final`, …).
    var channel: String?
    /// What else the template may ask for: calls of tools, the name of a tool, reasoning.
    var fields = JSONObject()

    /// As templates get it.
    var json: JSONObject {
        var object = JSONObject([("role", .string(role))])
        if let content { object["content"] = .string(content) }
        if let channel { object["channel"] = .string(channel) }
        for (key, value) in fields { object[key] = value }
        return object
    }
}

/// The text that a request is about, plain or as a chat: the fields that most endpoints share.
struct TextRequest: Sendable {
    /// What there is to read.
    enum Source: Sendable, Equatable {
        case text(String)
        case messages([ChatMessage])
    }

    var source: Source
    /// Whether a chat ends with what the model's answer begins after.
    var addsGenerationPrompt: Bool
    /// Whether a chat's last message is left open, to be continued. Then there is no generation prompt.
    var continuesFinalMessage: Bool
    /// The template's variable of that name.
    var enableThinking: Bool?
    /// The template's variables of these names.
    var tools: [JSONValue]?, documents: [JSONValue]?
    /// More variables of the template.
    var variables = JSONObject()
    /// Whether it is told where in the chat each token comes from.
    var locates = true

    /// Bytes of what there is to read.
    var byteCount: Int {
        switch source {
        case .text(let text): text.utf8.count
        case .messages(let messages):
            messages.reduce(variables.reduce(0) { $0 + $1.1.compact.utf8.count }) { sum, message in
                sum + (message.content?.utf8.count ?? 0) + message.fields.reduce(0) { $0 + $1.1.compact.utf8.count }
            } + ((tools ?? []) + (documents ?? [])).reduce(0) { $0 + $1.compact.utf8.count }
        }
    }

    /// A chat to be answered.
    init(messages: [ChatMessage], continuesFinalMessage: Bool = false) {
        source = .messages(messages)
        addsGenerationPrompt = !continuesFinalMessage
        self.continuesFinalMessage = continuesFinalMessage
        locates = false
    }

    /// Reads the fields; what is wrong is noted there, and then nil may come back.
    init?(_ fields: inout RequestFields, limit: Int) {
        let text = fields.text("text", limit: limit)
        let messages = TextRequest.messages(&fields, limit: limit)
        addsGenerationPrompt = fields.bool("add_generation_prompt", default: true)
        continuesFinalMessage = fields.bool("continue_final_message", default: false)
        enableThinking = fields.optionalBool("enable_thinking")
        if let messages {
            if messages.isEmpty {
                fields.note(
                    [.string("messages")], "value_error", "Value error, there are no messages; send at least one")
            }
            source = .messages(messages)
        } else if let text {
            source = .text(text)
        } else {
            if fields.problems.isEmpty {
                fields.note([], "value_error", "Value error, there is nothing to read; send `text` or `messages`")
            }
            return nil
        }
    }

    private static func messages(_ fields: inout RequestFields, limit: Int) -> [ChatMessage]? {
        guard let objects = fields.objects("messages") else { return nil }
        var characters = 0
        let messages = objects.map { object in
            var object = object
            let message = ChatMessage(
                role: object.text("role", isRequired: true, isNullable: false, limit: 64) ?? "",
                content: object.text("content", isNullable: false, limit: limit) ?? "",
                channel: object.text("channel", limit: 64))
            fields.adopt(object)
            // A message costs something even without words.
            characters += (message.content?.unicodeScalars.count ?? 0) + 8
            return message
        }
        if characters > limit {
            fields.note(
                [.string("messages")], "string_too_long",
                "The messages should have at most \(limit) characters together",
                context: JSONObject([("max_length", .integer(limit))]))
        }
        return messages
    }
}
