import Activations
import Autoencoder
import Claims
import Foundation
import LanguageModel
import Runs
import Teaching
import Tensors

/// What the verbalizer is paid for.
public enum RewardKind: String, Sendable, CaseIterable, RunValue {
    /// −mse, 0 at best and −2 for an orthogonal reconstruction.
    case meanSquaredError = "mse"
    /// −log mse: pays for the last bit of a good reconstruction as much as for the first of a bad one.
    case logarithm = "log_mse"
}

/// How tokens are averaged into one loss.
public enum LossNormalization: String, Sendable, CaseIterable, RunValue {
    /// Each response counts the same, whatever its length (GRPO; Shao et al. 2024).
    case response = "grpo"
    /// Each token counts the same (DAPO; Yu et al. 2025).
    case token = "dapo"
    /// Each token counts as one of `max_completion_length`, so that length has no influence (Dr. GRPO; Liu et al. 2025).
    case constant = "dr_grpo"

    /// What each token of a response of `tokens` tokens counts in the loss of a batch.
    public func weight(tokens: Int, samples: Int, allTokens: Int, maximumLength: Int) -> Double {
        switch self {
        case .response: 1 / Double(samples * tokens)
        case .token: 1 / Double(allTokens)
        case .constant: 1 / Double(samples * maximumLength)
        }
    }
}

/// What a group's rewards are divided by.
public enum RewardScale: String, Sendable, CaseIterable, RunValue {
    /// Their own standard deviation.
    case group
    /// Nothing; only their mean is taken off.
    case none
}

/// Which tokens the KL penalty holds to the warm start.
public enum PenaltyPlace: String, Sendable, CaseIterable, RunValue {
    /// Every token.
    case everything = "all"
    /// The values of claims alone: which claims to make, in which words, and how many stays free; what is then said does not.
    case claims
}

/// Which of a run's checkpoints becomes the model.
public enum KeptCheckpoint: String, Sendable, CaseIterable, RunValue {
    /// The one that explained most variance of held-out rows.
    case best
    /// The last.
    case last
}

