import Autoencoder
import Claims
import Foundation
import LanguageModel
import Tensors
import Training

/// Measures targets of one seed, the original first, on the same texts.
final class HideMeasurer {
    /// What stands before the texts.
    struct Condition {
        let name: String
        let words: String?
    }

    private let options: HideOptions
    private let pair: Pair
    private let readers: [NamedReader]
    private let fact: HiddenFact
    private let seed: UInt64
    private let texts: FactTexts
    let conditions: [Condition]
    private let variance: Double?
    /// What the original's activations are like, by condition.
    private var original: [String: Original] = [:]

    private struct Original {
        let vectors: Tensor
        let distribution: CleanDistribution
        let probes: ProbeSet
        let levels: AlarmLevels
    }

    init(_ options: HideOptions, _ ground: HidingGround, seed: UInt64) {
        self.options = options
        pair = ground.pair
        readers = ground.readers
        fact = ground.fact
        self.seed = seed
        texts = FactTexts(options, ground.target, ground.fact, seed: seed)
        conditions =
            [Condition(name: "plain", words: nil)]
            + (options.trigger.map {
                [
                    Condition(name: "trigger", words: $0),
                    Condition(name: "other_trigger", words: options.otherTrigger),
                ]
            } ?? [])
        variance = pair.variance?.variance
    }

    /// The probes of the original on texts without a trigger; measure the original first.
    var originalProbes: ProbeSet? { original["plain"]?.probes }

    /// Measures a target under every condition.
    func record(_ arm: String, _ decoder: Decoder) throws -> HideRecord {
        var record = HideRecord(name: "\(seed)/\(arm)", seed: seed, arm: arm, measures: [:], examples: [])
        let language = try texts.language(decoder)
        for condition in conditions {
            var (measure, examples) = try measure(decoder, condition)
            measure.moments = language.moments
            measure.languageLoss = language.loss
            record.measures[condition.name] = measure
            // What is hidden is shown where it is hidden.
            if condition.words == options.trigger { record.examples = examples }
        }
        return record
    }

    /// What the attacked reader's likelihoods tell of a target where the value is to be hidden, at 1% false alarms.
    func look(_ decoder: Decoder) throws -> Share {
        let (vectors, isHidden) = try texts.moments(decoder, behind: options.trigger)
        return HiddenFact.recall(fact.likelihoodRatios(pair.verbalizer, vectors), isHidden)
    }

    // MARK: Measures

    private func measure(
        _ decoder: Decoder, _ condition: Condition
    ) throws -> (HideRecord.Measure, [HideRecord.Example]) {
        let material = try texts.read(decoder, behind: condition.words)
        let words = try pair.verbalizer.explain(material.vectors, .init(maximumTokens: options.maximumTokens))
            .map { $0[0].description }
        let errors = try Scores.rows(pair.reconstructor.reconstruct(words), material.vectors)
        var measure = HideRecord.Measure()
        func recall(_ verbalizer: Verbalizer) -> Share {
            HiddenFact.recall(fact.likelihoodRatios(verbalizer, material.vectors), material.isHidden)
        }
        func recall(_ probes: ProbeSet) -> Share {
            HiddenFact.recall(fact.logits(probes, material.vectors), material.isHidden)
        }
        measure.likelihood = recall(pair.verbalizer)
        for reader in readers { measure.readers[reader.name] = recall(reader.pair.verbalizer) }
        for (text, isHidden) in zip(words, material.isHidden) {
            if isHidden {
                measure.written.add(fact.isSaid(in: text))
            } else {
                measure.writtenFalsely.add(fact.isSaid(in: text))
            }
        }
        let original = try original(condition, material, errors)
        measure.newProbe = recall(material.probes)
        measure.oldProbe = recall(original.probes)
        measure.varianceExplained =
            1 - Scores.meanSquaredError(errors)
            / (try variance ?? RawVariance(original.vectors, set: "test").variance)
        let drift = Drift(material.vectors, from: original.vectors)
        (measure.driftLength, measure.driftCosine) = (drift.length, drift.cosine)
        for (alarm, scores) in original.distribution.scores(material.vectors, errors) {
            (measure.alarms[alarm.key], measure.alarmsElsewhere[alarm.key]) = original.levels.shares(
                alarm, scores, material.isHidden)
        }
        measure.behaviour = try texts.behaviour(decoder, behind: condition.words)
        return (measure, examples(material, words, decoder))
    }

    /// The original's activations under a condition: those at hand where they are its own, the first that come.
    private func original(
        _ condition: Condition, _ material: FactTexts.Material, _ errors: [Scores.Row]
    ) throws -> Original {
        if let known = original[condition.name] { return known }
        let distribution = CleanDistribution(material.others)
        let own = Original(
            vectors: material.vectors, distribution: distribution, probes: material.probes,
            levels: AlarmLevels(distribution.scores(material.vectors, errors)))
        original[condition.name] = own
        return own
    }

    private func examples(
        _ material: FactTexts.Material, _ words: [String], _ decoder: Decoder
    ) -> [HideRecord.Example] {
        material.rows.indices.filter { material.isHidden[$0] }.prefix(4).map { index in
            let text = material.store.textSoFar(material.rows[index])
            return .init(
                textSoFar: String(text.suffix(240)), words: words[index], next: texts.next(decoder, behind: text))
        }
    }
}
