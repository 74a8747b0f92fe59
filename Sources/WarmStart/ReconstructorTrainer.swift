import Activations
import Autoencoder
import Evaluation
import Runs
import Teaching
import Tensors

/// Teaches a reconstructor to rebuild activations from the teacher's explanations: normalized mean squared error (docs/method.md §3).
public final class ReconstructorTrainer: Trainer {
    /// The model.
    public let reconstructor: Reconstructor
    public let groups: [ParameterGroup]
    private let store: ActivationStore
    private let training: TaughtRows
    private let heldOut: TaughtRows
    private let judge: ExplanationJudge
    private let options: WarmStartOptions<ReconstructorStage>
    private var order: EpochOrder

    /// Makes the reconstructor trainable.
    public init(
        _ reconstructor: Reconstructor, _ store: ActivationStore, training: TaughtRows, heldOut: TaughtRows,
        _ variance: RawVariance, _ options: WarmStartOptions<ReconstructorStage>
    ) {
        self.reconstructor = reconstructor
        self.store = store
        self.training = training
        self.heldOut = heldOut
        self.options = options
        judge = ExplanationJudge(reconstructor, variance)
        reconstructor.makeTrainable(precision: options.precision)
        groups = [
            ParameterGroup(
                "reconstructor", reconstructor.parameters.filter(\.isTrainable), precision: options.precision,
                optimizer: options.optimizer, schedule: options.schedule)
        ]
        order = EpochOrder(count: training.count, seed: options.seed)
    }

    public func step(_ index: Int) throws -> Metrics {
        let places = (index * options.rowsPerStep..<(index + 1) * options.rowsPerStep).map { order.item($0) }
        var random = Random(seed: options.seed, 0x656D_7074, UInt64(index))
        let prompts = try places.map {
            reconstructor.ids(of: try options.shown(training.explanations[$0], using: &random))
        }
        let tape = Tape(precision: options.precision)
        let errors = tape.normalizedMeanSquaredError(
            reconstructor.forward(prompts, tape: tape), truth: store.vectors(places.map { training.rows[$0] }))
        let (loss, norm) = try groups[0].descend(1, onMeanOf: errors, tape, step: index)
        return [
            "loss": loss, "gradient_norm": norm, "learning_rate": Double(options.schedule.rate(at: index)),
            "tokens": Double(prompts.reduce(0) { $0 + $1.count }), "rows": Double(places.count),
        ]
    }

    /// FVE of the teacher's text on held-out rows, with its controls.
    public func evaluate() throws -> TrainerEvaluation {
        let rows = heldOut.spread(options.evaluationRows)
        let scores = try judge.scores(rows.explanations, store, rows: rows.rows)
        return TrainerEvaluation(scores.metrics, score: scores.value(.written) ?? -.infinity)
    }
}
