import Activations
import Autoencoder
import Claims
import Evaluation
import Foundation
import JSON
import Runs
import Teaching
import Tensors

/// Trains a pair jointly: the verbalizer by policy gradient on what the reconstructor makes of its words, the reconstructor by
/// regression on the same words (docs/method.md §4.2).
///
/// A step draws a group of explanations for each activation on one token tree; reads them with the reconstructor, which is the
/// forward half of its own step; turns rewards into advantages; and moves both. Explanations that came out alike are computed once.
public final class JointTrainer: Trainer {
    /// Rewards of a step's samples, a finite one for each, in the order of ``Rollout/samples``. ``RolloutReward`` computes those that the
    /// options ask for.
    ///
    /// - Parameters:
    ///   - rollout: the step's samples.
    ///   - errors: the reconstructor's error for each, from 0 to 4 (`Scores.Row.meanSquaredError`); nil where a sample has no
    ///     explanation to read.
    public typealias Reward = (_ rollout: Rollout, _ errors: [Double?]) throws -> [Double]

    /// The model that writes.
    public let verbalizer: Verbalizer
    /// The model that reads.
    public let reconstructor: Reconstructor
    public let groups: [ParameterGroup]
    public var measuresStart: Bool { true }
    private let store: ActivationStore
    private let rows: [Int]
    private let heldOut: [Int]
    private let reference: ReferencePolicy
    private let rewarder: RolloutReward
    private let reward: Reward?
    private let judge: ExplanationJudge
    private let options: JointOptions
    private let grammar: any ClaimGrammar
    private var order: EpochOrder

    /// Makes both models trainable as the options say; adapters must be attached already.
    ///
    /// - Parameters:
    ///   - reference: what the KL divergence is taken from.
    ///   - second: a reader that stays as it is.
    ///   - probes: what claims are held against; they must not have been fitted to the rows that are learnt from.
    ///   - variance: the denominator of variance explained.
    ///   - reward: what samples earn in place of what the options say; the reconstructor learns all the same.
    /// - Throws: a `ModelError` for a store without rows to learn from or to measure on.
    public init(
        _ verbalizer: Verbalizer, _ reconstructor: Reconstructor, reference: ReferencePolicy,
        second: Reconstructor? = nil, probes: TeacherProbes? = nil,
        _ store: ActivationStore, _ variance: RawVariance, _ options: JointOptions, reward: Reward? = nil
    ) throws {
        self.verbalizer = verbalizer
        self.reconstructor = reconstructor
        self.store = store
        self.reference = reference
        self.options = options
        self.reward = reward
        grammar = try options.grammar.grammar
        rewarder = RolloutReward(options, grammar, second: second, probes: probes)
        judge = ExplanationJudge(reconstructor, variance)
        rows = try store.rows(ofSplit: options.split)
        let measured = try store.rows(ofSplit: options.heldOut), count = min(options.evaluationRows, measured.count)
        heldOut = (0..<count).map { measured[$0 * measured.count / count] }
        order = EpochOrder(count: rows.count, seed: options.seed)
        groups = JointTrainer.groups(verbalizer, reconstructor, options)
    }

    /// Makes a pair trainable: the weights of each, or the adapters attached to it, as a group.
    package static func groups(
        _ verbalizer: Verbalizer, _ reconstructor: Reconstructor, _ options: JointOptions
    ) -> [ParameterGroup] {
        // The two take turns, so that one model's gradients are never there beside the other's.
        var optimizer = options.optimizer
        optimizer.keepsGradientMemory = false
        verbalizer.makeTrainable(precision: options.precision)
        var groups = [
            ParameterGroup(
                "verbalizer", verbalizer.parameters.filter(\.isTrainable), precision: options.precision,
                optimizer: optimizer, schedule: options.schedule)
        ]
        if options.trainsReconstructor {
            reconstructor.makeTrainable(precision: options.precision)
            groups.append(
                ParameterGroup(
                    "reconstructor", reconstructor.parameters.filter(\.isTrainable), precision: options.precision,
                    optimizer: optimizer, schedule: options.reconstructorSchedule))
        }
        return groups
    }

