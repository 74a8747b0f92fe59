import Foundation
import LanguageModel
import Runs

/// The options of `nla redteam race`.
public struct RaceOptions: RunOptions {
    /// What is hidden, from which pair, and how it is measured. Its steps are those of one round; triggers have no part
    /// in a race.
    public var hiding = HideOptions()
    /// What presses, in every round.
    public var pressure = HidingPressure.verbalizer
    /// Rounds of hiding and refreshing.
    public var rounds = 4
    /// The pair held out: a folder; nil for a copy of the one that is attacked.
    public var heldOut: String?
    /// Whether the last round's target and readers stay in the folder state.
    public var keepsState = false

    /// The defaults.
    public init() {
        hiding.steps = 100
        hiding.testDocuments = 80
        hiding.probeDocuments = 400
        hiding.languageDocuments = 200
    }

    public static let stage = "redteam-race"

    public static let fields: [RunField<Self>] =
        shared + [
            RunField("pressure", \.pressure, "What presses: verbalizer, reconstructor, or reward."),
            RunField("rounds", \.rounds, in: 1...1000, "Rounds of hiding and refreshing."),
            RunField("steps", \.hiding.steps, in: 1...1_000_000, "Steps of fine-tuning in a round."),
            RunField(
                "held_out", \.heldOut,
                "The pair that is refreshed and never attacked: a folder; none for a copy of the one that is."),
            RunField(
                "keep_state", \.keepsState, fixed: false,
                "Whether the last round's target and readers stay in the folder state."),
        ]

    /// What a race takes over of the options of hiding.
    private static let shared: [RunField<Self>] = HideOptions.fields.filter {
        ![
            "trigger", "other_trigger", "decoys", "pressures", "changed", "read_all_tokens", "steps", "look_every",
            "write_targets",
        ]
        .contains($0.name)
    }.map { RunField($0, in: \.hiding) }

    public func check() throws {
        try hiding.check()
        guard hiding.refresh.steps > 0 else {
            throw TrainingError("refresh_steps: must be at least 1; a race without refreshes is nla redteam hide")
        }
        guard pressure != .probe else {
            throw TrainingError("pressure: a race is with a pair, not with a probe; verbalizer presses through one")
        }
    }
}
