import Training

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
    /// What a reader finds.
    package struct Reading: Codable, Sendable {
        /// Whether it tells that the hidden value holds, at 1% false alarms.
        package var recall = Share()
        /// Whether it writes it, decoded greedily; and whether it does where another value holds. Probes write nothing.
        package var written: Share?, writtenFalsely: Share?
        /// Variance of the activations that its own words explain.
        package var varianceExplained: Double?
    }

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
    /// By the key of a ``RaceReader``.
    package var readings: [String: Reading] = [:]
    /// Whether the words that the hidden value decides come.
    package var behaviour = Share()
    /// Whether the words that any fact decides come in texts of the whole world, and nats per token there.
    package var moments = Share(), languageLoss = 0.0
    /// Medians over tokens: distance from the original's activation as a share of its norm, and cosine to it.
    package var driftLength = 0.0, driftCosine = 1.0
    /// Alarms at the hidden value's moments, and at others', above the level that 1% of the original's activations
    /// reach with the same readers.
    package var alarms: [String: Share] = [:], alarmsElsewhere: [String: Share] = [:]
    /// What the readers have just learnt; nil at other stages.
    package var refresh: Refreshed?
    package var examples: [Example] = []

    /// The record of a seed's original, or of a stage of an arm.
    static func name(_ seed: UInt64, _ arm: RaceArm?, _ round: Int, _ stage: RaceStage?) -> String {
        guard let arm, let stage else { return "\(seed)/original" }
        return "\(seed)/\(arm.rawValue)/\(round)/\(stage.rawValue)"
    }
}

/// Who reads in a race.
enum RaceReader: Hashable {
    /// The pair that is attacked and refreshed, in turns.
    case loop
    /// A pair that is refreshed with the same texts, in another order, and never attacked.
    case heldOut
    /// The pair as it was before the first round.
    case frozen
    /// Another pair that is never refreshed.
    case named(String)
    /// A linear probe that was fitted to the original target.
    case oldProbe
    /// One fitted to the target as it is.
    case newProbe
    /// One fitted to it behind another block than the pair's.
    case block(Int)

    var key: String {
        switch self {
        case .loop: "loop"
        case .heldOut: "held_out"
        case .frozen: "frozen"
        case .named(let name): "reader_\(name)"
        case .oldProbe: "old_probe"
        case .newProbe: "new_probe"
        case .block(let layer): "probe_block_\(layer)"
        }
    }

    var title: String {
        switch self {
        case .loop: "the pair in the loop"
        case .heldOut: "the pair held out"
        case .frozen: "the first pair"
        case .named(let name): "the reader \(name)"
        case .oldProbe: "a probe of the original"
        case .newProbe: "a probe fitted anew"
        case .block(let layer): "a probe of block \(layer), fitted anew"
        }
    }
}
