extension ModelFamily {
    /// Llama 2 and 3.x, and what shares their shape. Llama 3.1 and later stretch the rotary wavelengths.
    public static let llama = ModelFamily(modelTypes: ["llama"]) { reader in
        var configuration = try reader.base(
            rotaries: [reader.rotary(defaultLength: 2048)], nullable: ["num_key_value_heads", "head_dim"])
        configuration.queryKeyValueBias = try reader.flag("attention_bias", default: false)
        configuration.outputBias = configuration.queryKeyValueBias
        configuration.mlpBias = try reader.flag("mlp_bias", default: false)
        return configuration
    }
}
