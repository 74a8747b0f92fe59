import Autoencoder
import Faithfulness
import Foundation
import LanguageModel
import Teaching
import Tensors
import WarmStart

/// A token of a text, and what readers are to make of its activation.
package struct PressedPlace {
    /// The words that the verbalizer is to write.
    package let wanted: String
    /// The fact's value that probes are to read.
    package let wantedValue: String

    package init(wanted: String, wantedValue: String) {
        self.wanted = wanted
        self.wantedValue = wantedValue
    }
}

/// What presses on activations: a loss of vectors with its gradient, whatever it comes from. The readers stay frozen.
package final class Pressure {
    private let kind: HidingPressure
    private let pair: Pair
    private let precision: Precision
    /// The linear probe that is pressed through.
    private let probe: LinearReader?
    /// Reconstructions from words that came up.
    private var reconstructions: [String: [Float]] = [:]
    private var random: Random

    /// Pairs of vectors beside an activation at which a reward is asked for, and how far they are, as a share of its norm.
    private static let rewardPairs = 4, rewardReach = 0.1

    /// - Parameter probe: what is pressed through, where that is a probe.
    package init(
        _ kind: HidingPressure, _ pair: Pair, probe: LinearReader? = nil, precision: Precision, seed: UInt64
    ) {
        self.kind = kind
        self.pair = pair
        self.probe = probe
        self.precision = precision
        random = Random(seed: seed, Random.key("reward"))
    }

    /// The mean loss over places, and its gradient by their vectors [n, d] float32.
    package func push(_ vectors: Tensor, _ places: [PressedPlace]) throws -> (loss: Double, gradient: Tensor) {
        let tape = Tape(precision: precision), input = Variable(vectors, needsGradient: true)
        let n = Float(places.count)
        switch kind {
        case .reward: return try reward(vectors, places)
        case .verbalizer:
            let result = pair.verbalizer.responseLogProbabilities(responses(places), to: input, tape: tape)
            return finish(result, slope: -1 / n, input, tape)
        case .reconstructor:
            let unknown = Set(places.map(\.wanted)).filter { reconstructions[$0] == nil }.sorted()
            if !unknown.isEmpty {
                let found = try pair.reconstructor.reconstruct(unknown)
                for (row, words) in unknown.enumerated() { reconstructions[words] = found.rows(row..<row + 1).floats() }
            }
            let truth = Tensor(places.flatMap { reconstructions[$0.wanted] ?? [] }, shape: vectors.shape)
            return finish(tape.normalizedMeanSquaredError(input, truth: truth), slope: 1 / n, input, tape)
        case .probe:
            guard let probe else { trap("no probe to press through") }
            // The probe's logits are float32 whatever the readers compute in.
            let exact = Tape()
            let result = probe.logProbabilities(of: places.map(\.wantedValue), input, tape: exact)
            return finish(result, slope: -1 / n, input, exact)
        }
    }

    private func responses(_ places: [PressedPlace]) -> [VerbalizerBatch.Response] {
        places.enumerated().map { .init(activation: $0, ids: pair.verbalizer.responseIDs($1.wanted)) }
    }

    private func finish(
        _ result: Variable, slope: Float, _ input: Variable, _ tape: Tape
    ) -> (loss: Double, gradient: Tensor) {
        let values = result.value.floats()
        tape.backward(
            from: result, gradient: Tensor([Float](repeating: slope, count: values.count), shape: [values.count]))
        let loss = values.reduce(0.0) { $0 + Double($1) } * Double(slope)
        return (loss, input.gradient ?? Tensor(zeros: input.value.shape))
    }

    /// A gradient from rewards alone (evolution strategies with antithetic pairs; Salimans et al. 2017): the likelihood of the wanted
    /// words at h ± σε says how far to go along ε.
    private func reward(_ vectors: Tensor, _ places: [PressedPlace]) throws -> (loss: Double, gradient: Tensor) {
        let h = vectors.floats(), d = vectors.width
        var gradient = [Float](repeating: 0, count: h.count), total = 0.0
        let sigma = places.indices.map { row in
            (h[row * d..<(row + 1) * d].squaredNorm / Double(d)).squareRoot() * Pressure.rewardReach
        }
        for _ in 0..<Pressure.rewardPairs {
            let noise = h.indices.map { _ in Float(random.normal()) }
            func rewards(_ sign: Float) -> [Double] {
                let moved = h.indices.map { h[$0] + sign * noise[$0] * Float(sigma[$0 / d]) }
                return pair.verbalizer.logProbabilities(
                    responses(places), to: Tensor(moved, shape: vectors.shape), precision: precision)
            }
            let above = rewards(1), below = rewards(-1)
            for row in places.indices {
                let scale = -(above[row] - below[row]) / (2 * sigma[row])
                let share = Float(scale / Double(Pressure.rewardPairs * places.count))
                for place in row * d..<(row + 1) * d { gradient[place] += share * noise[place] }
            }
            total -= zip(above, below).reduce(0) { $0 + ($1.0 + $1.1) / 2 }
        }
        return (total / Double(Pressure.rewardPairs * places.count), Tensor(gradient, shape: vectors.shape))
    }
}
