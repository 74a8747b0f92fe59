import JSON
import LanguageModel
import Tensors
import Tokenization

/// A request for `/v1/completions`.
struct CompletionRequest {
    /// A text to go on with.
    struct Prompt: Sendable {
        let ids: [Int32]
        /// The text, where it is shown.
        let text: String
    }

    let prompts: [Prompt]
    /// `count` is the number of texts written for each prompt, of which the most probable are told.
    let parameters: SamplingParameters
    /// Texts of each prompt that are told.
    let count: Int
    let streams: Bool
    let showsUsage: Bool
    /// Whether the answer begins with the prompt.
    let echoes: Bool
    let showsLogProbabilities: Bool
    /// What the client calls the request.
    let name: String?

    /// Reads and checks all fields, as `ChatCompletionRequest` does.
    init(
        _ request: RequestFields, _ writer: ModelFacts.Writer, _ settings: StudioSettings, _ pool: WorkPool
    ) async throws {
        var fields = request
        fields.refuseUnknown(SamplingParameters.known.union(["prompt", "prompt_embeds", "suffix"]))
        streams = fields.optionalBool("stream") ?? false
        showsUsage = fields.json["stream_options"]?["include_usage"]?.bool ?? false
        echoes = fields.optionalBool("echo") ?? false
        let addsSpecialTokens = fields.optionalBool("add_special_tokens") ?? true
        var parameters = SamplingParameters(openAI: &fields, writer, settings, standardTokens: 16)
        count = parameters.count
        let written = fields.integer("best_of", default: count, in: 1...16, isNullable: true)
        if written < count || written > count && streams {
            fields.note(
                ["best_of"], "value_error",
                "Value error, the best \(count) (n) are chosen among as many or more, and in a stream none are chosen")
        }
        parameters.count = max(count, written)
        // A number here, and 0 for the written token alone.
        let asked = fields.integer("logprobs", default: -1, in: 0...20, isNullable: true)
        showsLogProbabilities = asked >= 0
        parameters.alternatives = max(0, asked)
        self.parameters = parameters
        name = fields.text("request_id", limit: 128)
        if fields.text("suffix")?.isEmpty == false { fields.refuseGiven("suffix") }
        fields.refuse("prompt_embeds")
        if echoes, showsLogProbabilities {
            fields.note(
                ["echo"], "value_error",
                "Value error, log-probabilities are told of what is written, not of the prompt; leave out echo or logprobs"
            )
        }
        try fields.check()
        let reader = PromptReader(key: "prompt", writer: writer, settings: settings, pool: pool)
        prompts = try await CompletionRequest.prompts(
            &fields, reader, addsSpecialTokens: addsSpecialTokens, echoes: echoes)
        try fields.check()
    }

    /// A text, a list of texts, ids, or a list of ids.
    private static func prompts(
        _ fields: inout RequestFields, _ reader: PromptReader, addsSpecialTokens: Bool, echoes: Bool
    ) async throws -> [Prompt] {
        guard let value = fields.json["prompt"], !value.isNull else {
            fields.note(["prompt"], "missing", "Field required")
            return []
        }
        let isText = value.string != nil || value[0]?.string != nil
        let (inputs, _) =
            isText
            ? try await reader.texts(value, &fields, addsSpecialTokens: addsSpecialTokens)
            : reader.tokens(value, &fields)
        let texts = value.array ?? [value]
        return inputs.enumerated().compactMap { index, input in
            guard case .tokens(let ids) = input else { return nil }
            guard echoes else { return Prompt(ids: ids, text: "") }
            // What was sent, or what the ids say.
            let sent = inputs.count == texts.count ? texts[index].string : nil
            return Prompt(ids: ids, text: sent ?? reader.writer.tokenizer.decode(ids, skipSpecialTokens: false))
        }
    }
}
