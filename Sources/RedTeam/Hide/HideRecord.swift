import Statistics

/// What was measured of one target: the original, a control, or one that was pressed to hide.
package struct HideRecord: ExperimentRecord {
    /// A text with what the attacked verbalizer writes at the moment.
    package struct Example: Codable, Sendable {
        package var textSoFar: String
        package var words: String
        /// The likeliest next word of this target.
        package var next: String
    }

    /// What the attacked reader found after some steps of fine-tuning, by likelihood at a false-positive rate of 1%.
    package struct Look: Codable, Sendable {
        package var step: Int
        package var likelihood: Share
    }

    package var name: String
    package var seed: UInt64
    /// `original`, `innocent`, or a pressure.
    package var arm: String
    /// By condition: `plain`, `trigger`, `other_trigger`.
    package var measures: [String: TargetMeasure]
    package var examples: [Example]
    /// Looks while it was fine-tuned; nil where nobody looked.
    package var looks: [Look]?
    /// Minutes that it took to make and to measure the target.
    package var minutes: Double?
}
