import Foundation
import Tensors

/// The distribution of the next token at one place, in float64: for looking at a few of them, without a gradient.
package struct NextTokenDistribution: Sendable {
    private let logits: [Float]
    /// log Σ exp of the logits; not finite where these make no distribution.
    private let normalizer: Double

    /// Of the logits of all tokens.
    package init(_ logits: [Float]) {
        self.logits = logits
        let largest = logits.largest() ?? 0
        let sum = logits.reduce(0.0) { $0 + Double(exp($1 - largest)) }
        normalizer = Double(largest) + log(sum)
    }

    /// Whether the logits make a distribution: none is NaN or +∞, and not all are −∞.
    package var isDistribution: Bool { normalizer.isFinite }

    private func logProbability(_ token: Int) -> Double { Double(logits[token]) - normalizer }

    /// The most probable token.
    package var likeliest: Int { logits.indices.max { logits[$0] < logits[$1] } ?? 0 }

    /// The most probable tokens, the first of equal ones first.
    package func likeliest(_ count: Int) -> [(id: Int32, probability: Double)] {
        logits.indices.sorted { logProbability($0) > logProbability($1) }.prefix(count)
            .map { (Int32($0), exp(logProbability($0))) }
    }

    /// KL(this ‖ other) = Σ p (log p − log q) in nats; not below 0, whatever rounding says, and NaN where a logit is.
    package func divergence(to other: NextTokenDistribution) -> Double {
        var sum = 0.0
        for token in logits.indices {
            let own = logProbability(token)
            // 0 · log 0 is 0.
            if own != -.infinity { sum += exp(own) * (own - other.logProbability(token)) }
        }
        return sum.atLeast(0)
    }
}
