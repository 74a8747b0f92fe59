import JSON

/// The interface in our own words: what may be asked of each endpoint, and what comes back.
enum Contract {
    /// The numbers of an activation of the bundled models.
    static let width = 256
    static let vector = Shape.list(.number(-3e38...3e38), width...width)

    // MARK: Requests

    private static let message = Shape.object([
        .required("role", .string(64)), .optional("content", .string(65536)),
        .optional("channel", .orNull(.string(64))),
    ])
    private static let input: [Shape.Field] = [
        .optional("text", .orNull(.string(65536))), .optional("messages", .orNull(.list(message))),
        .optional("add_generation_prompt", .bool), .optional("continue_final_message", .bool),
        .optional("enable_thinking", .orNull(.bool)),
    ]
    private static let writing: [Shape.Field] = [
        .optional("temperature", .number(0...5)), .optional("max_new_tokens", .integer(1...4096)),
    ]

    /// What may be sent to a path.
    static let requests: [String: Shape] = [
        "/tokenize": .object(input),
        "/extract": .object(input),
        "/explain": .object(
            input + writing + [
                .optional("positions", .orNull(.list(.anyInteger, 0...512))), .optional("reverse", .bool),
                .optional("stream", .bool),
            ]),
        "/describe": .object(
            writing + [.required("activations", .list(vector, 1...512)), .optional("stream", .bool)]),
        "/score": .object([.required("description", .string(8192)), .required("activation", vector)]),
        "/compare": .object(writing + [.required("activation_a", vector), .required("activation_b", vector)]),
        "/completion": .object(
            input + [
                .optional("temperature", .number(0...5)), .optional("completion_tokens", .integer(1...Int.max)),
                .optional("stream", .bool),
            ]),
    ]

    // MARK: Answers

    private static let tokenFields: [Shape.Field] = [
        .required("token", .anyString), .required("token_id", .integer(0...Int.max)),
        .required("position", .integer(0...Int.max)), .optional("role", .orNull(.anyString)),
        .optional("message_index", .orNull(.integer(0...Int.max))),
        .optional("section", .orNull(.word(["header", "content", "footer", "scaffold"]))),
        .optional("channel", .orNull(.anyString)), .optional("fragment_index", .integer(0...7)),
        .optional("fragment_count", .integer(1...8)),
    ]
    static let token = Shape.object(tokenFields)
    private static let scoreFields: [Shape.Field] = [
        .optional("mse", .orNull(.number(0...4))), .optional("cosine_similarity", .orNull(.number(-1...1))),
    ]
    private static let descriptionFields = scoreFields + [Shape.Field.required("description", .anyString)]
    private static let norm = Shape.Field.required("l2_norm", .number(0...1e12))
    static let explainResult = Shape.object(
        tokenFields + descriptionFields + [norm, .optional("generated", .bool)])
    private static let tokens = Shape.object([
        .required("tokens", .list(token)), .required("prompt_length", .integer(0...Int.max)),
        .required("text", .anyString),
    ])

    /// What comes back from a path, not streamed.
    static let answers: [String: Shape] = [
        "/tokenize": tokens,
        "/extract": .object([
            .required("layer_index", .integer(0...1000)),
            .required("tokens", .list(.object(tokenFields + [.required("activation", vector), norm]))),
        ]),
        "/explain": .object([
            .required("layer_index", .integer(0...1000)), .required("results", .list(explainResult)),
        ]),
        "/describe": .object([.required("results", .list(.object(descriptionFields)))]),
        "/score": .object([
            .required("mse", .number(0...4)), .required("cosine_similarity", .number(-1...1)),
        ]),
        "/compare": .object(descriptionFields + [.required("diff_norm", .number(0...1e40))]),
        "/completion": tokens,
    ]

    /// The frames of a path's stream.
    static let frames: [String: Shape] = [
        "/explain": .either([
            .object([
                .required("layer_index", .integer(0...1000)), .required("total", .integer(1...512)),
                .required("prompt_length", .integer(1...Int.max)),
            ]),
            .object([
                .required("position", .integer(0...Int.max)), .required("text", .anyString), .required("done", .bool),
            ]),
            explainResult,
        ]),
        "/describe": .either([
            .object([
                .required("index", .integer(0...511)), .required("text", .anyString), .required("done", .bool),
            ]),
            .object(descriptionFields + [.required("index", .integer(0...511))]),
        ]),
        "/completion": .either([
            .object([
                .required("type", .word(["prompt"])), .required("prompt_length", .integer(1...Int.max)),
                .required("tokens", .list(token)),
            ]),
            .object([.required("type", .word(["token"])), .required("token", token)]),
            .object([.required("type", .word(["done"])), .required("text", .anyString)]),
        ]),
    ]

    /// What is said of a request that cannot be answered because of what it says.
    static let validationError = Shape.object([
        .required(
            "detail",
            .list(
                .object([
                    .required("loc", .list(.either([.anyString, .anyInteger]))), .required("msg", .anyString),
                    .required("type", .anyString), .optional("ctx", .object([])),
                ]), 1...Int.max))
    ])
    /// What is said of one that cannot be answered for another reason.
    static let otherError = Shape.object([.required("detail", .anyString)])

    private static let count = Shape.integer(0...Int.max)
    static let health = Shape.object(
        [
            .required("status", .word(["ok"])), .required("verbalizer_model", .anyString),
            .required("reconstructor_available", .bool), .required("completion_available", .bool),
            .optional("source_model", .orNull(.anyString)), .optional("d_model", .orNull(count)),
            .optional("extraction_layer", .orNull(count)),
        ]
            + [
                "num_cuda_devices", "max_concurrent", "max_concurrent_explains", "source_max_concurrent",
                "reconstructor_max_concurrent", "max_describe_requests",
            ].map { .required($0, count) }
            + [
                .required(
                    "limits",
                    .object(
                        [
                            "max_input_chars", "max_positions_per_request", "max_new_tokens", "max_describe_batch",
                            "max_description_chars", "max_completion_tokens",
                        ].map { .required($0, count) }))
            ])
}
