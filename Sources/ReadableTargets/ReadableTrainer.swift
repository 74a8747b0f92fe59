import Autoencoder
import Claims
import Foundation
import JointTraining
import LanguageModel
import Runs
import TargetTraining
import Tensors

/// Trains a target to be read, together with its readers.
///
/// A step reads whole documents. In some of them one activation at the output of block K gives its place to what the reconstructor rebuilds from
/// the verbalizer's words for it, and the language loss goes on through it: what cannot be said is missing from then on, and its loss
/// moves both the blocks that have to do without it and the reconstructor. The verbalizer learns from rewards and the reconstructor from
/// errors as in joint training (docs/method.md §4.2), on the activations that the target has at that step; where that is asked for, each
/// explanation's reward falls by what its own words cost the predictions.
package final class ReadableTrainer: Trainer {
    /// The target.
    package let decoder: TransformerDecoder
    /// The model that writes.
    package let verbalizer: Verbalizer
    /// The model that reads.
    package let reconstructor: Reconstructor
    package let groups: [ParameterGroup]
    package var measuresStart: Bool { true }
    /// Documents of a step.
    package let documentsPerStep: Int
    private let target: ParameterGroup
    private let writer: ParameterGroup?
    private let reader: ParameterGroup?
    private let reference: ReferencePolicy
    private let training: TokenizedDocuments
    private let pair: Pair
    private let heldOut: TokenizedDocuments
    private let options: ReadableOptions
    private let joint: JointOptions
    private var order: EpochOrder

    /// Makes the models trainable as the options say.
    ///
    /// - Parameter reference: what the verbalizer's KL divergence is taken from.
    package init(
        _ decoder: TransformerDecoder, _ pair: Pair, reference: ReferencePolicy, training: TokenizedDocuments,
        heldOut: TokenizedDocuments, _ options: ReadableOptions
    ) {
        self.decoder = decoder
        verbalizer = pair.verbalizer
        reconstructor = pair.reconstructor
        self.reference = reference
        self.training = training
        self.options = options
        joint = options.joint
        target = ParameterGroup(
            "target", decoder.parameters, precision: options.precision, optimizer: options.optimizer,
            schedule: options.schedule)
        let readers = JointTrainer.groups(pair.verbalizer, pair.reconstructor, joint)
        writer = options.trainsVerbalizer ? readers[0] : nil
        reader = options.trainsReconstructor ? readers[1] : nil
        groups = [target] + [writer, reader].compactMap(\.self)
        order = EpochOrder(count: training.source.count, seed: options.seed)
        documentsPerStep = training.count(tokens: options.tokensPerStep)
        self.pair = pair
        self.heldOut = heldOut
    }

    package func step(_ index: Int) throws -> Metrics {
        var watch = Stopwatch()
        let pass = try descend(index)
        watch.lap("target_seconds")
        var metrics = pass.metrics
        if let rollout = pass.rollout {
            let reading = try RolloutReading(rollout, reconstructor, joint, learning: reader, step: index, &watch)
            metrics["ar_loss"] = reading.loss
            if let writer { metrics.merge(try reward(rollout, reading, pass.places, writer, step: index)) }
            watch.lap("av_seconds")
            if let reader { metrics["ar_gradient_norm"] = try reader.update(step: index) }
            watch.lap("ar_seconds")
        }
        metrics["gradient_norm"] = try target.update(step: index)
        watch.lap("target_seconds")
        metrics["learning_rate"] = Double(options.schedule.rate(at: index))
        metrics.merge(watch.seconds)
        return metrics
    }

    // MARK: Documents and places

    /// The documents of a step, and which rows of theirs are replaced.
    private struct Batch {
        var documents = DocumentBatch()
        /// Rows whose activation is replaced, increasing.
        var rows: [Int32] = []
        /// For each of them the rows whose prediction it can change: from it to its document's end.
        var reached: [Range<Int>] = []
        /// For each of them where it is in its document.
        var places: [PredictionCost.Splice] = []
    }

    private func batch(_ index: Int) -> Batch {
        var batch = Batch()
        var random = Random(seed: options.seed, Random.key("splices"), UInt64(index))
        for draw in index * documentsPerStep..<(index + 1) * documentsPerStep {
            let document = training.tokens(training.source.document(order.item(draw)))
            let segment = batch.documents.append(document)
            let rows = batch.documents.tree.segments[segment].rows
            let first = rows.lowerBound + options.firstPosition
            // Both drawn, whatever comes of them, so that another share leaves the other places where they are.
            let chance = random.uniform(), place = random.uniform()
            guard chance < options.spliceShare, first < rows.upperBound else { continue }
            let row = first + min(Int(place * Double(rows.upperBound - first)), rows.upperBound - first - 1)
            batch.rows.append(Int32(row))
            batch.reached.append(row..<rows.upperBound)
            batch.places.append(PredictionCost.Splice(document, position: row - rows.lowerBound))
        }
        return batch
    }

    // MARK: The target

    /// The target's part of a step.
    package struct Pass {
        /// The language loss in nats per token, and what the pull adds to it.
        package let objective: Double
        /// The explanations of the activations that were replaced; nil where none was.
        package let rollout: Rollout?
        /// Where they stood.
        let places: [PredictionCost.Splice]
        let metrics: Metrics
    }

    /// Reads a step's documents with words in some activations' places, and leaves gradients in the target and in the reconstructor.
    package func descend(_ index: Int) throws -> Pass {
        let batch = batch(index)
        let tape = Tape(precision: options.precision)
        let (hidden, splice) = try hidden(batch, tape, step: index)
        let logProbabilities = decoder.logProbabilities(of: batch.documents.targets, hidden, tape: tape)
        let losses = logProbabilities.value.floats().map { -$0 }, loss = mean(losses)
        try target.checkFinite(loss)
        var metrics: Metrics = [
            "loss": loss, "splices": Double(batch.rows.count), "tokens": Double(losses.count),
        ]
        var objective = loss, seeds = [(logProbabilities, gradient: Tensor(repeating: -1, dividedBy: losses.count))]
        if !batch.reached.isEmpty { metrics["loss_behind_splices"] = mean(batch.reached.flatMap { losses[$0] }) }
        if let distance = splice?.distance {
            let distances = distance.value.floats()
            metrics["distance"] = mean(distances)
            objective += options.pull * mean(distances)
            seeds.append((distance, Tensor(repeating: Float(options.pull), dividedBy: distances.count)))
        }
        tape.backward(from: seeds)
        return Pass(objective: objective, rollout: splice?.rollout, places: batch.places, metrics: metrics)
    }

    private func mean(_ values: [Float]) -> Double {
        values.reduce(0) { $0 + Double($1) } / Double(max(1, values.count))
    }

    /// What took the activations' places.
    private struct Splice {
        let rollout: Rollout
        /// The normalized error of what was rebuilt, with a gradient for the activations; nil without a pull.
        let distance: Variable?
    }

    /// The residual stream at the output of the last block, with what words rebuild in some activations' places.
    private func hidden(_ batch: Batch, _ tape: Tape, step: Int) throws -> (Variable, Splice?) {
        var splice: Result<Splice, any Error>?
        let hidden = decoder.hidden(batch.documents.tree, tape: tape) { [self] block, hidden in
            guard block == verbalizer.sidecar.layer, !batch.rows.isEmpty else { return hidden }
            do {
                let (stream, found) = try spliced(hidden, batch.rows, tape, step: step)
                splice = .success(found)
                return stream
            } catch {
                splice = .failure(error)
                return hidden
            }
        }
        return (hidden, try splice?.get())
    }

    private func spliced(
        _ hidden: Variable, _ rows: [Int32], _ tape: Tape, step: Int
    ) throws -> (stream: Variable, Splice) {
        let vectors = hidden.value.gatheringRows(rows)
        guard vectors.firstNonFinite() == nil else { throw NonFiniteError("an activation of the target") }
        let rollout = try Rollout.draw(Array(rows.indices), vectors, verbalizer, joint, key: UInt64(step))
        // The first of each group speaks for its activation.
        let texts = stride(from: 0, to: rollout.samples.count, by: rollout.groupSize).map { rollout.samples[$0].shown }
        let prediction = reconstructor.forward(texts.map(reconstructor.ids), tape: tape)
        let distance =
            options.pull > 0
            ? tape.normalizedMeanSquaredError(tape.selecting(rows, of: hidden), truth: prediction.value) : nil
        return (tape.splicing(prediction, into: rows, of: hidden), Splice(rollout: rollout, distance: distance))
    }

    // MARK: The verbalizer

    private func reward(
        _ rollout: Rollout, _ reading: RolloutReading, _ places: [PredictionCost.Splice], _ group: ParameterGroup,
        step index: Int
    ) throws -> Metrics {
        let grammar = try joint.grammar.grammar
        var rewards = try RolloutReward(joint, grammar).rewards(rollout, nil, errors: reading.errors)
        var cost: Double?
        if options.predictionWeight > 0 {
            let costs = try predictionCosts(rollout, places)
            // A complete explanation never earns less than one without tags.
            for (sample, nats) in costs {
                rewards[sample] = (rewards[sample] - options.predictionWeight * nats).atLeast(options.failureReward)
            }
            cost = costs.reduce(0) { $0 + $1.nats } / Double(max(1, costs.count))
        }
        let policy = try PolicyBatch(rollout, verbalizer, joint, grammar)
        let moved = try policy.update(
            verbalizer, group, policy.referenceLogProbabilities(reference, precision: options.precision),
            advantages: GroupAdvantages.compute(rewards, groupsOf: joint.generations, scale: joint.scaleRewards),
            step: index)
        var metrics: Metrics = ["reward": rewards.reduce(0, +) / Double(rewards.count)]
        metrics["prediction_cost"] = cost
        for name in ["kl", "entropy", "av_gradient_norm"] { metrics[name] = moved[name] }
        metrics.merge(WritingStatistics(rollout, marker: verbalizer.sidecar.marker?.text ?? "").metrics)
        return metrics
    }

    /// What the words of each complete explanation cost the predictions behind its activation, of the target as it was in this step.
    private func predictionCosts(
        _ rollout: Rollout, _ places: [PredictionCost.Splice]
    ) throws -> [(sample: Int, nats: Double)] {
        let valid = rollout.samples.indices.filter { rollout.samples[$0].isValid }
        guard !valid.isEmpty else { return [] }
        let rebuilt = try reconstructor.reconstruct(valid.map { rollout.samples[$0].shown })
        let costs = PredictionCost(decoder, layer: verbalizer.sidecar.layer, precision: options.precision).costs(
            places, rebuilt, owners: valid.map { rollout.samples[$0].activation })
        return zip(valid, costs).map { ($0, $1) }
    }

    // MARK: Held-out

    /// The target's loss and what it knows, what words carry of its activations, and what putting the words in their places costs.
    package func evaluate() throws -> TrainerEvaluation {
        let metrics = try ReadableRun.measure(decoder, pair, heldOut, options)
        guard let loss = metrics["held_out_loss"], let damage = metrics["splice_damage"] else {
            trap("a measurement without loss or damage")
        }
        return TrainerEvaluation(metrics, score: -(loss + options.spliceShare * damage))
    }
}

extension Tensor {
    /// [count] float32, each a share of `value`.
    fileprivate init(repeating value: Float, dividedBy count: Int) {
        self.init([Float](repeating: value / Float(count), count: count), shape: [count])
    }
}
