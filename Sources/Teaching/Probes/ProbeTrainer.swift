import Activations
import Claims
import Foundation
import LanguageModel
import Tensors

/// How probes are trained.
public struct ProbeOptions: Sendable {
    /// Most passes over the rows.
    public var epochs = 8
    /// Rows of one step.
    public var batchSize = 512
    /// Highest learning rate, of AdamW along a cosine.
    public var learningRate: Float = 3e-3
    /// Decoupled weight decay.
    public var weightDecay: Float = 0.05
    /// Share of the documents that are not fitted: they say when each probe was best.
    public var heldBackShare = 0.1
    /// Passes without any probe getting better on the documents held back, after which training ends.
    public var patience = 2
    /// Rows at which a value must be the answer to be learned.
    public var minimumCount = 10
    /// How many of the last words are read.
    public var wordPlaces = 3
    /// The most frequent words that are told apart, at each place.
    public var maximumWords = 400
    /// The same seed gives the same probes.
    public var seed: UInt64 = 0

    /// The usual ones.
    public init() {}

    /// Those of probes that a teacher asks: many words are told apart, in more passes.
    package static func forTeacher(seed: UInt64) -> ProbeOptions {
        var options = ProbeOptions()
        options.maximumWords = 4000
        options.epochs = 24
        options.patience = 3
        options.seed = seed
        return options
    }
}

extension ProbeSet {
    /// How far training is.
    public struct Progress: Sendable {
        /// Passes done.
        public let epoch: Int
        /// Mean loss in nats over probes, on documents held back.
        public let loss: Double
    }

    /// The rows of documents that training with these options does not fit.
    public static func heldBackRows(_ store: ActivationStore, rows: [Int], _ options: ProbeOptions) -> [Int] {
        rows.filter { isHeldBack(store.document(of: $0).id, options) }
    }

    private static func isHeldBack(_ id: String, _ options: ProbeOptions) -> Bool {
        var random = Random(seed: options.seed, Random.key(id), Random.key("held back"))
        return random.uniform() < options.heldBackShare
    }

    /// Fits probes to rows of a store: one for every question with at least two answers that are frequent enough, and one for
    /// each of the last words, all in the same passes.
    ///
    /// A row teaches a probe where its document has one answer to the question at that place. Each probe keeps the weights with
    /// which it read the documents held back best; before training these are the answers' frequencies.
    ///
    /// - Throws: a `ModelError` if there is nothing to learn.
    public static func train(
        _ store: ActivationStore, rows: [Int], _ options: ProbeOptions = ProbeOptions(),
        progress: (Progress) throws -> Void = { _ in }
    ) throws -> ProbeSet {
        let answers = Answers(store, rows: rows, words: options.wordPlaces)
        let isHeldBack = rows.map { Self.isHeldBack(store.document(of: $0).id, options) }
        let fitted = rows.indices.filter { !isHeldBack[$0] }
        let heldBack = rows.indices.filter { isHeldBack[$0] }
        let features = ProbeFeatures(store, rows: fitted.map { rows[$0] })
        var trainees = Trainee.all(answers, fitted: fitted, features, options)
        guard !trainees.isEmpty else {
            throw ModelError(
                "\(store.folder.path): no question has two answers that hold at \(options.minimumCount) of the \(fitted.count) rows; store more documents, or labelled ones"
            )
        }
        func x(_ places: some Sequence<Int>) -> Tensor { features(store.vectors(places.map { rows[$0] })) }
        /// Loss of each probe on the documents held back; weights that are better than ever are kept.
        func judge() -> (loss: Double, improved: Bool) {
            var sums = [(loss: Double, count: Int)](repeating: (0, 0), count: trainees.count)
            for begin in stride(from: 0, to: heldBack.count, by: 2048) {
                let places = heldBack[begin..<min(heldBack.count, begin + 2048)]
                let batch = x(places)
                for index in trainees.indices {
                    guard let result = trainees[index].logProbabilities(Array(places), batch, Tape(recording: false))
                    else { continue }
                    let values = result.value.floats()
                    sums[index].loss -= values.reduce(0) { $0 + Double($1) }
                    sums[index].count += values.count
                }
            }
            var improved = false, total = 0.0
            for index in trainees.indices {
                let loss = sums[index].loss / Double(max(sums[index].count, 1))
                total += loss
                if trainees[index].keepIfBetter(loss, judged: sums[index].count > 0) { improved = true }
            }
            return (total / Double(trainees.count), improved)
        }
        _ = judge()
        var optimizer = AdamW()
        optimizer.weightDecay = options.weightDecay
        let steps = (fitted.count + options.batchSize - 1) / options.batchSize
        let schedule = LearningRateSchedule(
            peak: options.learningRate, warmUpSteps: min(20, steps), totalSteps: steps * options.epochs,
            finalShare: 0.02)
        let parameters = trainees.map(\.weights)
        var withoutGain = 0
        for epoch in 0..<options.epochs where withoutGain < options.patience {
            var random = Random(seed: options.seed, Random.key("probes"), UInt64(epoch))
            let order = fitted.shuffled(using: &random)
            for step in 0..<steps {
                let places = Array(order[step * options.batchSize..<min(order.count, (step + 1) * options.batchSize)])
                let batch = x(places)
                let tape = Tape()
                let seeds = trainees.compactMap { trainee -> (Variable, gradient: Tensor)? in
                    guard let result = trainee.logProbabilities(places, batch, tape) else { return nil }
                    let count = result.value.count
                    return (result, Tensor([Float](repeating: -1 / Float(count), count: count), shape: [count]))
                }
                tape.backward(from: seeds)
                optimizer.update(parameters, learningRate: schedule.rate(at: epoch * steps + step))
            }
            let (loss, improved) = judge()
            withoutGain = improved ? 0 : withoutGain + 1
            try progress(Progress(epoch: epoch + 1, loss: loss))
        }
        let probes = trainees.map { Probe(question: $0.question, values: $0.values, weights: $0.best) }
        return ProbeSet(
            probes.sorted { $0.question < $1.question }, features, layerIndex: store.manifest.settings.layerIndex,
            targetHash: store.manifest.settings.targetHash, wordPlaces: options.wordPlaces,
            fittedSplits: Set(rows.map(store.split)).sorted())
    }
}

