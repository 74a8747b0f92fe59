import Activations
import Autoencoder
import Claims
import Foundation
import LanguageModel
import Runs
import Teaching
import Tensors

/// Which model a warm start trains.
public protocol WarmStartStage: Sendable {
    /// As `nla train` calls it.
    static var name: String { get }
    /// The split it learns from.
    static var split: String { get }
    /// Options that only this stage has.
    static var fields: [RunField<WarmStartOptions<Self>>] { get }
    /// Highest learning rate unless another is asked for.
    static var learningRate: Float { get }
}

/// The options of `nla train av` and `nla train ar`.
public struct WarmStartOptions<Stage: WarmStartStage>: ScheduledOptions {
    /// Folder of the target.
    public var target = ""
    /// What the sidecar calls the target; nil for the folder's name.
    public var targetName: String?
    /// The activation store.
    public var store = ""
    /// The teacher's file.
    public var explanations = ""
    /// Split to learn from.
    public var split = Stage.split
    /// Split to measure on.
    public var heldOut = "held-out"
    /// Seed of the order of rows.
    public var seed: UInt64 = 0
    /// Optimizer steps.
    public var steps = 2000
    /// Activations of a step.
    public var rowsPerStep = 64
    /// Highest learning rate.
    public var learningRate = Stage.learningRate
    /// Steps over which the rate rises.
    public var warmUpSteps = 100
    /// The last rate as a share of the highest.
    public var finalRateShare: Float = 0.05
    /// AdamW's decay rate of the gradient's mean.
    public var beta1: Float = 0.9
    /// AdamW's decay rate of its variance.
    public var beta2: Float = 0.98
    /// Decay of matrices.
    public var weightDecay: Float = 0.01
    /// Largest gradient norm.
    public var gradientClip: Double = 1
    /// What matrix products compute in.
    public var precision = Precision.native
    /// Rank of adapters; 0 trains every weight.
    public var loraRank = 0
    /// Scale of the adapters, times their rank.
    public var loraAlpha: Double = 32
    /// Layers that get adapters.
    public var loraTargets = LoRAConfiguration.allLinear
    /// Whether adapters become part of the written model's weights; otherwise the model folder holds the adapters alone.
    public var mergesAdapters = true
    /// Verbalizer: whether every explanation goes with another row's activation, as a control.
    public var shufflesActivations = false
    /// Verbalizer: a reconstructor's folder, to score explanations with while training.
    public var reconstructor: String?
    /// Reconstructor: the share of explanations that are replaced by nothing.
    public var emptyShare = 0.03
    /// Reconstructor: the share of explanations whose claims are said in other words, and in another order.
    public var paraphraseShare = 0.0
    /// Reconstructor: how claims are said, for paraphrases.
    public var grammar = GrammarName.standard
    /// The verbalizer's prompt.
    public var verbalizerTemplate = Recipe().verbalizerTemplate
    /// The reconstructor's prompt.
    public var reconstructorTemplate = Recipe().reconstructorTemplate
    /// Verbalizer: the character that the activation replaces.
    public var marker = Recipe().marker
    /// Verbalizer: how the activation enters.
    public var injection = InjectionPlace(.replace)
    /// Verbalizer: norm of the injected vector; nil for the root of the width.
    public var injectionScale: Double?
    /// Steps between evaluations.
    public var evaluateEvery = 500
    /// Held-out rows of an evaluation's loss.
    public var evaluationRows = 512
    /// Held-out rows that are explained in an evaluation.
    public var evaluationSamples = 128
    /// Steps between checkpoints.
    public var checkpointEvery = 1000
    /// Seconds between checkpoints.
    public var checkpointSeconds: Double = 120
    /// Threads; nil for all cores.
    public var threads: Int?

    /// The defaults.
    public init() {}

    public static var stage: String { Stage.name }

    public static var fields: [RunField<Self>] {
        [
            RunField("target", \.target, "Folder of the target model."),
            RunField("target_name", \.targetName, "What the sidecar calls the target; none for the folder's name."),
            RunField("store", \.store, "The activation store."),
            RunField("explanations", \.explanations, "The teacher's file, JSON Lines."),
            RunField("split", \.split, "Split of the store to learn from."),
            RunField("held_out", \.heldOut, "Split to measure on."),
            RunField("seed", \.seed, "Seed of the order of rows."),
            RunField("rows_per_step", \.rowsPerStep, in: 1...100_000, "Activations of a step."),
            RunField("lora_rank", \.loraRank, in: 0...4096, "Rank of low-rank adapters; 0 trains every weight."),
            RunField("lora_alpha", \.loraAlpha, in: 0...1e6, "Scale of the adapters, times their rank."),
            RunField("lora_targets", \.loraTargets, "Linear layers that get adapters."),
            RunField(
                "merge_adapters", \.mergesAdapters, fixed: false,
                "Whether the model is written with the adapters in its weights; false writes the adapters alone, over the target."
            ),
        ] + Stage.fields + [
            RunField("av_template", \.verbalizerTemplate, "The verbalizer's prompt, with {injection_char}."),
            RunField("ar_template", \.reconstructorTemplate, "The reconstructor's prompt, with {explanation}."),
            RunField(
                "evaluation_rows", \.evaluationRows, in: 1...1_000_000, fixed: false,
                "Held-out rows of an evaluation's loss."),
        ] + optimizationFields + cadenceFields
    }