/// The options of `nla train rl`, under the names that the field uses.
public struct JointOptions: ScheduledOptions, Equatable {
    /// The warm-started pair: a folder with `av/` and `ar/`.
    public var pair = ""
    /// Whether to begin with its weights; false begins with copies of its `target/`, as a control.
    public var warmStart = true
    /// The activation store.
    public var store = ""
    /// Split to learn from.
    public var split = JointOptions.split
    /// Split to measure on, and to choose a checkpoint by.
    public var heldOut = JointOptions.validation
    /// How claims are read; plain for documents with other facts than the tiny world's.
    public var grammar = GrammarName.standard
    /// Seed of rows and samples.
    public var seed: UInt64 = 0
    /// Steps.
    public var steps = 1000
    /// Activations of a step.
    public var rowsPerStep = 32
    /// Explanations of each activation.
    public var generations = 8
    /// Temperature at which they are drawn, and of the distribution that learns.
    public var temperature: Float = 1
    /// Tokens of an explanation at most.
    public var maximumLength = 100
    /// Updates of the verbalizer per batch of explanations.
    public var iterations = 1
    /// How far the probability of a token may move, as a ratio, before it is paid no more.
    public var epsilon = 0.2
    /// The same, upwards; nil for the same.
    public var epsilonHigh: Double?
    /// Weight of the KL divergence from the warm start.
    public var beta = 0.02
    /// Which tokens it is taken over.
    public var penaltyOn = PenaltyPlace.everything
    /// What is paid for.
    public var reward = RewardKind.meanSquaredError
    /// What an explanation earns that is cut off, or has no tags.
    public var failureReward = -2.0
    /// What a group's rewards are divided by.
    public var scaleRewards = RewardScale.group
    /// How tokens are averaged.
    public var lossType = LossNormalization.token
    /// Weight of the entropy of the verbalizer's tokens.
    public var entropyBonus = 0.0
    /// What a token costs.
    public var lengthPenalty = 0.0
    /// A reconstructor that stays as it is and has a say in the reward.
    public var secondReader: String?
    /// Its share of the reward.
    public var secondReaderWeight = 0.5
    /// Probes that read the activations: a reader of another kind, which claims are held against.
    public var probes: String?
    /// What a claim costs to which they give no more than half their probability.
    public var doubtPenalty = 0.2
    /// Chance of each sentence to be withheld from the readers.
    public var claimDropout = 0.0
    /// What it is worth that the other explanations of the same activation make the same claims.
    public var agreementBonus = 0.0
    /// Whether the reconstructor learns too.
    public var trainsReconstructor = true
    /// Share of empty explanations among those that the reconstructor learns from.
    public var emptyShare = 0.03
    /// Rank of the verbalizer's adapters; 0 trains every weight.
    public var verbalizerRank = 0
    /// Rank of the reconstructor's adapters; 0 trains every weight.
    public var reconstructorRank = 0
    /// Scale of the adapters, times their rank.
    public var loraAlpha: Double = 32
    /// Layers that get adapters.
    public var loraTargets = LoRAConfiguration.allLinear
    /// Whether the pair is written with its adapters in its weights; nil for what the pair is that the run begins with.
    public var mergesAdapters: Bool?
    /// The verbalizer's highest learning rate.
    public var learningRate: Float = 1e-5
    /// The reconstructor's.
    public var reconstructorRate: Float = 5e-5
    /// Steps over which the rates rise.
    public var warmUpSteps = 20
    /// The last rate as a share of the highest.
    public var finalRateShare: Float = 0.1
    /// The same for the reconstructor; nil for the same.
    public var reconstructorWarmUpSteps: Int?
    /// The same for the reconstructor; nil for the same.
    public var reconstructorFinalRateShare: Float?
    /// AdamW's decay rate of the gradient's mean.
    public var beta1: Float = 0.9
    /// AdamW's decay rate of its variance.
    public var beta2: Float = 0.99
    /// Decay of matrices.
    public var weightDecay: Float = 0
    /// Largest gradient norm.
    public var gradientClip: Double = 1
    /// What matrix products compute in.
    public var precision = Precision.native
    /// Tokens of one pass forwards and backwards.
    public var tokensPerPass = 4096
    /// Which checkpoint becomes the model.
    public var keep = KeptCheckpoint.best
    /// Steps between evaluations.
    public var evaluateEvery = 100
    /// Held-out rows of an evaluation.
    public var evaluationRows = 512
    /// Held-out rows whose explanations are kept at each evaluation.
    public var sampleRows = 16
    /// Steps between checkpoints.
    public var checkpointEvery = 500
    /// Seconds between checkpoints.
    public var checkpointSeconds: Double = 120
    /// Steps between checkpoints that stay; nil keeps none but the last two and the best.
    public var keepEvery: Int?
    /// Threads; nil for all cores.
    public var threads: Int?

    /// The defaults: the published ones where there are some.
    public init() {}

    public static let stage = "rl"
    /// The split that the recipe stores for joint training.
    public static let split = "rl"
    /// The split that it stores for choosing a checkpoint: another than the reports are about.
    public static let validation = "validation"

    public static let fields: [RunField<Self>] =
        dataFields + rewardFields + policyFields + reconstructorFields + adapterFields + optimizationFields
        + evaluationFields + cadenceFields

    private static let dataFields: [RunField<Self>] = [
        RunField("pair", \.pair, "The warm-started pair: a folder with av/ and ar/."),
        RunField(
            "warm_start", \.warmStart, "Whether to begin with its weights; false begins with copies of its target/."),
        RunField("store", \.store, "The activation store."),
        RunField("split", \.split, "Split of the store to learn from."),
        RunField("held_out", \.heldOut, "Split to measure on, and to choose a checkpoint by."),
        RunField("seed", \.seed, "Seed of rows and samples."),
        RunField("rows_per_step", \.rowsPerStep, in: 1...100_000, "Activations of a step."),
        RunField("num_generations", \.generations, in: 1...1024, "Explanations of each activation: a group."),
        RunField(
            "temperature", \.temperature, in: 0.01...100, "Temperature of the explanations, and of what learns."),
        RunField("max_completion_length", \.maximumLength, in: 1...100_000, "Tokens of an explanation at most."),
    ]