    public func step(_ index: Int) throws -> Metrics {
        var watch = Stopwatch()
        let chosen = (index * options.rowsPerStep..<(index + 1) * options.rowsPerStep).map { rows[order.item($0)] }
        let rollout = try Rollout.draw(
            chosen, store.vectors(chosen), verbalizer, options, key: UInt64(index))
        watch.lap("sampling_seconds")
        let learner = options.trainsReconstructor ? groups[1] : nil
        let reading = try RolloutReading(
            rollout, reconstructor, options, learning: learner, step: index, &watch)
        let readingNorm = try reading.loss == nil ? nil : learner?.update(step: index)
        watch.lap("ar_seconds")
        let rewards =
            try reward?(rollout, reading.errors) ?? rewarder.rewards(rollout, store, errors: reading.errors)
        require(rewards.count == rollout.samples.count, "\(rewards.count) rewards of \(rollout.samples.count) samples")
        guard rewards.allSatisfy(\.isFinite) else { throw NonFiniteError("a reward") }
        watch.lap("reward_seconds")
        let policy = try PolicyBatch(rollout, verbalizer, options, grammar)
        let referenceValues = policy.referenceLogProbabilities(reference, precision: options.precision)
        watch.lap("reference_seconds")
        let moved = try policy.update(
            verbalizer, groups[0], referenceValues,
            advantages: GroupAdvantages.compute(
                rewards, groupsOf: options.generations, scale: options.scaleRewards), step: index)
        watch.lap("av_seconds")

        let valid = reading.errors.compactMap { $0 }
        var metrics: Metrics = ["reward": rewards.reduce(0, +) / Double(rewards.count)]
        metrics["reward_deviation"] = deviation(rewards)
        if !valid.isEmpty { metrics["mse"] = valid.reduce(0, +) / Double(valid.count) }
        metrics.merge(moved)
        metrics.merge(WritingStatistics(rollout, marker: verbalizer.sidecar.marker?.text ?? "").metrics)
        metrics["ar_loss"] = reading.loss
        metrics["ar_gradient_norm"] = readingNorm
        metrics["av_learning_rate"] = Double(options.schedule.rate(at: index))
        if options.trainsReconstructor {
            metrics["ar_learning_rate"] = Double(options.reconstructorSchedule.rate(at: index))
        }
        metrics["distinct_share"] = Double(policy.distinctCount) / Double(rollout.samples.count)
        metrics["tokens"] = rollout.samples.reduce(0) { $0 + Double($1.explanation.ids.count) }
        metrics.merge(watch.seconds)
        return metrics
    }

    /// The mean deviation of rewards within a group.
    private func deviation(_ rewards: [Double]) -> Double {
        let starts = stride(from: 0, to: rewards.count, by: options.generations)
        let sum = starts.reduce(0) { $0 + GroupAdvantages.deviation(rewards[$1..<$1 + options.generations]) }
        return sum / Double(rewards.count / options.generations)
    }

    // MARK: Held-out

    /// Variance explained with its controls, truth of claims, and some explanations to look at.
    public func evaluate() throws -> TrainerEvaluation {
        let vectors = store.vectors(heldOut)
        let written = try verbalizer.explain(
            vectors, .init(maximumTokens: options.maximumLength, batchSize: 256)
        ).map { $0[0] }
        let texts = written.map(\.description)
        let scores = try judge.scores(texts, store, rows: heldOut)
        var metrics = Metrics()
        for (name, value) in scores.metrics.values { metrics[name == "mse" ? "held_out_mse" : name] = value }
        let count = Double(heldOut.count)
        metrics["held_out_tokens"] = written.reduce(0) { $0 + Double($1.ids.count) } / count
        metrics["held_out_extraction_rate"] = Double(written.count(where: \.isComplete)) / count
        let claims = ClaimScores(texts, heldOut, store, grammar, nil)
        metrics["precision"] = claims.precision().share
        metrics["recall_stated"] = claims.recall { $0.standing == .stated }.share
        metrics["recall_latent"] = claims.recall { $0.standing == .latent }.share
        metrics["recall_deciding_stated"] = claims.recall { $0.decides && $0.standing == .stated }.share
        metrics["recall_deciding_latent"] = claims.recall { $0.decides && $0.standing == .latent }.share
        return TrainerEvaluation(
            metrics, score: scores.value(.written) ?? -.infinity, samples: try samples(written, vectors))
    }

    private func samples(_ written: [Explanation], _ vectors: Tensor) throws -> [JSONObject] {
        let count = min(options.sampleRows, written.count)
        let places = (0..<count).map { $0 * written.count / count }
        guard !places.isEmpty else { return [] }
        let errors = try judge.rows(
            places.map { written[$0].description }, vectors.gatheringRows(places.map(Int32.init)))
        return zip(places, errors).map { place, error in
            ExplanationSample(store, row: heldOut[place], written[place], error.meanSquaredError, grammar).json
        }
    }
}
