import LanguageModel
import Tensors
import Tokenization

/// Explains activations and says how far each explanation can be trusted: the round trip, activation → words → activation.
///
/// Of several samples the one whose reconstruction comes closest is kept.
public struct TextExplainer {
    /// An activation with what was said about it.
    public struct Row: Sendable {
        /// Which of the activations given.
        public let index: Int
        /// ‖activation‖
        public let norm: Double
        /// The best explanation.
        public let explanation: Explanation
        /// Its score.
        public let score: Scores.Row
        /// Samples it was chosen from.
        public let samples: Int
        /// `1 − mse / variance`: the row's share in FVE; nil without a variance.
        public let varianceExplained: Double?
    }

    private let pair: Pair
    /// The denominator of the rows' shares; nil without one.
    public let variance: RawVariance?

    /// An explainer. `variance` is the denominator of FVE.
    public init(_ pair: Pair, variance: RawVariance?) {
        self.pair = pair
        self.variance = variance
    }

    /// The recorded variance of a pair, or, where none was recorded, that of these activations [n, d]; nil for fewer than two.
    public static func variance(
        _ pair: Pair, else activations: Tensor
    ) throws -> (variance: RawVariance, isRecorded: Bool)? {
        if let known = pair.variance { return (known, true) }
        let own = try RawVariance(activations, set: "these \(activations.rows) positions")
        return own.variance > 1e-9 ? (own, false) : nil
    }

    /// Explains activations [n, d], a few at a time, and calls `emit` with each row in order, as it is known.
    ///
    /// - Parameter options: `keys` are those of all rows.
    @discardableResult
    public func explain(
        _ activations: Tensor, _ options: Verbalizer.Options, emit: (Row) throws -> Void = { _ in }
    ) throws -> [Row] {
        var rows: [Row] = []
        let group = max(1, options.batchSize / options.samples)
        for begin in stride(from: 0, to: activations.rows, by: group) {
            let range = begin..<min(activations.rows, begin + group)
            var part = options
            // Without keys of its own a row keeps its number among all rows.
            part.keys = options.keys.map { Array($0[range]) } ?? range.map(UInt64.init)
            let truths = activations.rows(range)
            let samples = try pair.verbalizer.explain(truths, part)
            let vectors = try pair.reconstructor.reconstruct(samples.joined().map(\.description))
            for (offset, explanations) in samples.enumerated() {
                let first = offset * options.samples
                let truth = truths.rows(offset..<offset + 1)
                let scores = try Scores.rows(vectors.rows(first..<first + options.samples), truth)
                let best = scores.indices.min { scores[$0].meanSquaredError < scores[$1].meanSquaredError } ?? 0
                let row = Row(
                    index: begin + offset, norm: Scores.norm(truth), explanation: explanations[best],
                    score: scores[best], samples: options.samples,
                    varianceExplained: variance.flatMap { Scores.fractionOfVarianceExplained([scores[best]], $0) })
                try emit(row)
                rows.append(row)
            }
        }
        return rows
    }
}
