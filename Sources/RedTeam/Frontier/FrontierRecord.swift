import Statistics

/// What was measured of one target: the original, or one that was trained to be read.
package struct FrontierRecord: ExperimentRecord {
    /// A held-out text with what the target's own verbalizer writes at a moment.
    package struct Example: Codable, Sendable {
        package var textSoFar: String
        package var words: String
    }

    package var name: String
    package var seed: UInt64
    /// `original`, or the options in which an arm differs.
    package var arm: String
    /// By name: see ``FrontierMeasure``.
    package var values: [String: Double]
    package var examples: [Example]
    /// Minutes that the steps of its training took, whenever they were; 0 for the original.
    package var minutes: Double
}

/// A number of each target.
package struct FrontierMeasure: Sendable {
    package let key: String
    package let title: String
    let style: NumberStyle

    /// All of them, in the order of tables.
    package static let all = [
        FrontierMeasure(key: "held_out_loss", title: "nats per token", style: .number),
        FrontierMeasure(key: "latent_right", title: "words that a latent fact decides come", style: .percent),
        FrontierMeasure(key: "splice_damage", title: "splice damage, nats per token", style: .number),
        FrontierMeasure(key: "mean_damage", title: "the same of the mean activation, at its own norm", style: .number),
        FrontierMeasure(key: "fve", title: "FVE of the explanation", style: .number),
        FrontierMeasure(key: "precision", title: "claims that are true", style: .percent),
        FrontierMeasure(
            key: "recall_deciding_latent", title: "latent facts about to matter that are said", style: .percent),
        FrontierMeasure(
            key: "recall_deciding_stated", title: "stated facts about to matter that are said", style: .percent),
        FrontierMeasure(key: "words", title: "words of an explanation", style: .count),
    ]
}

/// What the result.json of targets built to be read holds.
package struct FrontierSummary: Codable, Sendable {
    var experiment, pair: String
    var steps: Int
    var intervals: String
    var findings: [String]
    /// Of each arm every ``FrontierMeasure``, and of those that were trained how much more than the original's it is, and how long it
    /// took.
    var targets: NamedValues<NamedValues<Spread>>
}
