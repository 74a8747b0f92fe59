extension ModelFamily {
    /// Qwen3: no biases, but queries and keys are normalized per head; the head width is a setting of its own.
    public static let qwen3 = ModelFamily(modelTypes: ["qwen3"]) { reader in
        var configuration = try reader.base(
            rotaries: [reader.rotary(defaultLength: 32768)], defaults: ["head_dim": 128])
        configuration.normalizesQueriesAndKeys = true
        configuration.queryKeyValueBias = try reader.flag("attention_bias", default: false)
        configuration.outputBias = configuration.queryKeyValueBias
        try reader.applySlidingWindow(to: &configuration)
        return configuration
    }
}
