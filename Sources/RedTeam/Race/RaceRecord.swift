/// Whether a target is pressed to hide between refreshes, or trained as long on the same texts without pressure.
package enum RaceArm: String, Codable, Sendable, CaseIterable {
    case pressed, innocent
}

/// When in a round something is measured.
package enum RaceStage: String, Codable, Sendable, CaseIterable {
    /// Once the target has been changed, with readers that have not seen that.
    case hidden
    /// Once they have learnt what it has become.
    case refreshed
}

/// What was measured at one stage of a race.
package struct RaceRecord: ExperimentRecord {
    /// A text with what each pair writes at the moment.
    package struct Example: Codable, Sendable {
        package var textSoFar: String
        package var words: [String: String]
        /// The likeliest next word of this target.
        package var next: String
    }

    /// What a refresh was.
    package struct Refreshed: Codable, Sendable {
        /// Activations that the teacher explained.
        package var taught: Int
        /// Variance of others that the reconstructor in the loop explains from the teacher's text: before, and after.
        package var before: Double, after: Double
    }

    package var name: String
    package var seed: UInt64
    /// Nil, like the stage, of the original.
    package var arm: RaceArm?
    /// 0 of the original.
    package var round: Int
    package var stage: RaceStage?
    package var measure = TargetMeasure()
    /// What the readers have just learnt; nil at other stages.
    package var refresh: Refreshed?
    package var examples: [Example] = []
    /// Without pressure: the thresholds that 1% of this target's own activations reach, by the keys of detectors.
    package var levels: [String: Double]?

    /// The record of a seed's original, or of a stage of an arm.
    static func name(_ seed: UInt64, _ arm: RaceArm?, _ round: Int, _ stage: RaceStage?) -> String {
        guard let arm, let stage else { return "\(seed)/original" }
        return "\(seed)/\(arm.rawValue)/\(round)/\(stage.rawValue)"
    }
}
