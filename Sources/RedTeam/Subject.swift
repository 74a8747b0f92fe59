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

    /// What readers find, how far the activations have moved, and where alarms ring.
    ///
    /// - Parameters:
    ///   - looks: what pairs make of the activations.
    ///   - original: the original's activations at the same places.
    ///   - variance: of the original's activations.
    ///   - scores: of the alarms; `levels`: above which they ring.
    func measure(
        _ fact: HiddenFact, _ looks: [Reader: PairLook], original: FactTexts.Material, variance: Double,
        _ scores: [Alarm: [Double]], _ levels: AlarmLevels
    ) -> TargetMeasure {
        var measure = TargetMeasure()
        for (reader, look) in looks {
            measure.readings[reader.key] = look.reading(fact, material.isHidden, variance: variance)
        }
        func probe(_ reader: Reader, _ probes: ProbeSet, _ material: FactTexts.Material) {
            measure.readings[reader.key] = Reading(
                recall: HiddenFact.recall(fact.logits(probes, material.vectors), material.isHidden))
        }
        probe(.oldProbe, original.probes, material)
        probe(.newProbe, material.probes, material)
        for (layer, material) in blocks { probe(.block(layer), material.probes, material) }
        let drift = Drift(material.vectors, from: original.vectors)
        (measure.driftLength, measure.driftCosine) = (drift.length, drift.cosine)
        for (alarm, own) in scores {
            (measure.alarms[alarm.key], measure.alarmsElsewhere[alarm.key]) = levels.shares(
                alarm, own, material.isHidden)
        }
        return measure
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
