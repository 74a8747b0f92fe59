import Activations
import Autoencoder
import Evaluation
import Foundation
import Runs
import Teaching
import Tensors
import Tokenization

/// Teaches a verbalizer to write what the teacher wrote: next-token loss on the explanation, given the activation (docs/method.md §4.1).
public final class VerbalizerTrainer: Trainer {
    /// The model.
    public let verbalizer: Verbalizer
    public let groups: [ParameterGroup]
    private let store: ActivationStore
    private let training: TaughtRows
    private let heldOut: TaughtRows
    private let judge: ExplanationJudge?
    private let options: WarmStartOptions<VerbalizerStage>
    private var order: EpochOrder

    /// Makes the verbalizer trainable.
    ///
    /// - Parameter judge: scores explanations in evaluations; nil without a reconstructor.
    public init(
        _ verbalizer: Verbalizer, _ store: ActivationStore, training: TaughtRows, heldOut: TaughtRows,
        judge: ExplanationJudge?, _ options: WarmStartOptions<VerbalizerStage>
    ) {
        self.verbalizer = verbalizer
        self.store = store
        self.training = training
        self.heldOut = heldOut
        self.judge = judge
        self.options = options
        verbalizer.makeTrainable(precision: options.precision)
        groups = [
            ParameterGroup(
                "verbalizer", verbalizer.parameters.filter(\.isTrainable), precision: options.precision,
                optimizer: options.optimizer, schedule: options.schedule)
        ]
        order = EpochOrder(count: training.count, seed: options.seed)
    }

    public func step(_ index: Int) throws -> Metrics {
        let places = (index * options.rowsPerStep..<(index + 1) * options.rowsPerStep).map { order.item($0) }
        let rows = places.map { training.rows[$0] }
        let batch = try batch(training, places, activations: options.shufflesActivations ? shuffled(rows) : rows)
        let tape = Tape(precision: options.precision)
        let logProbabilities = verbalizer.responseLogProbabilities(batch, tape: tape)
        let (loss, norm) = try groups[0].descend(-1, onMeanOf: logProbabilities, tape, step: index)
        return [
            "loss": loss, "gradient_norm": norm, "learning_rate": Double(options.schedule.rate(at: index)),
            "tokens": Double(batch.tokenCount), "rows": Double(places.count),
        ]
    }

    /// Held-out loss, the same with another row's activation, and what explanations are worth.
    public func evaluate() throws -> TrainerEvaluation {
        let rows = heldOut.spread(options.evaluationRows)
        let loss = try loss(rows, shuffled: options.shufflesActivations)
        guard loss.isFinite else { throw NonFiniteError("the held-out loss") }
        var metrics: Metrics = ["held_out_loss": loss]
        if !options.shufflesActivations, store.partners(of: rows.rows) != nil {
            metrics["held_out_loss_swapped"] = try self.loss(rows, shuffled: true)
        }
        if let judge, !options.shufflesActivations {
            metrics.merge(try judge.metrics(verbalizer, store, heldOut.spread(options.evaluationSamples)))
        }
        return TrainerEvaluation(metrics, score: -loss)
    }

    /// Nats per token of the explanations of held-out rows.
    func loss(_ rows: TaughtRows, shuffled isShuffled: Bool) throws -> Double {
        var sum = 0.0, count = 0
        let activations = isShuffled ? try shuffled(rows.rows) : rows.rows
        // Every n-th row, so that a batch is of many documents.
        let batches = (rows.count + 63) / 64
        for first in 0..<batches {
            let places = Array(stride(from: first, to: rows.count, by: batches))
            let batch = try batch(rows, places, activations: places.map { activations[$0] })
            let tape = Tape(recording: false, precision: options.precision)
            let values = verbalizer.responseLogProbabilities(batch, tape: tape).value.floats()
            sum -= values.reduce(0) { $0 + Double($1) }
            count += values.count
        }
        return sum / Double(max(1, count))
    }

    /// For each row one of another document among them.
    private func shuffled(_ rows: [Int]) throws -> [Int] {
        guard let partners = store.partners(of: rows) else {
            throw TrainingError(
                "\(store.folder.path): \(rows.count) rows are all of one document, and none has another's activation to be shuffled with; raise rows_per_step, or store more documents"
            )
        }
        return partners.map { rows[$0] }
    }

    /// Some explanations as responses, each to the activation of a row of the store.
    private func batch(_ taught: TaughtRows, _ places: [Int], activations rows: [Int]) throws -> VerbalizerBatch {
        let responses = places.enumerated().map { index, place in
            VerbalizerBatch.Response(activation: index, ids: verbalizer.responseIDs(taught.explanations[place]))
        }
        return try verbalizer.batch(store.vectors(rows), responses)
    }
}
