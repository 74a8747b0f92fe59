import Tensors

/// What the options of every training run have in common: AdamW along a warm-up and a cosine, evaluations and checkpoints now and
/// then. Each is declared once, here, with its check.
public protocol ScheduledOptions: RunOptions {
    /// Optimizer steps.
    var steps: Int { get set }
    /// Highest learning rate.
    var learningRate: Float { get set }
    /// Steps over which the rate rises.
    var warmUpSteps: Int { get set }
    /// The last rate as a share of the highest.
    var finalRateShare: Float { get set }
    /// AdamW's decay rate of the gradient's mean.
    var beta1: Float { get set }
    /// AdamW's decay rate of its variance.
    var beta2: Float { get set }
    /// Decay of matrices.
    var weightDecay: Float { get set }
    /// Largest gradient norm.
    var gradientClip: Double { get set }
    /// What matrix products compute in.
    var precision: Precision { get set }
    /// Steps between evaluations.
    var evaluateEvery: Int { get set }
    /// Steps between checkpoints.
    var checkpointEvery: Int { get set }
    /// Seconds between checkpoints.
    var checkpointSeconds: Double { get set }
    /// Threads; nil for all cores.
    var threads: Int? { get set }
}

extension ScheduledOptions {
    /// How weights move.
    public static var optimizationFields: [RunField<Self>] {
        [
            RunField("steps", \.steps, in: 1...10_000_000, "Optimizer steps."),
            RunField("learning_rate", \.learningRate, in: 0...10, "Highest learning rate."),
            RunField("warm_up_steps", \.warmUpSteps, in: 0...10_000_000, "Steps over which the learning rate rises."),
            RunField(
                "final_rate_share", \.finalRateShare, in: 0...1, "The last learning rate as a share of the highest."),
            RunField("beta1", \.beta1, in: 0...1, "AdamW: decay rate of the gradient's mean."),
            RunField("beta2", \.beta2, in: 0...1, "AdamW: decay rate of the gradient's variance."),
            RunField("weight_decay", \.weightDecay, in: 0...10, "AdamW: decay of matrices; vectors do not decay."),
            RunField("gradient_clip", \.gradientClip, in: 1e-9...1e9, "Largest norm of the gradient."),
            RunField("precision", \.precision, "What matrix products compute in."),
        ]
    }

    /// When to look and to save, and on how many threads.
    public static var cadenceFields: [RunField<Self>] {
        [
            RunField("evaluate_every", \.evaluateEvery, in: 1...10_000_000, fixed: false, "Steps between evaluations."),
            RunField(
                "checkpoint_every", \.checkpointEvery, in: 1...10_000_000, fixed: false, "Steps between checkpoints."),
            RunField(
                "checkpoint_seconds", \.checkpointSeconds, in: 0...1e9, fixed: false,
                "Seconds after which a checkpoint is due anyway."),
            // Products of many rows may differ in the last bits with another number of threads.
            RunField("threads", \.threads, "Threads to compute with; none for all cores."),
        ]
    }

    /// Throws a ``TrainingError`` for what does not go together among these.
    public func checkSchedule() throws {
        guard beta1 < 1, beta2 < 1 else { throw TrainingError("beta1, beta2: they must be below 1") }
        guard threads.map({ (1...64).contains($0) }) ?? true else {
            throw TrainingError("threads: must be between 1 and 64")
        }
    }

    /// The optimizer, at its first step; vectors do not decay.
    public var optimizer: AdamW {
        var optimizer = AdamW()
        optimizer.beta1 = beta1
        optimizer.beta2 = beta2
        optimizer.weightDecay = weightDecay
        optimizer.decaysVectors = false
        optimizer.maximumGradientNorm = gradientClip
        return optimizer
    }

    /// The learning rate of each step: a warm-up, then a cosine.
    public var schedule: LearningRateSchedule {
        LearningRateSchedule(
            peak: learningRate, warmUpSteps: min(warmUpSteps, steps), totalSteps: steps, finalShare: finalRateShare)
    }

    /// When to evaluate and to save.
    public var cadence: TrainingLoop.Cadence {
        TrainingLoop.Cadence(
            steps: steps, evaluateEvery: evaluateEvery, checkpointEvery: checkpointEvery,
            checkpointSeconds: checkpointSeconds)
    }
}
