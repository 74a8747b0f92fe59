import Foundation
import Tensors

/// Probabilities of the next token.
package struct NextDistribution {
    private let logProbabilities: [Double]

    /// Of the logits of all tokens. Throws ``Failure/notANumber`` where they make no distribution.
    package init(_ logits: [Float]) throws {
        let values = logits.map(Double.init), largest = values.largest() ?? 0
        let normalizer = largest + log(values.reduce(0) { $0 + exp($1 - largest) })
        guard normalizer.isFinite else { throw Failure.notANumber }
        logProbabilities = values.map { $0 - normalizer }
    }

    /// The most probable tokens, the first of equal ones first.
    package func likeliest(_ count: Int) -> [(id: Int32, probability: Double)] {
        logProbabilities.indices.sorted { logProbabilities[$0] > logProbabilities[$1] }.prefix(count)
            .map { (Int32($0), exp(logProbabilities[$0])) }
    }

    /// Σ p (log p − log q); not below 0, whatever rounding says.
    package func divergence(to other: NextDistribution) -> Double {
        zip(logProbabilities, other.logProbabilities)
            .reduce(0) { $0 + ($1.0 > -.infinity ? exp($1.0) * ($1.0 - $1.1) : 0) }.atLeast(0)
    }
}
