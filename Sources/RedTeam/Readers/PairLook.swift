import Autoencoder
import Claims
import Faithfulness
import Statistics
import Tensors

/// What a pair makes of some vectors.
struct PairLook {
    let explanations: [Explanation]
    var words: [String] { explanations.map(\.description) }
    /// How much likelier it finds the hidden value than all others, in nats.
    let ratios: [Double]
    let errors: [Scores.Row]
    private let vectors: Tensor
    private let verbalizer: Verbalizer

    init(_ pair: Pair, at vectors: Tensor, _ fact: HiddenFact, maximumTokens: Int) throws {
        self.vectors = vectors
        verbalizer = pair.verbalizer
        explanations = try pair.verbalizer.mostProbable(vectors, maximumTokens: maximumTokens)
        let words = explanations.map(\.description)
        ratios = fact.likelihoodRatios(pair.verbalizer, vectors)
        errors = try Scores.rows(pair.reconstructor.reconstruct(words), vectors)
    }

    /// What it comes to.
    ///
    /// - Parameters:
    ///   - places: where the hidden value holds.
    ///   - variance: of the original's activations.
    func reading(_ fact: HiddenFact, _ places: FactTexts.Places, variance: Double) -> Reading {
        var reading = Reading(ratios, places)
        var written = Share(), falsely = Share(), otherwise = Share()
        for (text, isHidden) in zip(words, places.isHidden) {
            guard isHidden else {
                falsely.add(fact.isSaid(in: text))
                continue
            }
            written.add(fact.isSaid(in: text))
            otherwise.add(fact.isDenied(in: text))
        }
        (reading.written, reading.writtenFalsely, reading.writtenOtherwise) = (written, falsely, otherwise)
        reading.varianceExplained = 1 - Scores.meanSquaredError(errors) / variance
        return reading
    }

    /// Of each vector how sure another look is of answers that contradict what is written here.
    func denials(by other: PairLook, _ grammar: some ClaimGrammar) -> [Double] {
        other.verbalizer.denials(words, own: other.words, other.vectors, grammar)
    }

    /// Of each vector how otherwise another look finds the likelihoods.
    func differences(to other: PairLook) -> [Double] { zip(ratios, other.ratios).map { abs($0 - $1) } }
}
