import JSON

extension ModelFamily {
    /// Gemma 3's text model: embeddings times √d, norms around one before and after each sublayer, normalized queries and keys,
    /// five sliding blocks with their own rotary base for each full one.
    public static let gemma3 = ModelFamily(modelTypes: ["gemma3_text", "gemma3"], tiesEmbeddings: true) { reader in
        try reader.refuse("attn_logit_softcapping") { _ in false }
        try reader.refuse("final_logit_softcapping") { _ in false }
        try reader.refuse("use_bidirectional_attention") { $0.bool == false }
        // transformers' defaults: the published wrapped configurations leave most of these out.
        let defaults = [
            "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8,
            "num_key_value_heads": 4, "head_dim": 256, "vocab_size": 262_208,
        ]
        let full = try reader.rotary(
            section: "full_attention", thetaKey: "rope_theta", defaultTheta: 1_000_000, scaled: true,
            defaultLength: 131_072)
        let sliding = try reader.rotary(
            section: "sliding_attention", thetaKey: "rope_local_base_freq", defaultTheta: 10_000, scaled: false,
            defaultLength: 131_072)
        // `hidden_act`, which some files have, is read by nobody.
        var configuration = try reader.base(
            activationKey: "hidden_activation", activation: "gelu_pytorch_tanh", rotaries: [full, sliding],
            defaults: defaults, nullable: [])
        configuration.normOffset = 1
        configuration.scalesEmbeddings = true
        configuration.normalizesQueriesAndKeys = true
        configuration.normalizesOutputs = true
        configuration.queryKeyValueBias = try reader.flag("attention_bias", default: false)
        configuration.outputBias = configuration.queryKeyValueBias
        let scalar = try reader.number("query_pre_attn_scalar", default: 256, in: 1e-6...1e12)
        configuration.attentionScale = 1 / Float(scalar).squareRoot()
        let pattern = try reader.count("sliding_window_pattern", default: 6)
        let slides = try reader.slidingBlocks(count: configuration.blockCount) { ($0 + 1) % pattern != 0 }
        for index in configuration.blocks.indices where slides[index] {
            configuration.blocks[index] = .init(window: try reader.count("sliding_window", default: 4096), rotary: 1)
        }
        return configuration
    }
}
