import LanguageModel
import Runs
import Tensors

/// Trains a decoder from the beginning to predict the next token of documents.
///
/// Step s reads n whole documents, those of draws s·n ..< (s+1)·n. n is what makes `tokens_per_step` on average: a fixed number of
/// documents, so that a step follows from its index alone.
final class TargetTrainer: Trainer {
    /// The decoder.
    let decoder: TransformerDecoder
    let groups: [ParameterGroup]
    /// Documents of a step.
    let documentsPerStep: Int
    private let training: TokenizedDocuments
    private let evaluator: TargetEvaluator
    private let options: TargetOptions
    private var order: EpochOrder

    /// Makes the decoder trainable.
    init(
        _ decoder: TransformerDecoder, training: TokenizedDocuments, heldOut: TokenizedDocuments,
        _ options: TargetOptions
    ) {
        self.decoder = decoder
        self.training = training
        self.options = options
        groups = [
            ParameterGroup(
                "target", decoder.parameters, precision: options.precision, optimizer: options.optimizer,
                schedule: options.schedule)
        ]
        order = EpochOrder(count: training.source.count, seed: options.seed)
        documentsPerStep = training.count(tokens: options.tokensPerStep)
        evaluator = TargetEvaluator(decoder, heldOut, precision: options.precision)
    }

    func step(_ index: Int) throws -> Metrics {
        var batch = DocumentBatch()
        for draw in index * documentsPerStep..<(index + 1) * documentsPerStep {
            batch.append(training.tokens(training.source.document(order.item(draw))))
        }
        let tape = Tape(precision: options.precision)
        let hidden = decoder.hidden(batch.tree, tape: tape)
        let logProbabilities = decoder.logProbabilities(of: batch.targets, hidden, tape: tape)
        let (loss, norm) = try groups[0].descend(-1, onMeanOf: logProbabilities, tape, step: index)
        return [
            "loss": loss, "gradient_norm": norm, "learning_rate": Double(options.schedule.rate(at: index)),
            "tokens": Double(batch.targets.count),
        ]
    }

    func evaluate() throws -> TrainerEvaluation {
        let found = try evaluator.evaluate(documents: options.evaluationDocuments)
        return TrainerEvaluation(found.metrics, score: -found.loss)
    }

    /// The evaluation at the end of a run, on more documents.
    func finalEvaluation() throws -> TargetEvaluation {
        try evaluator.evaluate(documents: options.finalDocuments)
    }
}