/// A probe under way.
private struct Trainee {
    let question: Question
    let values: [String]
    /// For each row its answer's place in `values`, or −1.
    let targets: [Int32]
    /// [values, features]
    let weights: Parameter
    /// The best weights so far, and their loss.
    private(set) var best: Tensor
    private var bestLoss = Double.infinity

    static func all(
        _ answers: Answers, fitted: [Int], _ features: ProbeFeatures, _ options: ProbeOptions
    ) -> [Trainee] {
        let words = Set((0..<options.wordPlaces).map { Question.lastWord($0 + 1) })
        let counts = answers.counts(at: fitted)
        var targets = answers.questions.map { _ in [Int32](repeating: -1, count: answers.rows.count) }
        var classes: [[Int32]] = []
        var kept: [(values: [String], counts: [Int])] = []
        for (index, question) in answers.questions.enumerated() {
            var known = counts[index].indices.filter { counts[index][$0] >= options.minimumCount }
            let isWord = words.contains(question)
            if isWord {
                // The most frequent ones, of equals the first in the alphabet.
                known.sort {
                    (counts[index][$1], answers.values[index][$0]) < (counts[index][$0], answers.values[index][$1])
                }
                known = Array(known.prefix(options.maximumWords))
            }
            known.sort { answers.values[index][$0] < answers.values[index][$1] }
            let knownCount = known.reduce(0) { $0 + counts[index][$1] }
            let others = counts[index].reduce(0, +) - knownCount
            var of = [Int32](repeating: isWord && others > 0 ? Int32(known.count) : -1, count: counts[index].count)
            for (place, value) in known.enumerated() { of[value] = Int32(place) }
            classes.append(of)
            kept.append(
                (
                    known.map { answers.values[index][$0] } + (isWord && others > 0 ? [""] : []),
                    known.map { counts[index][$0] } + (isWord && others > 0 ? [others] : [])
                ))
        }
        for (row, all) in answers.rows.enumerated() {
            for answer in all { targets[Int(answer.question)][row] = classes[Int(answer.question)][Int(answer.value)] }
        }
        return answers.questions.indices.filter { kept[$0].values.count > 1 }.map { index in
            Trainee(answers.questions[index], kept[index].values, kept[index].counts, targets[index], features)
        }
    }

    private init(
        _ question: Question, _ values: [String], _ counts: [Int], _ targets: [Int32], _ features: ProbeFeatures
    ) {
        self.question = question
        self.values = values
        self.targets = targets
        var start = [Float](repeating: 0, count: values.count * features.width)
        let total = Double(counts.reduce(0, +))
        for (place, count) in counts.enumerated() {
            start[place * features.width + features.hiddenSize] = Float(log(Double(count) / total))
        }
        best = Tensor(start, shape: [values.count, features.width])
        weights = Parameter(name: question.description, best)
        weights.makeTrainable(precision: .float32)
    }

    /// log P(answer) at those of the rows in `places` that have one, whose features are `batch`; nil if none has.
    func logProbabilities(_ places: [Int], _ batch: Tensor, _ tape: Tape) -> Variable? {
        var rows: [Int32] = []
        var answers: [Int32] = []
        for (index, place) in places.enumerated() where targets[place] >= 0 {
            rows.append(Int32(index))
            answers.append(targets[place])
        }
        guard !rows.isEmpty else { return nil }
        let x = rows.count == batch.rows ? batch : batch.gatheringRows(rows)
        return tape.tokenLogProbabilities(Variable(x), table: weights, targets: answers)
    }

    /// Keeps the weights if their loss is the lowest; weights that nothing could judge are kept as they come.
    mutating func keepIfBetter(_ loss: Double, judged: Bool) -> Bool {
        guard !judged || loss < bestLoss - 1e-4 else { return false }
        best = weights.master.copy()
        if judged { bestLoss = loss }
        return judged
    }
}
