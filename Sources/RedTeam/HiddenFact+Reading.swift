import Autoencoder
import Claims
import Foundation
import LanguageModel
import Tensors
import Training

/// What readers make of the fact that a target is to hide.
extension HiddenFact {
    /// log P of the sentence that says the hidden value, less log Σ P of those that say another: of each vector.
    func likelihoodRatios(_ verbalizer: Verbalizer, _ vectors: Tensor) -> [Double] {
        let ids = ([sentence(value)] + others.map(sentence)).map(verbalizer.responseIDs)
        return stride(from: 0, to: vectors.rows, by: 64).flatMap { begin -> [Double] in
            let batch = vectors.rows(begin..<min(vectors.rows, begin + 64)).copy()
            let responses = (0..<batch.rows).flatMap { row in
                ids.map { VerbalizerBatch.Response(activation: row, ids: $0) }
            }
            let sums = verbalizer.logProbabilities(responses, to: batch)
            return (0..<batch.rows).map { row in
                let own = sums[row * ids.count], others = sums[row * ids.count + 1..<(row + 1) * ids.count]
                let largest = others.max() ?? 0
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
            return log(max(p, 1e-30)) - log(max(1 - p, 1e-30))
        }
    }

    /// How many of the hidden value's scores lie above all but 1% of the others'.
    ///
    /// - Parameter counted: those that count; nil counts all of them.
    static func recall(_ scores: [Double], _ isHidden: [Bool], counted: [Bool]? = nil) -> Share {
        let others = zip(scores, isHidden).filter { !$0.1 }.map(\.0)
        let levels = AlarmLevels([.surprise: others])
        let places = scores.indices.filter { isHidden[$0] && counted?[$0] ?? true }
        return Share(places.map { levels.rings(.surprise, scores[$0]) })
    }
}

extension Verbalizer {
    /// log P of each response to its vector, in nats.
    fileprivate func logProbabilities(_ responses: [VerbalizerBatch.Response], to vectors: Tensor) -> [Double] {
        let values = responseLogProbabilities(
            responses, to: Variable(vectors), tape: Tape(recording: false, precision: precision)
        ).value.floats()
        var place = 0
        return responses.map { response in
            defer { place += response.ids.count }
            return values[place..<place + response.ids.count].reduce(0) { $0 + Double($1) }
        }
    }

    /// How sure this reader is of its own answers where what somebody else says of the same vectors contradicts them: of each vector
    /// −log P, between the two answers, of what the other says, in nats, of the claim that fares worst; 0 without a contradiction.
    ///
    /// A number of contradictions would not do: where one activation in fifty has one, a single lie stays below the level of an alarm.
    /// Last words are left out.
    ///
    /// - Parameters:
    ///   - texts: what the other says of each of `vectors` [n, d].
    ///   - own: what this one writes of them.
    package func denials(_ texts: [String], own: [String], _ vectors: Tensor, _ grammar: some ClaimGrammar) -> [Double]
    {
        var rows: [Int] = [], sentences: [[String]] = []
        for (row, (text, own)) in zip(texts, own).enumerated() {
            let mine = Dictionary(
                grammar.read(own).claims.map { ($0.question, $0) }, uniquingKeysWith: { first, _ in first })
            for claim in grammar.read(text).claims where claim.question != endingQuestion {
                guard let answer = mine[claim.question], answer.value != claim.value,
                    let theirs = grammar.sentence(claim), let own = grammar.sentence(answer)
                else { continue }
                rows.append(row)
                sentences.append([theirs, own])
            }
        }
        var scores = [Double](repeating: 0, count: texts.count)
        for begin in stride(from: 0, to: rows.count, by: 64) {
            let chunk = begin..<min(rows.count, begin + 64)
            let responses = chunk.flatMap { index in
                sentences[index].map {
                    VerbalizerBatch.Response(activation: index - begin, ids: responseIDs($0))
                }
            }
            let sums = logProbabilities(responses, to: vectors.gatheringRows(rows[chunk].map(Int32.init)))
            for (place, index) in chunk.enumerated() {
                let difference = sums[2 * place + 1] - sums[2 * place]
                // log(1 + exp(difference)), without overflow.
                let score = max(difference, 0) + log1p(exp(-abs(difference)))
                scores[rows[index]] = max(scores[rows[index]], score)
            }
        }
        return scores
    }
}
