import Foundation
import LanguageModel
import Training

/// The options of `nla redteam race`.
public struct RaceOptions: RunOptions {
    /// What is hidden, from which pair, and how it is measured. Its steps are those of one round; triggers have no part
    /// in a race.
    public var hiding = HideOptions()
    /// What presses, in every round.
    public var pressure = HidingPressure.verbalizer
    /// Rounds of hiding and refreshing.
    public var rounds = 4
    /// Texts of the whole world whose activations the readers learn in a round, and as many that the teacher's probes
    /// are fitted to.
    public var refreshDocuments = 2500
    /// Steps that reconstructor and verbalizer each learn in a round.
    public var refreshSteps = 150
    /// Activations of such a step.
    public var refreshRows = 64
    /// The highest learning rate of such a step.
    public var refreshLearningRate: Float = 3e-4
    /// Whether probes are fitted to the blocks before and behind the pair's too.
    public var readsNeighbours = true
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
                "refresh_documents", \.refreshDocuments, in: 10...1_000_000,
                "Texts of the whole world that the readers learn in a round; as many again for the teacher's probes."),
            RunField(
                "refresh_steps", \.refreshSteps, in: 1...1_000_000,
                "Steps that reconstructor and verbalizer each learn in a round."),
            RunField("refresh_rows", \.refreshRows, in: 1...100_000, "Activations of such a step."),
            RunField(
                "refresh_learning_rate", \.refreshLearningRate, in: 0...1, "The highest learning rate of such a step."),
            RunField(
                "read_neighbours", \.readsNeighbours,
                "Whether probes are fitted to the blocks before and behind the pair's too."),
            RunField(
                "keep_state", \.keepsState, fixed: false,
                "Whether the last round's target and readers stay in the folder state."),
        ]

    /// What a race takes over of the options of hiding.
    private static let shared: [RunField<Self>] = HideOptions.fields.filter {
        !["trigger", "other_trigger", "decoys", "pressures", "steps", "look_every", "write_targets"].contains($0.name)
    }.map { RunField($0, in: \.hiding) }

    public func check() throws {
        try hiding.check()
        guard pressure != .probe else {
            throw TrainingError("pressure: a race is with a pair, not with a probe; verbalizer presses through one")
        }
    }

    /// How readers are trained on.
    func warmStart<Stage: WarmStartStage>(seed: UInt64) -> WarmStartOptions<Stage> {
        var options = WarmStartOptions<Stage>()
        options.seed = seed
        options.steps = refreshSteps
        options.rowsPerStep = refreshRows
        options.learningRate = refreshLearningRate
        options.warmUpSteps = max(1, refreshSteps / 10)
        options.precision = hiding.precision
        return options
    }
}