    public func check() throws {
        for (name, value) in [("target", target), ("store", store), ("explanations", explanations)] where value.isEmpty
        {
            throw TrainingError("\(name): nothing is named; it has no default")
        }
        guard split != heldOut else {
            throw TrainingError("held_out: must be another split than the one to learn from")
        }
        guard injectionScale.map({ $0 > 0 && $0 < 1e30 }) ?? true else {
            throw TrainingError("injection_scale: must be above 0")
        }
        guard loraRank == 0 || !loraTargets.isEmpty else {
            throw TrainingError("lora_targets: names no layer; name some, or set lora_rank to 0")
        }
        guard mergesAdapters || loraRank > 0 else {
            throw TrainingError("merge_adapters: false writes adapters alone, and lora_rank 0 makes none")
        }
        guard !shufflesActivations || rowsPerStep > 1 else {
            throw TrainingError("rows_per_step: one row has no other to be shuffled with")
        }
        try checkSchedule()
    }

    /// The choices that go into the sidecar.
    func recipe(layer: Int) -> Recipe {
        var recipe = Recipe(layer: layer)
        recipe.marker = marker
        recipe.verbalizerTemplate = verbalizerTemplate
        recipe.reconstructorTemplate = reconstructorTemplate
        recipe.injection = injection
        if let injectionScale { recipe.injectionScale = .norm(injectionScale) }
        return recipe
    }

    /// What the run reads. The target goes by the hash in the store, which is compared with the target itself when both are opened.
    func inputs() throws -> RunInputs {
        let store = try DataLocation.folder(store)
        return RunInputs([
            "target": try StoreManifest(folder: store).settings.targetHash,
            "store": try StoreManifest.hash(folder: store),
            "explanations": try ContentHash.files(DataLocation.files(explanations)),
        ])
    }

    /// Adapters, if some are asked for.
    var adapters: LoRAConfiguration? {
        loraRank == 0 ? nil : LoRAConfiguration(rank: loraRank, alpha: loraAlpha, targets: loraTargets)
    }
}

extension InjectionPlace: RunValue {
    public static var expectation: String { "replace, norm-matched or norm-matched@BLOCK" }
    public var runText: String { description }
    public init?(runText: String) { self.init(runText) }
}

/// `nla train av`.
public enum VerbalizerStage: WarmStartStage {
    public static let name = "av", split = "warm-start-av"
    public static let learningRate: Float = 1e-3
    public static var fields: [RunField<WarmStartOptions<Self>>] {
        [
            RunField(
                "shuffle_activations", \.shufflesActivations,
                "The control: every explanation goes with another row's activation."),
            RunField("marker", \.marker, "The character that the activation replaces; one token of the target."),
            RunField(
                "injection", \.injection,
                "How the activation enters: replace puts it in the marker's place; norm-matched@BLOCK adds it to the output of a block, of block 1 by default."
            ),
            RunField(
                "injection_scale", \.injectionScale, "Norm of the injected vector; none for the root of the width."),
            RunField(
                "reconstructor", \.reconstructor, fixed: false,
                "Folder of a reconstructor, to score explanations with while training."),
            RunField(
                "evaluation_samples", \.evaluationSamples, in: 1...1_000_000, fixed: false,
                "Held-out rows that are explained in an evaluation."),
        ]
    }
}

/// `nla train ar`.
public enum ReconstructorStage: WarmStartStage {
    public static let name = "ar", split = "warm-start-ar"
    public static let learningRate: Float = 1e-3
    public static var fields: [RunField<WarmStartOptions<Self>>] {
        [
            RunField(
                "empty_share", \.emptyShare, in: 0...1,
                "Share of explanations replaced by nothing, so that the reconstructor knows what no words mean."),
            RunField(
                "paraphrase_share", \.paraphraseShare, in: 0...1,
                "Share of explanations said in other words of the grammar and in another order, so that meaning is learnt and not form."
            ),
            RunField("grammar", \.grammar, "How claims are said: tiny-world, or plain."),
        ]
    }
}

extension WarmStartOptions<ReconstructorStage> {
    /// What a step shows of an explanation: itself, nothing, or the same in other words and in another order.
    package func shown(_ text: String, using random: inout Random) throws -> String {
        if random.uniform() < emptyShare { return "" }
        guard paraphraseShare > 0, random.uniform() < paraphraseShare else { return text }
        let reworded = try grammar.grammar.paraphrased(text, using: &random) ?? text
        return Sentences.split(reworded).shuffled(using: &random).joined(separator: " ")
    }
}
