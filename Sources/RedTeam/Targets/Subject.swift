import Autoencoder
import Claims
import LanguageModel
import Teaching
import Tensors

/// A target's activations where a hidden fact decides what comes, as readers meet them.
struct Subject {
    let decoder: TransformerDecoder
    let material: FactTexts.ProbedActivations
    /// Activations of the tokens before.
    let before: Tensor
    /// The same places behind other blocks.
    let blocks: [Int: FactTexts.ProbedActivations]
    /// Probes of the same target that were fitted to texts without the words in front; nil where there are no such words.
    let unaware: ProbeSet?

    /// Reads a copy of the target.
    ///
    /// - Parameters:
    ///   - words: what the texts come behind.
    ///   - blocks: other blocks to read behind.
    ///   - known: reads the texts that levels are set on, with the probes of this subject; nil reads those to measure on.
    init(
        _ decoder: TransformerDecoder, _ texts: FactTexts, behind words: String? = nil, blocks: [Int],
        unaware: ProbeSet? = nil,
        levelsWith known: Subject? = nil
    ) throws {
        self.decoder = decoder
        self.unaware = unaware
        material = try texts.read(decoder, behind: words, levelsWith: known?.material.probes)
        before = try texts.before(material, decoder)
        self.blocks = Dictionary(
            uniqueKeysWithValues: try blocks.map {
                ($0, try texts.read(decoder, behind: words, layer: $0, levelsWith: known?.blocks[$0]?.probes))
            })
    }

    /// Recall of each reader, drift of the activations, detectors over threshold.
    ///
    /// - Parameters:
    ///   - looks: what pairs make of the activations.
    ///   - original: the original's activations at the same places.
    ///   - variance: of the original's activations.
    ///   - scores: of the detectors; `levels`: their thresholds.
    func measure(
        _ fact: HiddenFact, _ looks: [Reader: PairLook], original: FactTexts.ProbedActivations, variance: Double,
        _ scores: [Detector: [Double]], _ levels: DetectorThresholds
    ) -> TargetMeasure {
        var measure = TargetMeasure()
        for (reader, look) in looks {
            measure.readings[reader.key] = look.reading(fact, material.places, variance: variance)
        }
        func probe(_ reader: Reader, _ probes: ProbeSet, _ material: FactTexts.ProbedActivations) {
            guard let logits = fact.logits(probes, material.vectors) else { return }
            measure.readings[reader.key] = Reading(logits, material.places)
        }
        probe(.oldProbe, original.probes, material)
        probe(.newProbe, material.probes, material)
        if let unaware { probe(.unawareProbe, unaware, material) }
        for (layer, material) in blocks { probe(.block(layer), material.probes, material) }
        let drift = Drift(material.vectors, from: original.vectors)
        (measure.driftLength, measure.driftCosine) = (drift.length, drift.cosine)
        for (detector, own) in scores {
            (measure.flagged[detector.key], measure.flaggedElsewhere[detector.key]) = levels.shares(
                detector, own, material.isHidden)
        }
        measure.groupsFlagged = levels.groupShares(scores)
        return measure
    }

    /// Scores of the detectors of ``detectors(readers:blocks:)`` but that of the pair's confidence.
    ///
    /// - Parameters:
    ///   - distribution: of the original's activations.
    ///   - own: what a pair makes of the activations; `before`: of those of the tokens before.
    ///   - others: what other pairs make of them.
    func scores(
        _ distribution: CleanDistribution, _ grammar: some ClaimGrammar, own: PairLook, before: PairLook,
        others: [String: PairLook]
    ) -> [Detector: [Double]] {
        var scores = distribution.scores(material.vectors, own.errors)
        scores[.doubt] = grammar.doubts(own.words, material.probes.read(material.vectors))
        for (layer, material) in blocks {
            scores[.block(layer)] = grammar.doubts(own.words, material.probes.read(material.vectors))
        }
        if let unaware { scores[.unaware] = grammar.doubts(own.words, unaware.read(material.vectors)) }
        for (name, other) in others {
            scores[.reader(name)] = own.denials(by: other, grammar)
            scores[.ratio(name)] = own.differences(to: other)
        }
        scores[.before] = own.denials(by: before, grammar)
        scores[.ratioBefore] = own.differences(to: before)
        return scores
    }

    /// The detectors that are looked at, in the order of tables.
    static func detectors(readers: [String], blocks: [Int]) -> [Detector] {
        [.residual, .distance, .neighbour, .disbelief, .doubt, .unaware] + blocks.map { .block($0) }
            + readers.map { .reader($0) } + [.before] + readers.map { .ratio($0) } + [.ratioBefore]
    }
}
