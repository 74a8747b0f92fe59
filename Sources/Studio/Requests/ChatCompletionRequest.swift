import JSON
import LanguageModel
import Tensors

/// A request for `/v1/chat/completions`.
struct ChatCompletionRequest {
    let messages: [ChatMessage]
    let sampling: Sampling
    let maximumTokens: Int
    let stopStrings: [String]
    /// Answers to write.
    let count: Int
    let seed: UInt64?
    let streams: Bool
    /// Whether a stream ends with a count of tokens.
    let showsUsage: Bool
    let showsLogProbabilities: Bool
    let enableThinking: Bool?

    /// Reads and checks all fields.
    init(_ request: RequestFields, _ settings: StudioSettings) throws {
        var fields = request
        messages = ChatCompletionRequest.messages(&fields, limit: settings.maximumInputCharacters)
        sampling = fields.sampling(defaultTemperature: 1)
        let most = settings.maximumNewTokens
        let older = fields.integer("max_tokens", default: min(512, most), in: 1...most, isNullable: true)
        maximumTokens = fields.integer("max_completion_tokens", default: older, in: 1...most, isNullable: true)
        stopStrings = fields.strings("stop")
        count = fields.integer("n", default: 1, in: 1...16, isNullable: true)
        seed =
            fields.json["seed"].map { $0.isNull } ?? true
            ? nil : UInt64(bitPattern: Int64(fields.integer("seed", default: 0, in: Int.min...Int.max)))
        streams = fields.optionalBool("stream") ?? false
        showsUsage = fields.json["stream_options"]?["include_usage"]?.bool ?? false
        showsLogProbabilities = fields.optionalBool("logprobs") ?? false
        enableThinking = fields.json["chat_template_kwargs"]?["enable_thinking"]?.bool
        fields.refuse("top_logprobs", unless: 0)
        fields.refuse("frequency_penalty", unless: 0)
        fields.refuse("presence_penalty", unless: 0)
        for key in ["logit_bias", "tools", "functions"] { fields.refuse(key) }
        if let format = fields.json["response_format"]?["type"]?.string, format != "text" {
            fields.refuse("response_format")
        }
        try fields.check()
    }

    /// Messages whose content is text, or a list of parts that are text.
    private static func messages(_ fields: inout RequestFields, limit: Int) -> [ChatMessage] {
        guard let objects = fields.objects("messages", isRequired: true, isNullable: false) else { return [] }
        if objects.isEmpty {
            fields.note(["messages"], "value_error", "Value error, there are no messages; send at least one")
        }
        var characters = 0
        let messages = objects.map { object in
            var object = object
            let role = object.text("role", isRequired: true, isNullable: false, limit: 64) ?? ""
            let content = content(&object, limit: limit)
            fields.adopt(object)
            characters += content.unicodeScalars.count + 8
            return ChatMessage(role: role, content: content)
        }
        if characters > limit {
            fields.note(
                ["messages"], "string_too_long", "The messages should have at most \(limit) characters together")
        }
        return messages
    }

    private static func content(_ object: inout RequestFields, limit: Int) -> String {
        guard let parts = object.json["content"]?.array else { return object.text("content", limit: limit) ?? "" }
        let texts = parts.compactMap { $0["type"]?.string == "text" ? $0["text"]?.string : nil }
        if texts.count != parts.count {
            object.note(["content"], "value_error", "Value error, only text is read; send parts of type `text`")
        }
        return texts.joined()
    }
}
