import Autoencoder
import Faithfulness
import Foundation
import LanguageModel
import Tensors

/// Looks for vectors beside true activations that make a verbalizer write something else, while the target goes on as before.
///
///     let attack = VectorAttack(verbalizer, splicer, steps: 100, learningRate: 0.03)
///     let found = attack.run([.init(site: site, response: verbalizer.responseIDs("The hero is kind."), start: nil)], budget: 0.05)
///
/// Adam on the difference δ from the activation. What falls is −log P of the wanted words, summed over the tokens that are not yet
/// all but certain; each prediction's KL above the budget is added, with a multiplier that rises while one is and falls else.
package struct VectorAttack {
    /// One vector to look for.
    package struct Item {
        /// Where the activation stands.
        package var site: Splicer.Site
        /// The tokens that the verbalizer is to write.
        package var response: [Int32]
        /// Where to begin, δ of d numbers; nil for 0.
        package var start: [Float]?

        package init(site: Splicer.Site, response: [Int32], start: [Float]? = nil) {
            self.site = site
            self.response = response
            self.start = start
        }
    }

    /// The best vector of an attempt that keeps the budget.
    package struct Found {
        /// h + δ, d numbers.
        package var vector: [Float]
        /// The largest KL of a prediction that is looked at, in nats.
        package var divergence: Double
        /// log P of the wanted token that is least likely: above log ½ the words come when decoded greedily.
        package var weakest: Double

        package init(vector: [Float], divergence: Double, weakest: Double) {
            self.vector = vector
            self.divergence = divergence
            self.weakest = weakest
        }
    }

    private let verbalizer: Verbalizer
    private let splicer: Splicer
    private let precision: Precision
    private let steps: Int
    private let learningRate: Double

    /// A wanted token at least this likely is left alone.
    private static let sure = log(0.95)
    /// An attempt ends when all wanted tokens are likelier than this.
    fileprivate static let enough = log(0.7)
    /// The share of the budget that is used, so that the independent check does not fail by rounding.
    private static let usedShare = 0.97

    package init(
        _ verbalizer: Verbalizer, _ splicer: Splicer, precision: Precision, steps: Int, learningRate: Double
    ) {
        self.verbalizer = verbalizer
        self.splicer = splicer
        self.precision = precision
        self.steps = steps
        self.learningRate = learningRate
    }

    /// One attempt on each item, all at once.
    ///
    /// - Parameter budget: the largest KL of any prediction, in nats.
    package func run(_ items: [Item], budget: Double) -> [Found] {
        var searches = items.map { Search($0, budget: budget * VectorAttack.usedShare, learningRate) }
        for _ in 0..<steps {
            let active = searches.indices.filter { !searches[$0].isDone }
            if active.isEmpty { break }
            let vectors = Tensor(active.flatMap { searches[$0].vector }, shape: [active.count, splicer.width])
            let words = wordsPass(active.map { items[$0] }, vectors)
            let predictions = predictionsPass(active.map { items[$0] }, vectors, active.map { searches[$0] })
            for (place, index) in active.enumerated() {
                searches[index].see(weakest: words[place].weakest, divergence: predictions[place].divergence)
                searches[index].step(words[place].gradient, predictions[place].gradient)
            }
        }
        return searches.map(\.best)
    }

    /// log P of the least likely wanted token of each item, and the gradient of the words' loss by its vector.
    private func wordsPass(_ items: [Item], _ vectors: Tensor) -> [(weakest: Double, gradient: [Float])] {
        let tape = Tape(precision: precision)
        let input = Variable(vectors, needsGradient: true)
        let result = verbalizer.responseLogProbabilities(
            items.enumerated().map { .init(activation: $0, ids: $1.response) }, to: input, tape: tape)
        let values = result.value.floats()
        tape.backward(
            from: result,
            gradient: Tensor(values.map { Double($0) < VectorAttack.sure ? -1 : 0 }, shape: [values.count]))
        let gradients = input.gradient?.floats() ?? []
        var begin = 0
        return items.enumerated().map { index, item in
            defer { begin += item.response.count }
            let weakest = values[begin..<begin + item.response.count].smallest() ?? 0
            return (Double(weakest), Array(gradients[index * vectors.width..<(index + 1) * vectors.width]))
        }
    }

    /// The largest KL of each item, and the gradient by its vector of what is above the budget, times its multiplier.
    private func predictionsPass(
        _ items: [Item], _ vectors: Tensor, _ searches: [Search]
    ) -> [(divergence: Double, gradient: [Float])] {
        let tape = Tape(precision: precision)
        let input = Variable(vectors, needsGradient: true)
        let (result, ranges) = splicer.divergences(items.map(\.site), vectors: input, tape: tape)
        let values = result.value.floats()
        var slopes = [Float](repeating: 0, count: values.count)
        for (range, search) in zip(ranges, searches) {
            for place in range where Double(values[place]) > search.held { slopes[place] = Float(search.multiplier) }
        }
        tape.backward(from: result, gradient: Tensor(slopes, shape: [slopes.count]))
        let gradients = input.gradient?.floats() ?? []
        return ranges.enumerated().map { index, range in
            (
                Double(values[range].largest() ?? 0),
                Array(gradients[index * vectors.width..<(index + 1) * vectors.width])
            )
        }
    }
}

/// One item's way through an attempt.
private struct Search {
    private let budget: Double
    private let activation: [Float]
    /// A step's length in one coordinate.
    private let rate: Double
    private var delta: [Float]
    private var first: [Double], second: [Double], stepsDone = 0
    /// What a nat of KL above the budget costs.
    private(set) var multiplier: Double
    private(set) var best: VectorAttack.Found
    private(set) var isDone = false

    init(_ item: VectorAttack.Item, budget: Double, _ learningRate: Double) {
        self.budget = budget
        activation = item.site.activation.floats()
        let size = activation[...].squaredNorm / Double(activation.count)
        rate = learningRate * size.squareRoot()
        delta = item.start ?? [Float](repeating: 0, count: activation.count)
        first = [Double](repeating: 0, count: activation.count)
        second = first
        multiplier = 1 / budget
        // The activation itself always keeps the budget.
        best = .init(vector: activation, divergence: 0, weakest: -.infinity)
    }

    var vector: [Float] { zip(activation, delta).map { $0 + $1 } }
    /// Above this the KL is pushed down: below the budget, so that there is room.
    var held: Double { 0.8 * budget }

    mutating func see(weakest: Double, divergence: Double) {
        if divergence <= budget, weakest > best.weakest {
            best = .init(vector: vector, divergence: divergence, weakest: weakest)
            isDone = weakest > VectorAttack.enough
        }
        multiplier *= divergence > budget ? 1.2 : 0.95
        multiplier = multiplier.atLeast(0.1 / budget).atMost(1e6)
    }

    /// A step of Adam (Kingma and Ba 2015) against the sum of two gradients. Moments and arithmetic are float64; those of `AdamW` are
    /// float32, in the kernel, so that its steps, and what a seed finds, would be others.
    mutating func step(_ words: [Float], _ predictions: [Float]) {
        guard !isDone else { return }
        stepsDone += 1
        let (a, b) = (0.9, 0.99)
        let bias = (1 - pow(a, Double(stepsDone)), 1 - pow(b, Double(stepsDone)))
        for place in delta.indices {
            let gradient = Double(words[place]) + Double(predictions[place])
            first[place] = a * first[place] + (1 - a) * gradient
            second[place] = b * second[place] + (1 - b) * gradient * gradient
            delta[place] -= Float(rate * (first[place] / bias.0) / ((second[place] / bias.1).squareRoot() + 1e-12))
        }
    }
}
