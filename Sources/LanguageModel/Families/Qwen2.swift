extension ModelFamily {
    /// Qwen2 and Qwen2.5: biases on queries, keys and values; in some configurations the later blocks slide.
    static let qwen2 = ModelFamily(modelTypes: ["qwen2"]) { reader in
        var configuration = try reader.base(family: "qwen2", rotaries: [reader.rotary(defaultTheta: 10_000)])
        configuration.queryKeyValueBias = true
        try reader.applySlidingWindow(to: &configuration)
        return configuration
    }
}

extension ConfigurationReader {
    /// Qwen's sliding window: off unless `use_sliding_window`, and then for the blocks from `max_window_layers` on.
    func applySlidingWindow(to configuration: inout DecoderConfiguration) throws {
        guard try flag("use_sliding_window", default: false), value("sliding_window") != nil else { return }
        let window = try count("sliding_window")
        // Zero is meant here: every block slides.
        let first = value("max_window_layers")?.int == 0 ? 0 : try count("max_window_layers", default: 28)
        let slides = try slidingBlocks(count: configuration.blockCount) { $0 >= first }
        for index in configuration.blocks.indices where slides[index] { configuration.blocks[index].window = window }
    }
}
