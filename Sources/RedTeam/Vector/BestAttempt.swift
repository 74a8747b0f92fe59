/// The vector that was found for a case, or the best of those that failed.
///
/// A vector that keeps its budget by a pass of its own goes before one that does not, and otherwise the one whose least likely wanted token
/// is likeliest: an attempt with a larger budget may end further from the goal than one before it.
package struct BestAttempt {
    /// h + δ, d numbers; the activation itself before any attempt.
    package private(set) var vector: [Float]
    /// The budget with which the attack succeeded; nil if with none so far.
    package private(set) var budget: Double?
    private var keepsBudget = false
    private var weakest = -Double.infinity

    /// Before the first attempt.
    package init(activation: [Float]) { vector = activation }

    /// Takes the outcome of an attempt in, where none has succeeded yet.
    ///
    /// - Parameters:
    ///   - isAchieved: whether the pair writes what is wanted of the vector.
    ///   - divergence: the largest KL by a whole pass, in nats.
    ///   - budget: what the attempt was allowed.
    package mutating func see(
        _ found: VectorAttack.Found, isAchieved: Bool, divergence: Double, budget: Double
    ) {
        guard self.budget == nil else { return }
        let keeps = divergence <= budget
        if isAchieved, keeps {
            self.budget = budget
        } else {
            guard keeps != keepsBudget ? keeps : found.weakest > weakest else { return }
        }
        vector = found.vector
        (keepsBudget, weakest) = (keeps, found.weakest)
    }
}
