import JSON
import LanguageModel
import Tensors

/// A request for `/generate`: prompts, and how each is continued.
struct GenerationRequest {
    /// The prompts.
    let inputs: [Scheduler.Writing.Input]
    /// Whether they came as a list, so that the answer is one.
    let isBatch: Bool
    /// For each prompt.
    let parameters: [SamplingParameters]
    let returnsLogProbabilities: Bool
    let streams: Bool

    /// Reads and checks all fields. `text`, `input_ids` and `input_embeds` each take one prompt or a list of them.
    init(
        _ request: RequestFields, _ writer: ModelFacts.Writer, width: Int, _ settings: StudioSettings, _ pool: WorkPool
    ) async throws {
        var fields = request
        let given = ["text", "input_ids", "input_embeds"].filter { fields.json[$0].map { !$0.isNull } ?? false }
        guard given.count == 1, let key = given.first, let value = fields.json[key] else {
            throw InvalidRequest("send exactly one of `text`, `input_ids` and `input_embeds`")
        }
        let reader = PromptReader(key: key, writer: writer, settings: settings, pool: pool)
        switch key {
        case "text": (inputs, isBatch) = try await reader.texts(value, &fields)
        case "input_ids": (inputs, isBatch) = reader.tokens(value, &fields)
        default: (inputs, isBatch) = reader.embeddings(value, width: width, &fields)
        }
        fields.refuseUnknown(GenerationRequest.known)
        GenerationRequest.refuse(&fields)
        returnsLogProbabilities = fields.optionalBool("return_logprob") ?? false
        streams = fields.optionalBool("stream") ?? false
        parameters = try SamplingParameters.read(&fields, prompts: inputs.count, writer, settings)
        try fields.check()
    }

    /// The fields of SGLang's schema.
    private static let known: Set<String> = [
        "text", "input_ids", "input_embeds", "sampling_params", "stream", "return_logprob", "rid", "log_metrics",
        "background", "model", "image_data", "video_data", "audio_data", "modalities", "logprob_start_len",
        "top_logprobs_num", "token_ids_logprob", "return_text_in_logprobs", "return_hidden_states",
        "return_routed_experts", "session_params", "lora_path", "lora_id", "custom_logit_processor",
        "require_reasoning", "extra_key", "priority", "no_logs", "custom_labels", "data_parallel_rank",
        "bootstrap_host", "bootstrap_port", "bootstrap_room", "bootstrap_pair_key", "decode_tp_size",
    ]

    /// Those that would change the answer and are not honoured.
    private static func refuse(_ fields: inout RequestFields) {
        for key in [
            "image_data", "video_data", "audio_data", "token_ids_logprob", "session_params", "lora_path", "lora_id",
            "custom_logit_processor", "return_hidden_states", "return_routed_experts", "return_text_in_logprobs",
            "require_reasoning", "background", "bootstrap_host", "bootstrap_port", "bootstrap_room",
            "bootstrap_pair_key", "data_parallel_rank", "decode_tp_size",
        ] { fields.refuse(key) }
        fields.refuse("logprob_start_len", unless: -1)
        fields.refuse("top_logprobs_num", unless: 0)
        fields.refuse("priority", unless: 0)
    }
}
