import JSON

extension ModelFamily {
    /// Qwen2 and Qwen2.5: biases on queries, keys and values; in some configurations the later blocks slide.
    public static let qwen2 = ModelFamily(modelTypes: ["qwen2"]) { reader in
        var configuration = try reader.base(rotaries: [reader.rotary(defaultLength: 32768)])
        configuration.queryKeyValueBias = true
        try reader.applySlidingWindow(to: &configuration)
        return configuration
    }
}

extension ConfigurationReader {
    /// Qwen's sliding window: off unless `use_sliding_window`, and then for the blocks from `max_window_layers` on, or for those
    /// that `layer_types` names.
    public func applySlidingWindow(to configuration: inout DecoderConfiguration) throws {
        let isOn = try flag("use_sliding_window", default: false) && json["sliding_window"]?.isNull != true
        let window = isOn ? try count("sliding_window", default: 4096) : nil
        // Zero is meant here: every block slides.
        let first = value("max_window_layers")?.int == 0 ? 0 : try count("max_window_layers", default: 28)
        let slides = try slidingBlocks(count: configuration.blockCount) { isOn && $0 >= first }
        for index in configuration.blocks.indices where slides[index] {
            guard let window else {
                throw fail("layer_types", "sliding_attention needs use_sliding_window and a sliding_window")
            }
            configuration.blocks[index].window = window
        }
    }
}
