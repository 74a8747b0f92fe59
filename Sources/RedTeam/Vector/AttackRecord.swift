import Claims

/// What came of attacking one place.
package struct AttackRecord: ExperimentRecord {
    /// A vector that was tried in the activation's place.
    package struct Trial: Codable, Sendable {
        /// What the pair writes of it, decoded greedily.
        package var words: String
        /// Whether that is what the attack is after, at whatever KL.
        package var isAchieved: Bool
        /// The largest KL of the predictions that are looked at, in nats, by a pass of its own.
        package var divergence: Double
        /// That of the token's own prediction.
        package var ownDivergence: Double
        /// ‖δ‖ as a share of ‖h‖.
        package var length: Double
        /// cos(h + δ, h)
        package var cosine: Double
        /// Detectors' scores by their key.
        package var scores: [String: Double]
        /// Error and cosine of the reconstruction from the words against the vector.
        package var meanSquaredError: Double
        package var reconstructionCosine: Double
        /// Whether linear probes read the true fact from the vector; nil where none reads the question.
        package var probeReadsTruth: Bool?
        /// For each other reader whether it says the true fact, and whether the false one.
        package var readersSayTruth: [String: Bool]
        package var readersSayLie: [String: Bool]
    }

    /// A next token and its probability.
    package struct Token: Codable, Sendable {
        package var text: String
        package var probability: Float
    }

    package var name: String
    package var seed: UInt64
    package var goal: String
    package var document: String
    package var subject: String
    package var relation: String
    package var truth: String
    package var lie: String?
    /// The end of the text up to the token.
    package var textSoFar: String
    /// What was to be written.
    package var wanted: String
    /// The smallest budget with which the attack succeeded; nil if with none.
    package var budget: Double?
    /// The activation itself, the attacked vector, and a random one as far away.
    package var clean: Trial
    package var attacked: Trial
    package var random: Trial
    /// The likeliest next tokens before and after.
    package var nextBefore: [Token]
    package var nextAfter: [Token]

    var question: Question { Question(subject: subject, relation: relation) }
    /// Whether the attack does what it is after within the budget.
    var isSuccess: Bool { budget != nil }
    /// Whether the target is not sure of its next token, so that its KL has something to lose.
    var isUnsure: Bool { (nextBefore.first?.probability ?? 1) < 0.9 }
    /// The same for the random vector.
    func randomSucceeds(within budget: Double) -> Bool { random.isAchieved && random.divergence <= budget }
}
