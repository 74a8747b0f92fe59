import Activations
import Autoencoder
import Claims
import Foundation
import JointTraining
import LanguageModel
import Runs
import TargetTraining
import Tensors

/// The options of `nla train readable`.
public struct ReadableOptions: ScheduledOptions, DocumentOptions, Equatable {
    /// The pair to begin with: a folder with `av/`, `ar/` and `target/`.
    public var pair = ""
    /// Whether the target begins with its weights; false begins with random ones, from which it learns the language, too.
    public var warmStart = true
    /// Standard deviation of the random weights.
    public var deviation: Float = 0.05
    /// `tiny-world`, or a JSON Lines file.
    public var data = KnownWorlds.standardName
    /// A JSON Lines file to measure on; nil takes a part of `data`.
    public var heldOut: String?
    /// Seed of the tiny world.
    public var worldSeed: UInt64 = 0
    /// Seed of documents, places and samples.
    public var seed: UInt64 = 0
    /// Steps.
    public var steps = 1000
    /// Tokens of a step, about.
    public var tokensPerStep = 4096
    /// Longest part of a document that is read, in tokens.
    public var documentTokens = 1024
    /// Chance that one of a document's activations is replaced.
    public var spliceShare = 0.5
    /// The first position at which one may be.
    public var firstPosition = 4
    /// Weight of the error of what is rebuilt in the target's own loss: the pull of activations towards what words can say.
    public var pull = 0.0
    /// What an explanation loses for each nat that its words cost the target's next predictions: what cannot be said costs the
    /// verbalizer, too.
    public var predictionWeight = 0.0
    /// Explanations of each activation, from which the verbalizer learns.
    public var generations = 8
    /// Temperature at which they are drawn.
    public var temperature: Float = 1
    /// Tokens of an explanation at most.
    public var maximumLength = 60
    /// Weight of the verbalizer's KL divergence from the one it begins as.
    public var beta = 0.02
    /// What an explanation earns that is cut off, or has no tags.
    public var failureReward = -2.0
    /// Whether the verbalizer learns.
    public var trainsVerbalizer = true
    /// Whether the reconstructor learns.
    public var trainsReconstructor = true
    /// The target's highest learning rate.
    public var learningRate: Float = 2e-4
    /// The verbalizer's.
    public var verbalizerRate: Float = 1e-5
    /// The reconstructor's.
    public var reconstructorRate: Float = 2e-4
    /// Steps over which the rates rise.
    public var warmUpSteps = 50
    /// The last rate as a share of the highest.
    public var finalRateShare: Float = 0.1
    /// AdamW's decay rate of the gradient's mean.
    public var beta1: Float = 0.9
    /// AdamW's decay rate of its variance.
    public var beta2: Float = 0.95
    /// Decay of the target's matrices.
    public var weightDecay: Float = 0
    /// Largest gradient norm.
    public var gradientClip: Double = 1
    /// What matrix products compute in.
    public var precision = Precision.native
    /// Steps between evaluations.
    public var evaluateEvery = 200
    /// Held-out documents of an evaluation.
    public var evaluationDocuments = 200
    /// Steps between checkpoints.
    public var checkpointEvery = 1000
    /// Seconds between checkpoints.
    public var checkpointSeconds: Double = 120
    /// Threads; nil for all cores.
    public var threads: Int?

    /// The defaults.
    public init() {}

    public static let stage = "readable"

    public static let fields: [RunField<Self>] =
        startFields + documentFields + spliceFields + readerFields + optimizationFields + cadenceFields

    private static let startFields: [RunField<Self>] = [
        RunField("pair", \.pair, "The pair to begin with: a folder with av/, ar/ and target/."),
        RunField(
            "warm_start", \.warmStart,
            "Whether the target begins with its weights; false begins with random ones, as a target's training does."),
        RunField("deviation", \.deviation, in: 0...1, "Standard deviation of the random weights."),
        RunField("world_seed", \.worldSeed, "Seed of the tiny world."),
        RunField("seed", \.seed, "Seed of documents, places and samples."),
    ]

    private static let spliceFields: [RunField<Self>] = [
        RunField(
            "splice_share", \.spliceShare, in: 0...1,
            "Chance that one of a document's activations is replaced by what its words rebuild."),
        RunField("first_position", \.firstPosition, in: 0...100_000, "The first position at which one may be."),
        RunField(
            "pull", \.pull, in: 0...1e3,
            "Weight of the error of what is rebuilt in the target's loss: pulls activations towards what words say."),
    ]

    private static let readerFields: [RunField<Self>] = [
        RunField(
            "prediction_weight", \.predictionWeight, in: 0...1e3,
            "What an explanation loses for each nat per token that what its words rebuild costs the next nine predictions."
        ),
        RunField("train_av", \.trainsVerbalizer, "Whether the verbalizer learns."),
        RunField("train_ar", \.trainsReconstructor, "Whether the reconstructor learns."),
        RunField("num_generations", \.generations, in: 1...1024, "Explanations of each activation: a group."),
        RunField("temperature", \.temperature, in: 0.01...100, "Temperature of the explanations."),
        RunField("max_completion_length", \.maximumLength, in: 1...100_000, "Tokens of an explanation at most."),
        RunField("beta", \.beta, in: 0...1e3, "Weight of the verbalizer's KL divergence from the one it begins as."),
        RunField(
            "failure_reward", \.failureReward, in: -1e6...1e6,
            "What an explanation earns that is cut off, or has no tags."),
        RunField("av_learning_rate", \.verbalizerRate, in: 0...10, "The verbalizer's highest learning rate."),
        RunField("ar_learning_rate", \.reconstructorRate, in: 0...10, "The reconstructor's highest learning rate."),
    ]

    public func check() throws {
        guard !pair.isEmpty else { throw TrainingError("pair: nothing is named; it has no default") }
        guard !trainsVerbalizer || generations > 1 else {
            throw TrainingError(
                "num_generations: advantages are relative to a group, and a group of one has none; use 2 or more, or train_av false"
            )
        }
        try checkSchedule()
    }

    /// The readers' part, as joint training has it.
    var joint: JointOptions {
        var joint = JointOptions()
        joint.seed = seed
        joint.steps = steps
        joint.generations = generations
        joint.temperature = temperature
        joint.maximumLength = maximumLength
        joint.beta = beta
        joint.failureReward = failureReward
        joint.learningRate = verbalizerRate
        joint.reconstructorRate = reconstructorRate
        joint.trainsReconstructor = trainsReconstructor
        joint.warmUpSteps = warmUpSteps
        joint.finalRateShare = finalRateShare
        joint.gradientClip = gradientClip
        joint.precision = precision
        // Nothing is paid for claims or held to them here, so that no grammar of a world is needed.
        joint.grammar = .plain
        return joint
    }

    /// What the run reads.
    func inputs() throws -> RunInputs {
        let folders = Pair.folders(try ModelLocation.pair(pair))
        func content(_ path: String) throws -> String { try ContentHash.files(DataLocation.files(path)) }
        return RunInputs([
            "pair": try [folders.verbalizer, folders.reconstructor, folders.target].map {
                try TargetHash.compute(autoencoder: $0)
            }.joined(separator: " "),
            "data": LanguageDocuments.isWorld(data) ? data : try content(data),
            "held_out": try heldOut.map(content) ?? "none",
        ])
    }
}
