import Autoencoder
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
    private let ground: HidingGround
    private let seed: UInt64
    private let texts: FactTexts
    let conditions: [Condition]
    private let variance: Double?
    /// What the original's activations are like, by condition.
    private var original: [String: Original] = [:]

    private struct Original {
        let material: FactTexts.Material
        let distribution: CleanDistribution
        let levels: AlarmLevels

        /// - Parameter scores: of the activations, set against their own distribution.
        init(_ material: FactTexts.Material, _ scores: (CleanDistribution) -> [Alarm: [Double]]) {
            self.material = material
            distribution = CleanDistribution(material.others)
            levels = AlarmLevels(scores(distribution))
        }
    }

    init(_ options: HideOptions, _ ground: HidingGround, seed: UInt64) {
        self.options = options
        self.ground = ground
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
        variance = ground.pair.variance?.variance
    }

    /// The probes of the original on texts without a trigger; measure the original first.
    var originalProbes: ProbeSet? { original["plain"]?.material.probes }

    /// Measures a target under every condition.
    ///
    /// - Parameter refreshed: a copy of the attacked pair that has learnt what the target has become.
    func record(_ arm: String, _ decoder: Decoder, refreshed: Pair? = nil) throws -> HideRecord {
        var record = HideRecord(name: "\(seed)/\(arm)", seed: seed, arm: arm, measures: [:], examples: [])
        let language = try texts.language(decoder)
        for condition in conditions {
            var (measure, examples) = try measure(decoder, condition, refreshed)
            (measure.moments, measure.languageLoss) = language
            record.measures[condition.name] = measure
            // What is hidden is shown where it is hidden.
            if condition.words == options.trigger { record.examples = examples }
        }
        return record
    }

    /// What the attacked reader's likelihoods tell of a target where the value is to be hidden, at 1% false alarms.
    func look(_ decoder: Decoder) throws -> Share {
        let (vectors, isHidden) = try texts.moments(decoder, behind: options.trigger)
        return HiddenFact.recall(ground.fact.likelihoodRatios(ground.pair.verbalizer, vectors), isHidden)
    }

    // MARK: Measures

    private func look(_ pair: Pair, at vectors: Tensor) throws -> PairLook {
        try PairLook(pair, at: vectors, ground.fact, maximumTokens: options.maximumTokens)
    }

    private func measure(
        _ decoder: Decoder, _ condition: Condition, _ refreshed: Pair?
    ) throws -> (TargetMeasure, [HideRecord.Example]) {
        let subject = try Subject(decoder, texts, behind: condition.words, blocks: ground.blocks)
        let material = subject.material, vectors = material.vectors
        let own = try look(ground.pair, at: vectors)
        var looks = [Reader.attacked: own], others: [String: PairLook] = [:]
        for reader in ground.readers {
            let other = try look(reader.pair, at: vectors)
            (looks[.named(reader.name)], others[reader.name]) = (other, other)
        }
        if let refreshed { looks[.refreshed] = try look(refreshed, at: vectors) }
        let before = try look(ground.pair, at: subject.before)
        /// Set against the original's distribution.
        func scores(_ distribution: CleanDistribution) -> [Alarm: [Double]] {
            subject.scores(distribution, ground.fact.grammar, own: own, before: before, others: others)
        }
        let original = original[condition.name] ?? Original(material, scores)
        self.original[condition.name] = original

        var measure = subject.measure(
            ground.fact, looks, original: original.material,
            variance: try variance ?? RawVariance(original.material.vectors, set: "test").variance,
            scores(original.distribution), original.levels)
        measure.behaviour = try texts.behaviour(decoder, behind: condition.words)
        return (measure, examples(material, own.words, decoder))
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
