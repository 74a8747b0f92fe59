/// How a token is drawn from logits.
public struct Sampling: Sendable, Equatable {
    /// Logits are divided by it; 0 takes the most probable token.
    public var temperature: Float
    /// Only the k most probable tokens; nil for all.
    public var topK: Int?
    /// Only the most probable tokens that together hold this share; 1 for all. Applied after `topK`.
    public var topP: Float
    /// Only tokens at least this share as probable as the most probable one; 0 for all. Applied before `topK`.
    public var minP: Float

    /// The model's own distribution.
    public init(temperature: Float = 1, topK: Int? = nil, topP: Float = 1, minP: Float = 0) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.minP = minP
    }

    /// Always the most probable token.
    public static let greedy = Sampling(temperature: 0)

    /// A token whose logit is changed before one is drawn.
    public struct Edit: Sendable, Equatable {
        /// The token; one outside the vocabulary is none.
        public var token: Int32
        /// Added first; −∞ keeps the token from being drawn.
        public var bias: Float
        /// Then a positive logit is divided by it and any other multiplied; 1 changes nothing.
        public var repetition: Float
        /// Taken away last.
        public var penalty: Float

        /// A change.
        public init(_ token: Int32, bias: Float = 0, repetition: Float = 1, penalty: Float = 0) {
            self.token = token
            self.bias = bias
            self.repetition = repetition
            self.penalty = penalty
        }
    }

    /// Draws one token per row of `logits` [rows, vocabulary]. Each row has its own uniform number in [0, 1), so what a row draws
    /// does not depend on the rows beside it.
    ///
    /// - Parameter edits: of each row, at most one for a token; none by default.
    /// - Returns: the tokens, and their log-probabilities under the untouched softmax (no edit, temperature 1, no cut).
    public static func draw(
        from logits: Tensor, _ samplings: [Sampling], edits: [[Edit]] = [], uniforms: [Double]
    ) -> (tokens: [Int32], logProbabilities: [Float]) {
        require(samplings.count == logits.rows && uniforms.count == logits.rows, "a sampling and a draw for each row")
        require(edits.isEmpty || edits.count == logits.rows, "edits for each row")
        return Kernels.draw(from: logits, samplings, edits: edits, uniforms: uniforms)
    }

    /// The most probable tokens of one row of logits, most probable first, with their log-probabilities under its softmax.
    ///
    /// - Parameter known: a token of that row with its log-probability, as `draw` gives it.
    public static func mostProbable(
        _ count: Int, of logits: Tensor, row: Int, known: (token: Int32, logProbability: Float)
    ) -> [(token: Int32, logProbability: Float)] {
        require((0..<logits.rows).contains(row) && (0..<logits.width).contains(Int(known.token)), "no such logit")
        let own = logits.reshaped([logits.rows, logits.width]).rows(row..<row + 1)
        let tokens = Kernels.mostProbable(min(max(count, 0), own.width), of: own)
        let values = Kernels.floats(of: own, at: [Int(known.token)] + tokens.map(Int.init))
        return zip(tokens, values.dropFirst()).map { ($0, $1 - values[0] + known.logProbability) }
    }
}
