import LanguageModel
import Tensors

/// What two activations do not share, in words (docs/method.md §6).
public struct Comparison: Sendable {
    /// The explanations of a − b and of b − a, scored against these differences.
    public let rows: [TextExplainer.Row]
    /// cos(a, b)
    public let cosine: Double
    /// ‖a − b‖
    public let norm: Double
    /// ‖a‖ and ‖b‖
    public let norms: [Double]
}

extension Pair {
    /// Describes the difference of two activations [1, d] in both directions. Throws if there is none, for vectors of another width,
    /// and for NaN or infinity.
    public func compare(_ a: Tensor, _ b: Tensor, _ options: Verbalizer.Options) throws -> Comparison {
        let between = try Scores.rows(a, b)
        let difference = zip(a.floats(), b.floats()).map { $0 - $1 }
        guard difference.contains(where: { $0 != 0 }) else {
            throw ModelError("the two activations are equal; there is no difference to describe")
        }
        let both = Tensor(difference + difference.map { -$0 }, shape: [2, a.width])
        let rows = try TextExplainer(self, variance: nil).explain(both, options)
        return Comparison(
            rows: rows, cosine: between[0].cosine, norm: Scores.norm(both.rows(0..<1)),
            norms: [Scores.norm(a), Scores.norm(b)])
    }
}
