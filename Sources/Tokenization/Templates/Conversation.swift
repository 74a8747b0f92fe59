import JSON

/// What a chat template renders: messages with all their fields, and what else a template may ask for.
///
///     var conversation = Conversation(messages: [["role": "user", "content": "Where is Rosa?"]])
///     conversation.tools = tools
///     let text = try tokenizer.render(conversation)
///
/// The values are JSON, so that any field of a message (`tool_calls`, `tool_call_id`, `name`, `reasoning_content`, parts of
/// content, fields that only one model knows) reaches the template as it was written, in its order.
public struct Conversation: Sendable, Equatable {
    /// The messages, each an object with a `role` and whatever else the template asks for.
    public var messages: [JSONObject]
    /// The variable `tools`, each an object; nil is `none` in the template.
    public var tools: [JSONValue]?
    /// The variable `documents`, each an object; nil is `none` in the template.
    public var documents: [JSONValue]?
    /// Whether the text ends with what the model's answer begins after.
    public var addsGenerationPrompt: Bool
    /// Whether the text ends where the content of the last message does, so that the model goes on with it.
    public var continuesFinalMessage: Bool
    /// More variables, such as `enable_thinking`. They come before special tokens of the same name.
    public var variables: JSONObject

    /// Makes a conversation.
    public init(
        messages: [JSONObject], tools: [JSONValue]? = nil, documents: [JSONValue]? = nil,
        addsGenerationPrompt: Bool = true, continuesFinalMessage: Bool = false, variables: JSONObject = JSONObject()
    ) {
        self.messages = messages
        self.tools = tools
        self.documents = documents
        self.addsGenerationPrompt = addsGenerationPrompt
        self.continuesFinalMessage = continuesFinalMessage
        self.variables = variables
    }

    /// Reads a conversation from JSON: an array of messages, or an object with `messages` and, if there are any, `tools`,
    /// `documents`, `add_generation_prompt`, `continue_final_message` and `chat_template_kwargs`. Other fields are not looked at.
    ///
    /// - Throws: `TokenizerError` that names the field.
    public init(_ json: JSONValue, source: String) throws {
        func failure(_ reason: String) -> TokenizerError { TokenizerError(source: source, reason: reason) }
        func list(_ name: String) throws -> [JSONValue]? {
            guard let value = json[name], !value.isNull else { return nil }
            guard let list = value.array else { throw failure("\(name.debugDescription) is no array; write one") }
            return list
        }
        func flag(_ name: String, default defaultValue: Bool) throws -> Bool {
            guard let value = json[name], !value.isNull else { return defaultValue }
            guard let flag = value.bool else {
                throw failure("\(name.debugDescription) is neither true nor false; write one")
            }
            return flag
        }
        guard let messages = json.array ?? json["messages"]?.array else {
            throw failure("an array of messages is needed, each with \"role\" and \"content\"")
        }
        var variables = JSONObject()
        if let value = json["chat_template_kwargs"], !value.isNull {
            guard let object = value.object else { throw failure("\"chat_template_kwargs\" is no object; write one") }
            variables = object
        }
        let continues = try flag("continue_final_message", default: false)
        self.init(
            messages: try messages.enumerated().map { index, message in
                guard let object = message.object, object["role"]?.string != nil else {
                    throw failure(
                        "message \(index + 1) has no \"role\"; an object with \"role\" and \"content\" is needed")
                }
                return object
            },
            tools: try list("tools"), documents: try list("documents"),
            addsGenerationPrompt: try flag("add_generation_prompt", default: !continues),
            continuesFinalMessage: continues, variables: variables)
    }
}

extension Conversation {
    /// The names that a template always gets and that further variables cannot take.
    static let reservedNames: Set<String> = ["messages", "tools", "documents", "add_generation_prompt"]

    /// Where reasoning stands in a message. The first name is the one that most templates ask for.
    static let reasoningFields = ["reasoning_content", "thinking", "reasoning"]

    /// A message as transformers hands it to a template: without fields that are null, and with reasoning under both of the
    /// names that templates ask for.
    static func normalized(_ message: JSONObject) -> JSONObject {
        var kept = JSONObject(message.filter { !$0.1.isNull })
        guard let reasoning = reasoningFields.lazy.compactMap({ kept[$0] }).first else { return kept }
        let thinking = kept["thinking"] ?? reasoning
        kept["thinking"] = nil
        kept = JSONObject([("thinking", thinking)] + kept.map { ($0, $1) })
        kept["reasoning_content"] = reasoning
        return kept
    }

    /// Checks what does not depend on the template.
    ///
    /// - Throws: `TemplateFailure`.
    func check() throws {
        guard !messages.isEmpty else { throw TemplateFailure("the conversation is empty; give at least one message") }
        guard !(addsGenerationPrompt && continuesFinalMessage) else {
            throw TemplateFailure(
                "a conversation either continues its last message or ends with a generation prompt; choose one")
        }
        for (name, list) in [("tools", tools), ("documents", documents)] {
            for (index, element) in (list ?? []).enumerated() where element.object == nil {
                throw TemplateFailure("element \(index + 1) of \(name.debugDescription) is no object; write one")
            }
        }
        for name in variables.keys where Self.reservedNames.contains(name) {
            throw TemplateFailure("\(name.debugDescription) is no further variable of templates; give it as what it is")
        }
    }
}