    private static let rewardFields: [RunField<Self>] = [
        RunField("reward", \.reward, "What is paid for: the negative error, or its negative logarithm."),
        RunField(
            "failure_reward", \.failureReward, in: -1e6...1e6,
            "What an explanation earns that is cut off, or has no tags."),
        RunField("length_penalty", \.lengthPenalty, in: 0...1e3, "What a token costs."),
        RunField(
            "second_reader", \.secondReader,
            "Folder of another reconstructor, which stays as it is and has a say in the reward."),
        RunField("second_reader_weight", \.secondReaderWeight, in: 0...1, "Its share of the reward."),
        RunField(
            "probes", \.probes,
            "Folder of probes of the activations, which claims are held against; none for no such reader."),
        RunField(
            "doubt_penalty", \.doubtPenalty, in: 0...1e3,
            "What a claim costs to which they give no more than half their probability."),
        RunField(
            "claim_dropout", \.claimDropout, in: 0...0.95, "Chance of each sentence to be withheld from the readers."),
        RunField(
            "agreement_bonus", \.agreementBonus, in: 0...1e3,
            "What it is worth that the other explanations of the activation make the same claims."),
        RunField("grammar", \.grammar, "How claims are said: tiny-world, or plain."),
    ]

    private static let policyFields: [RunField<Self>] = [
        RunField("scale_rewards", \.scaleRewards, "What the advantages of a group are divided by."),
        RunField("loss_type", \.lossType, "How tokens are averaged into one loss."),
        RunField("num_iterations", \.iterations, in: 1...64, "Updates of the verbalizer per batch of explanations."),
        RunField(
            "epsilon", \.epsilon, in: 0...1, "How far a token's probability ratio may fall, and rise, and be paid."),
        RunField("epsilon_high", \.epsilonHigh, "How far it may rise; none for the same."),
        RunField("beta", \.beta, in: 0...1e3, "Weight of the KL divergence from the warm start."),
        RunField("kl_on", \.penaltyOn, "Tokens it is taken over: all, or the values of claims."),
        RunField("entropy_bonus", \.entropyBonus, in: 0...1e3, "Weight of the entropy of the verbalizer's tokens."),
    ]

    private static let reconstructorFields: [RunField<Self>] = [
        RunField("train_ar", \.trainsReconstructor, "Whether the reconstructor learns too."),
        RunField("empty_share", \.emptyShare, in: 0...1, "Empty explanations that it learns from, for each other one."),
        RunField("ar_learning_rate", \.reconstructorRate, in: 0...10, "The reconstructor's highest learning rate."),
        RunField(
            "ar_warm_up_steps", \.reconstructorWarmUpSteps, "Steps over which it rises; none for warm_up_steps."),
        RunField(
            "ar_final_rate_share", \.reconstructorFinalRateShare,
            "The last one as a share of the highest; none for final_rate_share."),
    ]

    private static let adapterFields: [RunField<Self>] = [
        RunField(
            "av_lora_rank", \.verbalizerRank, in: 0...4096,
            "Rank of the verbalizer's adapters; 0 trains every weight, or the adapters that the pair consists of."),
        RunField(
            "ar_lora_rank", \.reconstructorRank, in: 0...4096,
            "Rank of the reconstructor's adapters; 0 trains every weight, or the adapters that the pair consists of."),
        RunField("lora_alpha", \.loraAlpha, in: 0...1e6, "Scale of the adapters, times their rank."),
        RunField("lora_targets", \.loraTargets, "Linear layers that get adapters."),
        RunField(
            "merge_adapters", \.mergesAdapters, fixed: false,
            "Whether the pair is written with the adapters in its weights; false writes adapters alone, none does as the pair to begin with does."
        ),
        RunField(
            "tokens_per_pass", \.tokensPerPass, in: 1...10_000_000,
            "Tokens of one pass; fewer take less memory, and leave the gradient as it is up to rounding."),
    ]

