/// Where special tokens go around a text: tokenizer.json's `post_processor`, for single texts.
struct PostProcessor: Sendable {
    /// The ids before the text and after it.
    var prefix: [Int32] = []
    var suffix: [Int32] = []

    /// Puts what `outer` adds around what this adds.
    func wrapped(in outer: PostProcessor) -> PostProcessor {
        PostProcessor(prefix: outer.prefix + prefix, suffix: suffix + outer.suffix)
    }
}
