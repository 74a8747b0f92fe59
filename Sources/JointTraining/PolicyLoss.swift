import Foundation
import Tensors

/// Rewards as advantages over the other members of their group (Shao et al. 2024).
public enum GroupAdvantages {
    /// Keeps a group whose rewards are equal from being divided by nothing.
    static let epsilon = 1e-4

    /// (r − mean) / (deviation + 1e-4) within each group, with the unbiased deviation; or r − mean.
    ///
    /// - Parameters:
    ///   - rewards: those of group 0, then those of group 1, and so on.
    ///   - size: members of a group, at least 2.
    public static func compute(_ rewards: [Double], groupsOf size: Int, scale: RewardScale) -> [Double] {
        require(size > 1 && rewards.count.isMultiple(of: size), "\(rewards.count) rewards in groups of \(size)")
        return stride(from: 0, to: rewards.count, by: size).flatMap { begin in
            let group = rewards[begin..<begin + size]
            let mean = group.reduce(0, +) / Double(size)
            let divisor = scale == .none ? 1 : deviation(group) + epsilon
            return group.map { ($0 - mean) / divisor }
        }
    }

    /// The square root of the unbiased variance.
    static func deviation(_ values: some Collection<Double>) -> Double {
        let mean = values.reduce(0, +) / Double(values.count)
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, values.count - 1))).squareRoot()
    }
}

/// The verbalizer's loss as arithmetic on log-probabilities of the tokens it wrote, with its derivative by them:
///
///     Σ_t w_t [ −min(ρ_t A, clip(ρ_t, 1−ε, 1+ε′) A) + β k_t KL_t ] − c H
///
/// with ρ = exp(p − old), the per-token estimate KL = exp(r − p) − (r − p) − 1 against the reference r (Schulman 2020), and the
/// entropy H, whose gradient is the mean of (p − mean(p)) ∇p up to sign, since the tokens were drawn from the policy itself.
///
/// The mean of the estimate is KL(policy‖reference); the mean of its derivative, which is what the policy feels, is that of
/// KL(reference‖policy): the penalty holds the policy where the reference has its mass.
public struct PolicyLoss: Sendable {
    /// How far the ratio may fall and be paid.
    public var epsilon = 0.2
    /// How far it may rise.
    public var epsilonHigh = 0.2
    /// Weight of the KL divergence.
    public var beta = 0.0
    /// Weight of the entropy.
    public var entropyBonus = 0.0

    /// A loss without KL and entropy.
    public init() {}

    /// The tokens of one response.
    public struct Response {
        /// log P under the policy that learns.
        public var policy: [Float]
        /// log P when the response was drawn.
        public var old: [Float]
        /// log P under the reference.
        public var reference: [Float]
        /// How much better the response is than its group.
        public var advantage: Double
        /// What each token counts in the loss, w.
        public var weight: Double
        /// Whether the KL penalty is taken of each token; nil for all.
        public var isHeld: [Bool]?

        /// A response.
        public init(
            policy: [Float], old: [Float], reference: [Float], advantage: Double, weight: Double, isHeld: [Bool]? = nil
        ) {
            require(
                policy.count == old.count && policy.count == reference.count
                    && isHeld.map { $0.count == policy.count } ?? true, "one number for each token")
            self.policy = policy
            self.old = old
            self.reference = reference
            self.advantage = advantage
            self.weight = weight
            self.isHeld = isHeld
        }
    }

    /// Sums over responses.
    public struct Sums: Sendable, Equatable {
        /// The loss.
        public var loss = 0.0
        /// KL, of every token, in nats.
        public var divergence = 0.0
        /// −log P of every token, in nats: at temperature 1 its mean is the policy's entropy.
        public var surprise = 0.0
        /// Tokens whose ratio was clipped.
        public var clipped = 0
        /// Tokens.
        public var tokens = 0

        /// Nothing yet.
        public init() {}
    }

    /// Adds a response's loss to `sums`.
    ///
    /// - Parameter typicalLogProbability: the mean log P of the batch's tokens, the entropy's baseline.
    /// - Returns: the derivative of the loss by each of its log-probabilities.
    public func add(_ response: Response, typicalLogProbability: Double = 0, to sums: inout Sums) -> [Float] {
        response.policy.indices.map { token in
            let policy = Double(response.policy[token])
            let ratio = exp(policy - Double(response.old[token])), advantage = response.advantage
            let isClipped =
                advantage > 0 ? ratio > 1 + epsilonHigh : (advantage < 0 ? ratio < 1 - epsilon : false)
            let paid = isClipped ? ratio.clamped(to: 1 - epsilon...1 + epsilonHigh) : ratio
            let gap = Double(response.reference[token]) - policy
            let divergence = exp(gap) - gap - 1
            let held = (response.isHeld?[token] ?? true) ? beta : 0
            sums.loss += response.weight * (-paid * advantage + held * divergence + entropyBonus * policy)
            sums.divergence += divergence
            sums.surprise -= policy
            sums.clipped += isClipped ? 1 : 0
            sums.tokens += 1
            let slope =
                (isClipped ? 0 : -ratio * advantage) + held * (1 - exp(gap))
                + entropyBonus * ratio * (policy - typicalLogProbability)
            return Float(response.weight * slope)
        }
    }
}
