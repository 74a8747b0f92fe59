import CKernels

/// How a token is drawn from logits.
public struct Sampling: Sendable, Equatable {
    /// Logits are divided by it; 0 takes the most probable token.
    public var temperature: Float
    /// Only the k most probable tokens; nil for all.
    public var topK: Int?
    /// Only the most probable tokens that together hold this share; 1 for all. Applied after `topK`.
    public var topP: Float

    /// The model's own distribution.
    public init(temperature: Float = 1, topK: Int? = nil, topP: Float = 1) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
    }

    /// Always the most probable token.
    public static let greedy = Sampling(temperature: 0)

    /// Draws one token per row of `logits` [rows, vocabulary]. Each row has its own uniform number in [0, 1), so what a row draws
    /// does not depend on the rows beside it.
    ///
    /// - Returns: the tokens, and their log-probabilities under the untouched softmax (temperature 1, no cut).
    public static func draw(
        from logits: Tensor, _ samplings: [Sampling], uniforms: [Double]
    ) -> (tokens: [Int32], logProbabilities: [Float]) {
        require(samplings.count == logits.rows && uniforms.count == logits.rows, "a sampling and a draw for each row")
        let settings = zip(samplings, uniforms).map { sampling, uniform in
            ck_sampling(
                temperature: sampling.temperature, top_p: sampling.topP, top_k: sampling.topK ?? 0, uniform: uniform)
        }
        let scratch = Tensor(uninitialized: logits.shape, .float32)
        var tokens = [Int32](repeating: 0, count: logits.rows)
        var logProbabilities = [Float](repeating: 0, count: logits.rows)
        ck_sample(
            logits.floatAddress, logits.rows, logits.width, settings, &tokens, &logProbabilities, scratch.floatAddress)
        return (tokens, logProbabilities)
    }
}
