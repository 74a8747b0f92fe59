import Activations
import Claims
import Foundation
import Tensors

/// Linear readers of activations: for each question a multinomial logistic regression from one vector to the answer.
///
///     let probes = try ProbeSet.train(store, rows: store.rows(ofSplit: "probe"), .init())
///     let reading = probes.read(store.vectors(rows))
///     reading.probability(of: Fact("the hero", "motive", "greedy"), row: 0)
///
/// A vector is scaled to norm √d first, since a verbalizer sees its direction only (docs/method.md §2), and then standardized by the
/// mean and deviation that each coordinate has over the rows of training.
public struct ProbeSet: Sendable {
    /// The reader of one question.
    public struct Probe: Sendable {
        /// What it answers.
        public let question: Question
        /// The answers it knows. For last words the empty text stands for every other word.
        public let values: [String]
        /// [values, features]: a row of weights for each value, its constant behind the d weights of the vector.
        let weights: Tensor
    }

    /// The probes, in the order of their questions.
    public let probes: [Probe]
    /// Width d of the vectors.
    public let hiddenSize: Int
    /// The block whose output they read.
    public let layerIndex: Int
    /// The hash of the target whose activations they read.
    public let targetHash: String
    /// How many of the last words are read.
    public let wordPlaces: Int
    /// The splits of the documents that they were fitted to; nil where that was not recorded.
    public let fittedSplits: [String]?
    let features: ProbeFeatures
    private let places: [Question: Int]

    init(
        _ probes: [Probe], _ features: ProbeFeatures, layerIndex: Int, targetHash: String, wordPlaces: Int,
        fittedSplits: [String]?
    ) {
        self.probes = probes
        self.features = features
        self.layerIndex = layerIndex
        self.targetHash = targetHash
        self.wordPlaces = wordPlaces
        self.fittedSplits = fittedSplits
        hiddenSize = features.hiddenSize
        places = Dictionary(uniqueKeysWithValues: probes.enumerated().map { ($1.question, $0) })
    }

    /// What the probes make of vectors [n, d], raw as a store holds them.
    public func read(_ vectors: Tensor) -> ProbeReading {
        require(
            vectors.shape.count == 2 && vectors.width == hiddenSize,
            "vectors of \(vectors.shape) for probes of \(hiddenSize)")
        let tape = Tape(recording: false)
        let x = Variable(features(vectors))
        let operands = probes.map { LinearOperand(weight: Parameter(name: $0.question.description, $0.weights)) }
        let logits = operands.isEmpty || vectors.rows == 0 ? [] : tape.linear(x, operands)
        return ProbeReading(self, rows: vectors.rows, logits.map { Self.softmax($0.value) })
    }

    private static func softmax(_ logits: Tensor) -> [Float] {
        var values = logits.floats()
        let width = logits.width
        for begin in stride(from: 0, to: values.count, by: width) {
            let range = begin..<begin + width
            let largest = values[range].largest() ?? 0
            var sum: Float = 0
            for place in range {
                values[place] = exp(values[place] - largest)
                sum += values[place]
            }
            for place in range { values[place] /= sum }
        }
        return values
    }

    /// The place of a question's probe; nil if no probe reads it.
    func place(of question: Question) -> Int? { places[question] }
}

/// What probes make of some vectors.
public struct ProbeReading: Sendable {
    /// Number of vectors.
    public let rows: Int
    private let set: ProbeSet
    /// [rows, values] of each probe.
    private let probabilities: [[Float]]

    init(_ set: ProbeSet, rows: Int, _ probabilities: [[Float]]) {
        self.set = set
        self.rows = rows
        self.probabilities = probabilities
    }

    /// A question's values and their probabilities [rows, values]; nil if no probe reads it.
    public func probabilities(_ question: Question) -> (values: [String], probabilities: Tensor)? {
        guard let place = set.place(of: question), rows > 0 else { return nil }
        let values = set.probes[place].values
        return (values, Tensor(probabilities[place], shape: [rows, values.count]))
    }

    /// The likeliest answer at a row; nil if no probe reads the question.
    public func best(_ question: Question, row: Int) -> (value: String, probability: Float)? {
        guard let place = set.place(of: question) else { return nil }
        let values = set.probes[place].values
        let own = probabilities[place][row * values.count..<(row + 1) * values.count]
        guard let best = own.indices.max(by: { own[$0] < own[$1] }) else { return nil }
        return (values[best - row * values.count], own[best])
    }

    /// How probable a fact is at a row; nil if no probe reads its question, 0 for a value that its probe does not know.
    ///
    /// A claim about how the text ends has the product of its words' probabilities, punctuation not considered; nil if it has
    /// no words, or more than are read.
    public func probability(of fact: Fact, row: Int) -> Float? {
        require(row >= 0 && row < rows, "row \(row) of \(rows)")
        if fact.question == endingQuestion {
            let words = LastWords(of: fact.value, count: set.wordPlaces + 1).words
            guard !words.isEmpty, words.count <= set.wordPlaces else { return nil }
            var product: Float = 1
            for (index, word) in words.enumerated() {
                let question = Question.lastWord(index + 1)
                guard let one = probability(of: Fact(question.subject, question.relation, word), row: row) else {
                    return nil
                }
                product *= one
            }
            return product
        }
        guard let place = set.place(of: fact.question) else { return nil }
        let values = set.probes[place].values
        guard let value = values.firstIndex(of: fact.value), !fact.value.isEmpty else { return 0 }
        return probabilities[place][row * values.count + value]
    }
}

/// Vectors as probes see them: scaled to norm √d, standardized, a constant 1 behind, and zeros up to a width that suits the
/// kernels.
struct ProbeFeatures: Sendable {
    let mean: [Float]
    let inverseDeviation: [Float]

    var hiddenSize: Int { mean.count }
    var width: Int { (hiddenSize + 16) / 16 * 16 }

    init(mean: [Float], inverseDeviation: [Float]) {
        self.mean = mean
        self.inverseDeviation = inverseDeviation
    }

    /// Mean and deviation over some rows of a store. A coordinate that hardly varies is left unscaled.
    init(_ store: ActivationStore, rows: [Int]) {
        let width = store.hiddenSize
        var sums = [Double](repeating: 0, count: width), squares = sums
        for begin in stride(from: 0, to: rows.count, by: 4096) {
            let batch = Array(rows[begin..<min(rows.count, begin + 4096)])
            var values = store.vectors(batch).floats()
            for row in batch.indices {
                Self.scale(&values, row * width..<(row + 1) * width)
                for column in 0..<width {
                    let value = Double(values[row * width + column])
                    sums[column] += value
                    squares[column] += value * value
                }
            }
        }
        let count = Double(max(rows.count, 1))
        mean = sums.map { Float($0 / count) }
        inverseDeviation = zip(sums, squares).map { sum, square in
            let variance = square / count - (sum / count) * (sum / count)
            return variance > 1e-8 ? Float(1 / variance.squareRoot()) : 1
        }
    }

    private static func scale(_ values: inout [Float], _ range: Range<Int>) {
        var square = 0.0
        for place in range { square += Double(values[place]) * Double(values[place]) }
        guard square > 0 else { return }
        let factor = Float((Double(range.count) / square).squareRoot())
        for place in range { values[place] *= factor }
    }

    /// [n, d] raw vectors → [n, width].
    func callAsFunction(_ vectors: Tensor) -> Tensor {
        vectors.standardizingRows(mean: mean, inverseDeviation: inverseDeviation, to: width)
    }
}
