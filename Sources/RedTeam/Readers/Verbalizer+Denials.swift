import Autoencoder
import Claims
import Foundation
import LanguageModel
import Tensors
import WarmStart

extension Verbalizer {
    /// log P of each response to its vector, in nats. Without a precision it computes in its own.
    func logProbabilities(
        _ responses: [VerbalizerBatch.Response], to vectors: Tensor, precision: Precision? = nil
    ) -> [Double] {
        let values = responseLogProbabilities(
            responses, to: Variable(vectors), tape: Tape(recording: false, precision: precision ?? self.precision)
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
    /// A number of contradictions would not do: where one activation in fifty has one, a single lie stays below the threshold.
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
        for chunk in Passes.split(rows.map { _ in 1 }, limit: 64) {
            let responses = chunk.flatMap { index in
                sentences[index].map {
                    VerbalizerBatch.Response(activation: index - chunk.lowerBound, ids: responseIDs($0))
                }
            }
            let sums = logProbabilities(responses, to: vectors.gatheringRows(rows[chunk].map(Int32.init)))
            for (place, index) in chunk.enumerated() {
                let difference = sums[2 * place + 1] - sums[2 * place]
                // log(1 + exp(difference)), without overflow.
                let score = difference.atLeast(0) + log1p(exp(-abs(difference)))
                scores[rows[index]] = .larger(scores[rows[index]], score)
            }
        }
        return scores
    }
}
