import JSON
import LanguageModel
import Tensors

/// A request for `/v1/chat/completions`.
struct ChatCompletionRequest {
    /// The chat, as the template gets it.
    let input: TextRequest
    let parameters: SamplingParameters
    /// Whether special tokens are put around what the template writes.
    let addsSpecialTokens: Bool
    let streams: Bool
    /// Whether a stream ends with a count of tokens.
    let showsUsage: Bool
    let showsLogProbabilities: Bool
    /// What the client calls the request.
    let name: String?

    /// Reads and checks all fields. Each that OpenAI's and vLLM's schemas have is honoured, or refused by name if it asks for
    /// anything but what happens anyway; others are refused.
    init(_ request: RequestFields, _ writer: ModelFacts.Writer, _ settings: StudioSettings) throws {
        var fields = request
        fields.refuseUnknown(ChatCompletionRequest.known)
        let continues = fields.optionalBool("continue_final_message") ?? false
        let opens = fields.optionalBool("add_generation_prompt")
        let messages = ChatCompletionRequest.messages(&fields, limit: settings.maximumInputCharacters)
        var input = TextRequest(messages: messages, continuesFinalMessage: continues)
        input.addsGenerationPrompt = opens ?? !continues
        if continues, opens == true {
            fields.note(
                ["continue_final_message"], "value_error",
                "Value error, a chat either goes on with its last message or has a generation prompt; send \"add_generation_prompt\": false"
            )
        }
        input.tools = fields.templateObjects("tools", limit: settings.maximumInputCharacters)
        input.documents = fields.templateObjects("documents", limit: settings.maximumInputCharacters)
        if let value = fields.json["chat_template_kwargs"], !value.isNull {
            if let object = value.object {
                input.variables = object
                for name in ["messages", "tools", "documents", "add_generation_prompt"] where object[name] != nil {
                    fields.note(
                        ["chat_template_kwargs", .string(name)], "value_error",
                        "Value error, chat_template_kwargs are further variables; send \(name) as a field of its own")
                }
            } else {
                fields.note(["chat_template_kwargs"], "dict_type", "Input should be a valid dictionary")
            }
        }
        self.input = input
        addsSpecialTokens = fields.optionalBool("add_special_tokens") ?? false
        streams = fields.optionalBool("stream") ?? false
        showsUsage = fields.json["stream_options"]?["include_usage"]?.bool ?? false
        showsLogProbabilities = fields.optionalBool("logprobs") ?? false
        var parameters = SamplingParameters(openAI: &fields, writer, settings, standardTokens: 512)
        parameters.alternatives = fields.integer("top_logprobs", default: 0, in: 0...20, isNullable: true)
        if parameters.alternatives > 0, !showsLogProbabilities {
            fields.note(
                ["top_logprobs"], "value_error", "Value error, top_logprobs are shown with \"logprobs\": true only")
        }
        self.parameters = parameters
        name = fields.text("request_id", limit: 128)
        ChatCompletionRequest.refuse(&fields, count: parameters.count)
        try fields.check()
    }

    /// The fields of a chat beside those that `SamplingParameters` knows.
    private static let known = SamplingParameters.known.union([
        "messages", "audio", "function_call", "functions", "max_completion_tokens", "metadata", "modalities",
        "parallel_tool_calls", "prediction", "prompt_cache_key", "prompt_cache_retention", "reasoning_effort",
        "safety_identifier", "service_tier", "store", "tool_choice", "tools", "top_logprobs", "verbosity",
        "web_search_options",
        // vLLM
        "add_generation_prompt", "chat_template", "chat_template_kwargs", "continue_final_message", "documents",
        "include_reasoning", "media_io_kwargs", "mm_processor_kwargs",
    ])

