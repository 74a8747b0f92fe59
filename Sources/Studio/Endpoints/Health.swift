import Hummingbird
import JSON

extension Endpoints {
    /// `GET /`: what is loaded, and the limits, so that a client can check before it asks.
    ///
    /// What the contract says of graphics cards and quantization stays null: there are none.
    func health() -> Response {
        let limits: JSONValue = [
            "max_input_chars": .integer(settings.maximumInputCharacters),
            "max_positions_per_request": .integer(settings.maximumPositions),
            "max_new_tokens": .integer(settings.maximumNewTokens),
            "max_describe_batch": .integer(settings.maximumDescribeBatch),
            "max_description_chars": .integer(settings.maximumDescriptionCharacters),
            "max_completion_tokens": .integer(settings.maximumCompletionTokens),
            "max_input_tokens": .integer(settings.maximumInputTokens),
            "max_body_bytes": .integer(settings.maximumBodyBytes),
        ]
        let hasTarget = facts.target != nil
        let loaded: [(String, JSONValue)] = [
            ("status", "ok"),
            ("verbalizer_model", .string(facts.verbalizer.name)),
            ("source_model", facts.target.map { .string($0.name) } ?? .null),
            ("reconstructor_available", .bool(facts.hasReconstructor)),
            ("completion_available", .bool(hasTarget)),
            ("d_model", .integer(facts.width)),
            ("extraction_layer", .integer(facts.layer)),
            ("verbalizer_device", "cpu"),
            ("source_device", hasTarget ? "cpu" : .null),
            ("source_truncated", hasTarget ? false : .null),
            ("reconstructor_device", facts.hasReconstructor ? "cpu" : .null),
        ]
        let absent = [
            "verbalizer_quantization", "verbalizer_torch_compile", "verbalizer_cuda_graph_max_bs",
            "verbalizer_kv_cache_dtype", "source_fp8", "reconstructor_fp8", "reconstructor_int4",
        ].map { ($0, JSONValue.null) }
        let counts: [(String, JSONValue)] = [
            ("num_cuda_devices", 0),
            ("max_concurrent", .integer(settings.maximumConcurrent)),
            ("max_concurrent_explains", .integer(settings.maximumExplains)),
            ("source_max_concurrent", .integer(settings.maximumSourceRequests)),
            ("reconstructor_max_concurrent", .integer(settings.maximumScores)),
            ("max_describe_requests", .integer(settings.maximumDescribes)),
            ("limits", limits),
        ]
        return Response(json: .object(JSONObject(loaded + absent + counts)))
    }
}