    private static let evaluationFields: [RunField<Self>] = [
        RunField("keep", \.keep, "Which checkpoint becomes the model: the best by held-out variance, or the last."),
        RunField(
            "evaluation_rows", \.evaluationRows, in: 1...1_000_000, "Held-out rows of an evaluation."),
        RunField(
            "sample_rows", \.sampleRows, in: 0...10_000, fixed: false,
            "Held-out rows whose explanations are kept at each evaluation."),
        RunField(
            "keep_every", \.keepEvery, fixed: false,
            "Steps between checkpoints that stay, for nla eval to compare; none for the last two and the best."),
    ]

    public func check() throws {
        for (name, value) in [("pair", pair), ("store", store)] where value.isEmpty {
            throw TrainingError("\(name): nothing is named; it has no default")
        }
        guard split != heldOut else {
            throw TrainingError("held_out: must be another split than the one to learn from")
        }
        guard generations > 1 else {
            throw TrainingError(
                "num_generations: advantages are relative to a group, and a group of one has none; use 2 or more")
        }
        guard epsilonHigh.map({ (0...100).contains($0) }) ?? true else {
            throw TrainingError("epsilon_high: must be between 0 and 100, or none")
        }
        guard reconstructorWarmUpSteps.map({ (0...10_000_000).contains($0) }) ?? true else {
            throw TrainingError("ar_warm_up_steps: must be between 0 and 10000000, or none")
        }
        guard reconstructorFinalRateShare.map({ (0...1).contains($0) }) ?? true else {
            throw TrainingError("ar_final_rate_share: must be between 0 and 1, or none")
        }
        guard keepEvery.map({ (1...10_000_000).contains($0) }) ?? true else {
            throw TrainingError("keep_every: must be between 1 and 10000000, or none")
        }
        guard verbalizerRank + reconstructorRank == 0 || !loraTargets.isEmpty else {
            throw TrainingError("lora_targets: names no layer; name some, or set the ranks to 0")
        }
        guard secondReader != nil || secondReaderWeight == JointOptions().secondReaderWeight else {
            throw TrainingError("second_reader_weight: has no second_reader to weigh")
        }
        guard probes != nil || doubtPenalty == JointOptions().doubtPenalty else {
            throw TrainingError("doubt_penalty: has no probes to doubt with; name their folder as probes")
        }
        guard trainsReconstructor || reconstructorRank == 0 else {
            throw TrainingError("ar_lora_rank: the reconstructor does not learn (train_ar is false)")
        }
        guard trainsReconstructor || secondReader == nil || secondReaderWeight < 1 else {
            throw TrainingError(
                "second_reader_weight: with 1, and train_ar false, the pair's reconstructor does nothing")
        }
        try checkSchedule()
    }

    /// What the run reads.
    func inputs() throws -> RunInputs {
        RunInputs([
            "pair": try modelHashes(),
            "store": try StoreManifest.hash(folder: DataLocation.folder(store)),
            "second_reader": try secondReader.map {
                try TargetHash.compute(autoencoder: ModelLocation.resolve($0))
            },
            "probes": try probes.map { try TeacherProbes.hash(folder: DataLocation.folder($0)) },
        ])
    }

    /// The contents of the models that the run begins with.
    func modelHashes() throws -> String {
        let folders = Pair.folders(try ModelLocation.pair(pair))
        let models = [folders.verbalizer, folders.reconstructor] + (warmStart ? [] : [folders.target])
        return try models.map { try TargetHash.compute(autoencoder: $0) }.joined(separator: " ")
    }

    /// The reconstructor's schedule.
    var reconstructorSchedule: LearningRateSchedule {
        LearningRateSchedule(
            peak: reconstructorRate, warmUpSteps: min(reconstructorWarmUpSteps ?? warmUpSteps, steps),
            totalSteps: steps, finalShare: reconstructorFinalRateShare ?? finalRateShare)
    }

    /// Adapters of a rank, if it is not 0.
    func adapters(rank: Int) -> LoRAConfiguration? {
        rank == 0 ? nil : LoRAConfiguration(rank: rank, alpha: loraAlpha, targets: loraTargets)
    }
}
