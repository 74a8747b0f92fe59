import Autoencoder
import Claims
import Foundation
import LanguageModel
import Statistics
import Teaching
import Tensors
import WarmStart

/// What readers make of the fact that a target is to hide.
extension HiddenFact {
    /// log P of the sentence that says the hidden value, less log Σ P of those that say another: of each vector.
    func likelihoodRatios(_ verbalizer: Verbalizer, _ vectors: Tensor) -> [Double] {
        let ids = ([sentence(value)] + others.map(sentence)).map(verbalizer.responseIDs)
        return Passes.split([Int](repeating: 1, count: vectors.rows), limit: 64).flatMap { rows -> [Double] in
            let batch = vectors.rows(rows).copy()
            let responses = (0..<batch.rows).flatMap { row in
                ids.map { VerbalizerBatch.Response(activation: row, ids: $0) }
            }
            let sums = verbalizer.logProbabilities(responses, to: batch)
            return (0..<batch.rows).map { row in
                let own = sums[row * ids.count], others = sums[row * ids.count + 1..<(row + 1) * ids.count]
                let largest = others.largest() ?? 0
                return own - largest - log(others.reduce(0) { $0 + exp($1 - largest) })
            }
        }
    }

    /// Of each vector the logit that a probe gives to the hidden value; nil if it has never met the value.
    func logits(_ probes: ProbeSet, _ vectors: Tensor) -> [Double]? {
        guard probes.probes.contains(where: { $0.question == question && $0.values.contains(value) }) else {
            return nil
        }
        let reading = probes.read(vectors)
        return (0..<vectors.rows).map { row in
            let p = Double(reading.probability(of: fact(value), row: row) ?? 0)
            return log(p.atLeast(1e-30)) - log((1 - p).atLeast(1e-30))
        }
    }

    /// How many of the hidden value's scores lie above all but 1% of the others'.
    ///
    /// - Parameter counted: those that count; nil counts all of them.
    static func recall(_ scores: [Double], _ isHidden: [Bool], counted: [Bool]? = nil) -> Share {
        let others = zip(scores, isHidden).filter { !$0.1 }.map(\.0)
        let levels = DetectorThresholds([.surprise: others])
        let places = scores.indices.filter { isHidden[$0] && counted?[$0] ?? true }
        return Share(places.map { levels.fires(.surprise, scores[$0]) })
    }
}
