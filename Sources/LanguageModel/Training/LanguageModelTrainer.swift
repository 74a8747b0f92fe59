import Tensors

/// Trains every weight of a decoder on a text: next-token cross-entropy, AdamW, warm-up and cosine, clipped gradients.
public struct LanguageModelTrainer {
    /// How to train.
    public struct Options: Sendable {
        /// Optimizer steps.
        public var steps: Int
        /// Windows of text per step.
        public var batchSize: Int
        /// Tokens of a window.
        public var windowLength: Int
        /// Highest learning rate.
        public var learningRate: Float
        /// The same seed gives the same weights.
        public var seed: UInt64

        /// Options for a model of a few million parameters.
        public init(
            steps: Int, batchSize: Int = 8, windowLength: Int = 96, learningRate: Float = 3e-3, seed: UInt64 = 0
        ) {
            self.steps = steps
            self.batchSize = batchSize
            self.windowLength = windowLength
            self.learningRate = learningRate
            self.seed = seed
        }
    }

    private let decoder: TransformerDecoder
    private let precision: Precision

    /// Makes the decoder trainable.
    public init(_ decoder: TransformerDecoder, precision: Precision) {
        self.decoder = decoder
        self.precision = precision
        decoder.makeTrainable(precision: precision)
    }

    /// Trains on random windows of `tokens`. Throws if there are too few of them, or if the loss is no longer a number.
    ///
    /// - Parameter progress: called after each step with its number and its loss in nats per token.
    public func train(on tokens: [Int32], _ options: Options, progress: (Int, Double) -> Void) throws {
        let window = min(options.windowLength, tokens.count - 1)
        guard window >= 1 else { throw ModelError("the text has \(tokens.count) tokens; training needs at least two") }
        let schedule = LearningRateSchedule(
            peak: options.learningRate, warmUpSteps: options.steps / 20, totalSteps: options.steps, finalShare: 0.05)
        var optimizer = AdamW()
        optimizer.maximumGradientNorm = 1
        var random = Random(seed: options.seed, 1)
        for step in 0..<options.steps {
            var tree = TokenTree()
            var targets: [Int32] = []
            for _ in 0..<options.batchSize {
                let begin = Int.random(in: 0...(tokens.count - 1 - window), using: &random)
                tree.append(Array(tokens[begin..<begin + window]))
                targets += tokens[begin + 1...begin + window]
            }
            let tape = Tape(precision: precision)
            let hidden = decoder.hidden(tree, tape: tape)
            let logProbabilities = decoder.logProbabilities(of: targets, hidden, tape: tape)
            let share = 1 / Float(targets.count)
            tape.backward(
                from: logProbabilities,
                gradient: Tensor([Float](repeating: -share, count: targets.count), shape: [targets.count]))
            let norm = optimizer.update(decoder.parameters, learningRate: schedule.rate(at: step))
            let loss = -logProbabilities.value.floats().reduce(0) { $0 + Double($1) } / Double(targets.count)
            guard loss.isFinite, norm.isFinite else {
                throw ModelError("training step \(step + 1): the loss is no longer a number; lower the learning rate")
            }
            progress(step + 1, loss)
        }
    }
}
