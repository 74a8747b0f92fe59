import Autoencoder
import Claims
import LanguageModel
import Tensors
import Training

/// A target's activations where a hidden fact decides what comes, as readers meet them.
struct Subject {
    let decoder: Decoder
    let material: FactTexts.Material
    /// Activations of the tokens before.
    let before: Tensor
    /// The same places behind other blocks.
    let blocks: [Int: FactTexts.Material]

    /// Reads a copy of the target.
    ///
    /// - Parameters:
    ///   - words: what the texts come behind.
    ///   - blocks: other blocks to read behind.
    init(_ decoder: Decoder, _ texts: FactTexts, behind words: String? = nil, blocks: [Int]) throws {
        self.decoder = decoder
        material = try texts.read(decoder, behind: words)
        before = try texts.before(material, decoder)
        self.blocks = Dictionary(
            uniqueKeysWithValues: try blocks.map { ($0, try texts.read(decoder, behind: words, layer: $0)) })
    }

    /// What linear probes tell: some that were fitted to the original, and those fitted to this target.
    func probed(_ fact: HiddenFact, original: ProbeSet) -> [(Reader, Reading)] {
        func reading(_ probes: ProbeSet, _ material: FactTexts.Material) -> Reading {
            Reading(recall: HiddenFact.recall(fact.logits(probes, material.vectors), material.isHidden))
        }
        return [
            (.oldProbe, reading(original, material)), (.newProbe, reading(material.probes, material)),
        ] + blocks.map { (.block($0.key), reading($0.value.probes, $0.value)) }
    }

    /// Scores of the alarms of ``alarms(readers:blocks:)``.
    ///
    /// - Parameters:
    ///   - distribution: of the original's activations.
    ///   - own: what a pair makes of the activations; `before`: of those of the tokens before.
    ///   - others: what other pairs make of them.
    func scores(
        _ distribution: CleanDistribution, _ grammar: some ClaimGrammar, own: PairLook, before: PairLook,
        others: [String: PairLook]
    ) -> [Alarm: [Double]] {
        var scores = distribution.scores(material.vectors, own.errors)
        scores[.doubt] = grammar.doubts(own.words, material.probes.read(material.vectors))
        for (layer, material) in blocks {
            scores[.block(layer)] = grammar.doubts(own.words, material.probes.read(material.vectors))
        }
        for (name, other) in others {
            scores[.reader(name)] = own.contradictions(to: other, grammar)
            scores[.ratio(name)] = own.differences(to: other)
        }
        scores[.before] = own.contradictions(to: before, grammar)
        scores[.ratioBefore] = own.differences(to: before)
        return scores
    }

    /// The alarms that are looked at, in the order of tables.
    static func alarms(readers: [String], blocks: [Int]) -> [Alarm] {
        [.residual, .distance, .neighbour, .doubt] + blocks.map { .block($0) } + readers.map { .reader($0) }
            + [.before] + readers.map { .ratio($0) } + [.ratioBefore]
    }
}

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