    /// Refuses what would change the answer and is not honoured. What only says who asks, or what to keep for later, is left alone:
    /// `user`, `metadata`, `safety_identifier`, `prompt_cache_key`, `prompt_cache_retention`, `cache_salt`.
    private static func refuse(_ fields: inout RequestFields, count: Int) {
        for key in [
            "audio", "echo", "functions", "prediction", "reasoning_effort", "store", "web_search_options",
            "chat_template", "media_io_kwargs", "mm_processor_kwargs",
        ] { fields.refuse(key) }
        fields.refuse("best_of", unless: Double(count))
        fields.refuse("modalities", unlessAmong: [["text"]])
        fields.refuse("service_tier", unlessAmong: ["auto", "default"])
        fields.refuse("verbosity", unlessAmong: ["medium"])
        fields.refuse("tool_choice", unlessAmong: ["auto", "none"])
        fields.refuse("function_call", unlessAmong: ["auto", "none"])
        fields.refuse("parallel_tool_calls", unlessAmong: [true])
        fields.refuse("include_reasoning", unlessAmong: [true])
    }

    // MARK: Messages

    /// Messages with all their fields. Content is text, or a list of parts that are text, or null.
    private static func messages(_ fields: inout RequestFields, limit: Int) -> [ChatMessage] {
        guard let objects = fields.objects("messages", isRequired: true, isNullable: false) else { return [] }
        if objects.isEmpty {
            fields.note(["messages"], "value_error", "Value error, there are no messages; send at least one")
        }
        var characters = 0
        let messages = objects.map { object in
            var object = object
            let role = object.text("role", isRequired: true, isNullable: false, limit: 64) ?? ""
            var message = ChatMessage(role: role, content: content(&object, limit: limit))
            characters += (message.content?.unicodeScalars.count ?? 0) + 8
            for (key, value) in object.json where key != "role" && key != "content" && !value.isNull {
                message.fields[key] = key == "tool_calls" ? calls(value, &object) : value
                characters += value.compact.utf8.count
            }
            fields.adopt(object)
            return message
        }
        if characters > limit {
            fields.note(
                ["messages"], "string_too_long", "The messages should have at most \(limit) characters together")
        }
        return messages
    }

    private static func content(_ object: inout RequestFields, limit: Int) -> String? {
        guard let parts = object.json["content"]?.array else { return object.text("content", limit: limit) }
        let texts = parts.compactMap { $0["type"]?.string == "text" ? $0["text"]?.string : nil }
        if texts.count != parts.count {
            object.note(["content"], "value_error", "Value error, only text is read; send parts of type `text`")
        }
        return texts.joined()
    }

    /// Calls of tools. OpenAI's interface writes a call's arguments as a string of JSON; templates want what it says, or they would
    /// put the string into quotes once more.
    private static func calls(_ value: JSONValue, _ message: inout RequestFields) -> JSONValue {
        guard let calls = value.array else {
            message.note(["tool_calls"], "list_type", "Input should be a valid list", input: value)
            return value
        }
        return .array(
            calls.enumerated().map { index, value in
                guard var call = value.object else {
                    message.note(
                        ["tool_calls", .integer(index)], "dict_type", "Input should be a valid dictionary", input: value
                    )
                    return value
                }
                guard var function = call["function"]?.object else { return value }
                switch function["arguments"] {
                case nil, .null, .string(""): function["arguments"] = [:]
                case .string(let text):
                    guard let arguments = try? JSONValue.parse(text) else {
                        message.note(
                            ["tool_calls", .integer(index), "function", "arguments"], "json_invalid",
                            "Value error, the arguments are no JSON; send an object, or a string that holds one")
                        return value
                    }
                    function["arguments"] = arguments
                default: break
                }
                call["function"] = .object(function)
                return .object(call)
            })
    }
}

extension RequestFields {
    /// Objects for the template's variable of that name; nil where there are none.
    fileprivate mutating func templateObjects(_ key: String, limit: Int) -> [JSONValue]? {
        guard let list = list(key), !list.isEmpty else { return nil }
        for (index, value) in list.enumerated() where value.object == nil {
            note([.string(key), .integer(index)], "dict_type", "Input should be a valid dictionary", input: value)
        }
        let size = list.reduce(0) { $0 + $1.compact.utf8.count }
        if size > limit {
            note([.string(key)], "string_too_long", "The \(key) should have at most \(limit) characters together")
        }
        return list
    }

    /// Notes a problem if a field that is not honoured asks for anything but what happens anyway.
    fileprivate mutating func refuse(_ key: String, unlessAmong neutral: [JSONValue]) {
        guard let value = json[key], !value.isNull, !neutral.contains(value) else { return }
        refuseGiven(key)
    }
}
