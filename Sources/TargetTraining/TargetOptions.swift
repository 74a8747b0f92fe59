import Claims
import Runs
import Tensors

/// The options of `nla train target`.
public struct TargetOptions: ScheduledOptions, DocumentOptions, Equatable {
    /// Folder of the tokenizer.
    public var tokenizer = ""
    /// `tiny-world`, or a JSON Lines file.
    public var data = KnownWorlds.standardName
    /// A JSON Lines file to measure on; nil takes a part of `data`.
    public var heldOut: String?
    /// Seed of weights, documents and their order.
    public var seed: UInt64 = 0
    /// Optimizer steps.
    public var steps = 4000
    /// Tokens of a step, about.
    public var tokensPerStep = 4096
    /// Longest part of a document that is read, in tokens.
    public var documentTokens = 1024
    /// Highest learning rate.
    public var learningRate: Float = 2e-3
    /// Steps over which the rate rises.
    public var warmUpSteps = 100
    /// The last rate as a share of the highest.
    public var finalRateShare: Float = 0.05
    /// AdamW's decay rate of the gradient's mean.
    public var beta1: Float = 0.9
    /// AdamW's decay rate of its variance.
    public var beta2: Float = 0.95
    /// Decay of matrices.
    public var weightDecay: Float = 0.1
    /// Largest gradient norm.
    public var gradientClip: Double = 1
    /// What matrix products compute in.
    public var precision = Precision.native
    /// Blocks of the decoder.
    public var blocks = 8
    /// Width of its residual stream.
    public var width = 256
    /// Query heads.
    public var heads = 4
    /// Key and value heads.
    public var keyValueHeads = 2
    /// Width of the gated MLPs.
    public var mlpWidth = 704
    /// θ of the rotary embedding.
    public var ropeBase: Double = 10_000
    /// Standard deviation of the first weights.
    public var deviation: Float = 0.05
    /// Steps between evaluations.
    public var evaluateEvery = 200
    /// Held-out documents of an evaluation.
    public var evaluationDocuments = 200
    /// Held-out documents of the last evaluation.
    public var finalDocuments = 1000
    /// Steps between checkpoints.
    public var checkpointEvery = 1000
    /// Seconds between checkpoints.
    public var checkpointSeconds: Double = 120
    /// Threads; nil for all cores.
    public var threads: Int?

    /// The defaults.
    public init() {}

    public static let stage = "target"

    public static let fields: [RunField<TargetOptions>] =
        [
            RunField("tokenizer", \.tokenizer, "Folder with the tokenizer's files; it must have an end-of-text token."),
            RunField("seed", \.seed, "Seed of weights, documents and their order."),
            RunField("blocks", \.blocks, in: 1...1000, "Transformer blocks."),
            RunField("width", \.width, in: 2...65536, "Width of the residual stream."),
            RunField("heads", \.heads, in: 1...1024, "Query heads; they divide the width."),
            RunField("key_value_heads", \.keyValueHeads, in: 1...1024, "Key and value heads; they divide the heads."),
            RunField("mlp_width", \.mlpWidth, in: 1...1_000_000, "Width of the gated MLPs."),
            RunField("rope_base", \.ropeBase, in: 1...1e12, "Base of the rotary embedding's wavelengths."),
            RunField("deviation", \.deviation, in: 0...1, "Standard deviation of the first weights."),
            RunField(
                "final_documents", \.finalDocuments, in: 1...1_000_000, fixed: false,
                "Held-out documents of the evaluation at the end."),
        ] + documentFields + optimizationFields + cadenceFields

    public func check() throws {
        guard !tokenizer.isEmpty else { throw TrainingError("tokenizer: name the tokenizer's folder") }
        guard width % heads == 0, width / heads % 2 == 0 else {
            throw TrainingError("heads: \(heads) heads do not divide the width \(width) into even parts")
        }
        guard heads % keyValueHeads == 0 else {
            throw TrainingError("key_value_heads: \(keyValueHeads) does not divide the \(heads) heads")
        }
        try checkSchedule()
    }
}
