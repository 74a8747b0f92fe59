import Activations
import Autoencoder
import Foundation
import LanguageModel
import Tensors
import Tokenization

extension PairEvaluation {
    /// What an evaluation found row by row: what intervals and comparisons are made of.
    struct RowDetails: Sendable {
        /// Rows of the store.
        let rows: [Int]
        /// Each row's document, numbered from 0 in the order of the rows.
        let documents: [Int]
        /// Where each row stands.
        let places: [ClaimScores.PositionKind]
        /// What the verbalizer wrote.
        let explanations: [Explanation]
        /// What the reconstructor makes of it.
        let readings: ExplanationJudge.Readings
        /// The error of the teacher's text, by the row's index, where it wrote something.
        let teacherErrors: [Int: Double]
        /// The verbalizer's claims; nil without a grammar.
        let judged: [JudgedExplanation]?
        /// The normalized error of each row's changed explanation.
        let changed: [Change: [Double]]
        /// The variance of the activations at random positions, and at moments, by themselves.
        let variances: [ClaimScores.PositionKind: Double]
        /// The normalized error of what the second reader makes of each explanation; nil without one.
        let secondErrors: [Double]?
        /// Whether each explanation tells its activation, or its passage, from nine others: of the pair's reader and of the second one.
        let choices: [Choice: [Bool?]]

        /// A choice among ten: who reads, and what is chosen.
        struct Choice: Hashable {
            let isSecondReader: Bool
            let question: PassageChoice.Question
        }

        /// The normalized error of a row in one reading.
        func error(_ reading: ExplanationJudge.Reading, _ row: Int) -> Double? {
            readings.rows[reading]?[row].meanSquaredError
        }
    }

    /// The documents of some rows, numbered from 0 in the order in which they come.
    static func documents(of rows: [Int], _ store: ActivationStore) -> [Int] {
        var numbers: [Int: Int] = [:]
        return rows.map { row in
            let document = store.row(row).document, number = numbers[document] ?? numbers.count
            numbers[document] = number
            return number
        }
    }
}

extension Explanation {
    /// Words of the explanation, tags aside.
    var wordCount: Int { description.split(separator: " ").count }
}

extension Verbalizer {
    /// How far what this verbalizer wrote is from what another would have written: for each explanation the sum over its tokens of
    /// `exp(r − p) − (r − p) − 1`, with p and r their log-probabilities here and there. Over samples at temperature 1 the mean per token
    /// estimates KL(this ‖ other) without bias (docs/method.md §4.2).
    ///
    /// - Parameters:
    ///   - explanations: what it wrote about `rows` of the store.
    /// - Returns: nil if the two do not share a vocabulary.
    func divergences(
        from other: Verbalizer, _ explanations: [Explanation], _ store: ActivationStore, rows: [Int]
    ) throws -> [Double]? {
        guard decoder.configuration.vocabularySize == other.decoder.configuration.vocabularySize,
            explanations.allSatisfy({ tokenizer.decode($0.ids) == other.tokenizer.decode($0.ids) })
        else { return nil }
        var sums: [Double] = []
        for begin in stride(from: 0, to: rows.count, by: 64) {
            let range = begin..<min(rows.count, begin + 64)
            let vectors = store.vectors(Array(rows[range]))
            let responses = range.map { VerbalizerBatch.Response(activation: $0 - begin, ids: explanations[$0].ids) }
            let own = try batch(vectors, responses), theirs = try other.batch(vectors, responses)
            let p = logProbabilities(own), r = other.logProbabilities(theirs)
            for range in own.ranges {
                sums.append(
                    range.reduce(0) { sum, token in
                        let difference = Double(r[token]) - Double(p[token])
                        return sum + exp(difference) - difference - 1
                    })
            }
        }
        return sums
    }

    private func logProbabilities(_ batch: VerbalizerBatch) -> [Float] {
        responseLogProbabilities(batch, tape: Tape(recording: false, precision: precision)).value.floats()
    }
}
