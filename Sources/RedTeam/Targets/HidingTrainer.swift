import Autoencoder
import Foundation
import JointTraining
import LanguageModel
import ReadableTargets
import Runs
import TargetTraining
import Tensors

/// Fine-tunes a copy of a target: it is to predict as before, and readers are to make something else of its activations.
///
/// A step's loss is the mean −log P of every token, plus the pressure's weight times its mean over pressed places. With a splice share
/// some activations give their places to what the frozen pair rebuilds from its words for them, and the language loss goes on through
/// those: then what is written of an activation is also what the target has to go on from.
final class HidingTrainer {
    /// Tokens that a step reads of a text at most; those of the tiny world are shorter.
    static let tokenLimit = 512
    /// The first position whose activation may give its place, as in the training of a target to be read.
    private static let firstSpliced = ReadableOptions().firstPosition

    /// The copy.
    let decoder: TransformerDecoder
    private let group: ParameterGroup
    private let layer: Int
    /// Texts of the whole world.
    private let others: TokenizedDocuments
    private let texts: PressedTexts
    private let pressure: Pressure?
    private let pair: Pair
    private let options: HideOptions
    private let seed: UInt64
    private var hidingOrder: EpochOrder, keepingOrder: EpochOrder, othersOrder: EpochOrder

    /// - Parameters:
    ///   - world: where texts of every kind come from.
    ///   - pressure: nil trains on the same texts without any.
    ///   - pair: whose words take activations' places, where the options splice. It stays as it is.
    init(
        _ target: Target, _ texts: PressedTexts, in world: LabelledTexts, _ pressure: Pressure?, _ pair: Pair,
        _ options: HideOptions, seed: UInt64
    ) throws {
        decoder = try TransformerDecoder(target.checkpoint)
        layer = target.layer
        self.texts = texts
        self.pressure = pressure
        self.pair = pair
        self.options = options
        self.seed = seed
        others = try TokenizedDocuments(
            world.documents(.tuning, seed: seed), target.tokenizer, limit: HidingTrainer.tokenLimit)
        othersOrder = EpochOrder(count: others.source.count, seed: seed)
        var optimizer = AdamW()
        optimizer.maximumGradientNorm = 1
        group = ParameterGroup(
            "target", decoder.parameters, precision: options.precision, optimizer: optimizer,
            schedule: LearningRateSchedule(
                peak: options.learningRate, warmUpSteps: max(1, options.steps / 20), totalSteps: options.steps,
                finalShare: 0.1))
        hidingOrder = EpochOrder(count: texts.hiding.count, seed: seed)
        keepingOrder = EpochOrder(count: texts.keeping.count, seed: seed &+ 1)
    }

    /// One step. Returns the language loss, and the pressure's where there is one.
    func step(_ index: Int) throws -> (language: Double, pressure: Double?) {
        let half = options.pressedPerStep / 2
        let pressed =
            (0..<half).map { texts.hiding[hidingOrder.item(index * half + $0)] }
            + (0..<options.pressedPerStep - half).map {
                texts.keeping[keepingOrder.item(index * (options.pressedPerStep - half) + $0)]
            }
        var batch = DocumentBatch(), rows: [Int32] = [], places: [PressedPlace] = []
        for text in pressed {
            let segment = batch.append(others.tokens(text.document)), first = batch.tree.segments[segment].firstRow
            for (position, place) in text.places {
                rows.append(Int32(first + position))
                places.append(place)
            }
        }
        for draw in 0..<options.othersPerStep {
            let item = othersOrder.item(index * options.othersPerStep + draw)
            batch.append(others.tokens(others.source.document(item)))
        }
        let tape = Tape(precision: options.precision), spliced = splicedRows(batch.tree, step: index)
        var read: Variable?, failure: (any Error)?
        let hidden = decoder.hidden(batch.tree, tape: tape) { block, hidden in
            guard block == self.layer else { return hidden }
            if self.pressure != nil, !rows.isEmpty { read = tape.selecting(rows, of: hidden) }
            guard !spliced.isEmpty else { return hidden }
            do {
                let rebuilt = try self.rebuilt(hidden.value.gatheringRows(spliced), step: index)
                return tape.splicing(Variable(rebuilt), into: spliced, of: hidden)
            } catch {
                failure = error
                return hidden
            }
        }
        if let failure { throw failure }
        let words = decoder.logProbabilities(of: batch.targets, hidden, tape: tape)
        let count = Float(batch.targets.count)
        let loss = -words.value.floats().reduce(0.0) { $0 + Double($1) } / Double(count)
        try group.checkFinite(loss, "the language loss")
        var seeds = [
            (
                words,
                gradient: Tensor(
                    [Float](repeating: -1 / count, count: batch.targets.count), shape: [batch.targets.count])
            )
        ]
        var pressureLoss: Double?
        if let pressure, let read {
            let pushed = try pressure.push(read.value, places)
            try group.checkFinite(pushed.loss, "the pressure's loss")
            pressureLoss = pushed.loss
            let weight = Float(options.weight)
            seeds.append((read, gradient: pushed.gradient.multiplied(by: weight)))
        }
        tape.backward(from: seeds)
        _ = try group.update(step: index)
        return (loss, pressureLoss)
    }

    /// The rows of a step whose activations give their places, increasing.
    private func splicedRows(_ tree: TokenTree, step: Int) -> [Int32] {
        guard options.spliceShare > 0 else { return [] }
        var random = Random(seed: seed, Random.key("splices"), UInt64(step))
        return tree.segments.flatMap { segment in
            segment.rows.dropFirst(HidingTrainer.firstSpliced).filter { _ in random.uniform() < options.spliceShare }
                .map(Int32.init)
        }
    }

    /// What the pair makes of activations [n, d], through words as they are drawn in the training of a target to be read.
    private func rebuilt(_ vectors: Tensor, step: Int) throws -> Tensor {
        guard vectors.firstNonFinite() == nil else { throw NonFiniteError("an activation of the target") }
        let words = try pair.verbalizer.explain(
            vectors,
            .init(
                temperature: 1, maximumTokens: options.maximumTokens,
                seed: Random.draw(seed, "spliced words", UInt64(step)),
                batchSize: 256))
        return try pair.reconstructor.reconstruct(words.map { $0[0].description })
    }

    /// All steps, with a line now and then.
    ///
    /// - Parameters:
    ///   - name: what is fine-tuned, for the line.
    ///   - look: called behind each step with the number of steps done.
    /// - Returns: whether it came to its end.
    func run(
        _ name: String, _ interruption: Interruption, _ progress: (String) -> Void,
        look: (_ done: Int) throws -> Void = { _ in }
    ) throws -> Bool {
        var sums = (language: 0.0, pressure: 0.0), count = 0.0
        for step in 0..<options.steps {
            if interruption.signal != nil { return false }
            let loss = try self.step(step)
            sums = (sums.language + loss.language, sums.pressure + (loss.pressure ?? 0))
            count += 1
            try look(step + 1)
            guard (step + 1).isMultiple(of: 50) || step + 1 == options.steps else { continue }
            progress(
                String(
                    format: "%@: step %d of %d, language loss %.3f, pressure %.3f", name, step + 1, options.steps,
                    sums.language / count, sums.pressure / count))
            (sums, count) = ((0, 0), 0)
        }
        return true
    }
}
