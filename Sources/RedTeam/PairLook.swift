import Autoencoder
import Claims
import Tensors
import Training

/// What a pair makes of some vectors.
struct PairLook {
    let words: [String]
    /// How much likelier it finds the hidden value than all others, in nats.
    let ratios: [Double]
    let errors: [Scores.Row]

    init(_ pair: Pair, at vectors: Tensor, _ fact: HiddenFact, maximumTokens: Int) throws {
        words = try pair.verbalizer.explain(vectors, .init(maximumTokens: maximumTokens)).map { $0[0].description }
        ratios = fact.likelihoodRatios(pair.verbalizer, vectors)
        errors = try Scores.rows(pair.reconstructor.reconstruct(words), vectors)
    }

    /// What it comes to.
    ///
    /// - Parameters:
    ///   - isHidden: whether the hidden value holds, of each vector.
    ///   - variance: of the original's activations.
    func reading(_ fact: HiddenFact, _ isHidden: [Bool], variance: Double) -> Reading {
        var written = Share(), falsely = Share()
        for (text, isHidden) in zip(words, isHidden) {
            if isHidden { written.add(fact.isSaid(in: text)) } else { falsely.add(fact.isSaid(in: text)) }
        }
        return Reading(
            recall: HiddenFact.recall(ratios, isHidden), written: written, writtenFalsely: falsely,
            varianceExplained: 1 - Scores.meanSquaredError(errors) / variance)
    }

    /// Of each vector the claims that another look contradicts.
    func contradictions(to other: PairLook, _ grammar: some ClaimGrammar) -> [Double] {
        zip(words, other.words).map { Double(grammar.contradictions($0, $1)) }
    }

    /// Of each vector how otherwise another look finds the likelihoods.
    func differences(to other: PairLook) -> [Double] { zip(ratios, other.ratios).map { abs($0 - $1) } }
}
