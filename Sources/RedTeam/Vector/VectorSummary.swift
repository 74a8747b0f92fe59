import JSON

/// What the result.json of attacks on vectors holds: the experiment, and behind it what came of each goal.
package typealias VectorSummary = Joined<VectorHead, NamedValues<AttackedGoal>>

/// How attacks were made, and what the detectors make of clean activations.
package struct VectorHead: Codable, Sendable {
    var experiment, pair: String
    /// Largest KL of a prediction, in nats.
    var budget: Double
    var reach: Int
    var seeds: [Int]
    var intervals: String
    var falsePositives: NamedValues<FalsePositives>

    private enum CodingKeys: String, CodingKey {
        case experiment, pair
        case budget = "budget_nats"
        case reach, seeds, intervals
        case falsePositives = "false_alarms"
    }

    /// The share of clean activations that a detector flags, and its threshold.
    typealias FalsePositives = Joined<MeasuredShare, Threshold>

    /// What a detector flags lies above it.
    struct Threshold: Codable, Sendable { let level: Double }
}

/// What came of attacks with one goal.
package struct AttackedGoal: Codable, Sendable {
    /// Success and its baselines.
    var attack: Shares
    /// Success within each budget, of each question, and of each seed.
    var budgets, questions, seeds: Shares
    /// How far vectors had to go, and how well words still fit them.
    var sizes: NamedValues<Nullable<Double>>
    /// What notices the attacks that succeeded.
    var noticed: Shares
    /// Who still reads the truth where they did: before and after.
    var stillRead: Shares

    private enum CodingKeys: String, CodingKey {
        case attack
        case budgets = "by_budget"
        case questions = "by_question"
        case seeds = "by_seed"
        case sizes, noticed
        case stillRead = "still_read"
    }
}
