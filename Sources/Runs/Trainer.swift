import JSON

/// What a training loop drives: the models of one stage with their data.
///
/// A step must be a function of its index, the options and the weights alone, with its random numbers keyed by (seed, index):
/// that is what makes a resumed run end bit for bit where an uninterrupted one does.
public protocol Trainer: AnyObject {
    /// Everything that is trained.
    var groups: [ParameterGroup] { get }
    /// Runs one step, counted from 0: forward, backward, update.
    ///
    /// - Returns: its numbers, `loss` among them. With `tokens`, the loop adds tokens per second.
    /// - Throws: ``NonFiniteError`` before weights are changed, so that the loop can say what to go back to.
    func step(_ index: Int) throws -> Metrics
    /// Measures the models as they are, on data that no step trains on, without changing anything.
    func evaluate() throws -> TrainerEvaluation
    /// Whether to measure before the first step too, for models that have learnt something already.
    var measuresStart: Bool { get }
}

extension Trainer {
    public var measuresStart: Bool { false }
}

/// What a trainer's evaluation found.
public struct TrainerEvaluation: Sendable {
    /// Its numbers; they join those of the step, so their names must be others (`held_out_loss`).
    public var metrics: Metrics
    /// How good that is, higher being better: it decides which checkpoint is kept as the best.
    public var score: Double
    /// Lines of `samples.jsonl` to look at, without the step.
    public var samples: [JSONObject]

    /// An evaluation.
    public init(_ metrics: Metrics, score: Double, samples: [JSONObject] = []) {
        self.metrics = metrics
        self.score = score
        self.samples = samples
    }
}
