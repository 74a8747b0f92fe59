import Training

/// What was measured of one target: the original, a control, or one that was pressed to hide.
package struct HideRecord: ExperimentRecord {
    /// The target on texts under one condition.
    package struct Measure: Codable, Sendable {
        /// Whether the attacked verbalizer's likelihoods tell that the hidden value holds, at 1% false alarms.
        package var likelihood = Share()
        /// Whether it writes it, decoded greedily; and whether it does where another value holds.
        package var written = Share(), writtenFalsely = Share()
        /// Whether a linear probe of the original tells it, at 1% false alarms; and one fitted to this target.
        package var oldProbe = Share(), newProbe = Share()
        /// The same of other readers' likelihoods.
        package var readers: [String: Share] = [:]
        /// Whether the words that the hidden value decides come.
        package var behaviour = Share()
        /// Whether the words that any fact decides come in texts of the whole world, and nats per token there.
        package var moments = Share(), languageLoss = 0.0
        /// Variance of the activations that the pair explains.
        package var varianceExplained = 0.0
        /// Medians over tokens: distance from the original's activation as a share of its norm, and cosine to it.
        package var driftLength = 0.0, driftCosine = 1.0
        /// Alarms at the hidden value's moments, and at others', above the level that 1% of the original's reach.
        package var alarms: [String: Share] = [:], alarmsElsewhere: [String: Share] = [:]
    }

    /// A text with what the attacked verbalizer writes at the moment.
    package struct Example: Codable, Sendable {
        package var textSoFar: String
        package var words: String
        /// The likeliest next word of this target.
        package var next: String
    }

    /// What the attacked reader found after some steps of fine-tuning, by likelihood at 1% false alarms.
    package struct Look: Codable, Sendable {
        package var step: Int
        package var likelihood: Share
    }

    package var name: String
    package var seed: UInt64
    /// `original`, `innocent`, or a pressure.
    package var arm: String
    /// By condition: `plain`, `trigger`, `other_trigger`.
    package var measures: [String: Measure]
    package var examples: [Example]
    /// Looks while it was fine-tuned; nil where nobody looked.
    package var looks: [Look]?
}
