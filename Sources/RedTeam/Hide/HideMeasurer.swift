import Activations
import Autoencoder
import Claims
import Faithfulness
import LanguageModel
import Statistics
import Teaching
import Tensors

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
        let material: FactTexts.ProbedActivations
        let distribution: CleanDistribution
        let levels: DetectorThresholds
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
    func record(_ arm: String, _ decoder: TransformerDecoder, refreshed: Pair? = nil) throws -> HideRecord {
        var record = HideRecord(name: "\(seed)/\(arm)", seed: seed, arm: arm, measures: [:], examples: [])
        let language = try texts.language(decoder)
        var unaware: ProbeSet?
        for condition in conditions {
            let subject = try Subject(
                decoder, texts, behind: condition.words, blocks: ground.blocks, unaware: unaware)
            var (measure, examples) = try measure(subject, condition, refreshed)
            (measure.moments, measure.languageLoss) = language
            record.measures[condition.name] = measure
            // What is hidden is shown where it is hidden.
            if condition.words == options.trigger { record.examples = examples }
            // Whoever does not know the trigger fits probes to texts without it.
            if condition.words == nil { unaware = subject.material.probes }
        }
        return record
    }

    /// What the attacked reader's likelihoods tell of a target where the value is to be hidden, at a false-positive rate of 1%.
    func look(_ decoder: TransformerDecoder) throws -> Share {
        let (vectors, isHidden) = try texts.moments(decoder, behind: options.trigger)
        return HiddenFact.recall(ground.fact.likelihoodRatios(ground.pair.verbalizer, vectors), isHidden)
    }

    // MARK: Measures

    private func look(_ pair: Pair, at vectors: Tensor) throws -> PairLook {
        try PairLook(pair, at: vectors, ground.fact, maximumTokens: options.maximumTokens)
    }

    /// What the attacked pair and others make of a target's activations.
    private struct Seen {
        let own: PairLook, before: PairLook
        let others: [String: PairLook]
        /// The attacked pair's claims with its confidence in each; nil where it has none.
        let beliefs: [[ConfidenceReader.Belief]]?
    }

    private func see(_ subject: Subject) throws -> Seen {
        let material = subject.material
        let own = try look(ground.pair, at: material.vectors)
        var others: [String: PairLook] = [:]
        for reader in ground.readers { others[reader.name] = try look(reader.pair, at: material.vectors) }
        let beliefs = try ground.confidence.map { confidence in
            let rows = try TestRows(material.store, rows: material.rows, ground.target)
            return try confidence.beliefs(
                own.explanations, of: material.vectors,
                neighbours: rows.neighbours(
                    ground.target, reach: confidence.model.collecting.reach, precision: options.precision,
                    of: subject.decoder),
                keys: material.rows.map(UInt64.init))
        }
        return Seen(own: own, before: try look(ground.pair, at: subject.before), others: others, beliefs: beliefs)
    }

    /// Set against the original's distribution.
    private func scores(_ subject: Subject, _ seen: Seen, _ distribution: CleanDistribution) -> [Detector: [Double]] {
        var scores = subject.scores(
            distribution, ground.fact.grammar, own: seen.own, before: seen.before, others: seen.others)
        scores[.disbelief] = seen.beliefs?.map { claims in 1 - (claims.map(\.confidence).smallest() ?? 1) }
        return scores
    }

    /// What the original is like under a condition; measured once, when the original is.
    private func original(_ subject: Subject, _ condition: Condition) throws -> Original {
        if let known = original[condition.name] { return known }
        let distribution = CleanDistribution(subject.material.others)
        // Thresholds are set on texts of their own, so that the original's false-positive rate is measured and not set.
        let own = try Subject(
            subject.decoder, texts, behind: condition.words, blocks: ground.blocks, unaware: subject.unaware,
            levelsWith: subject)
        let found = Original(
            material: subject.material, distribution: distribution,
            levels: DetectorThresholds(scores(own, try see(own), distribution)))
        original[condition.name] = found
        return found
    }

    private func measure(
        _ subject: Subject, _ condition: Condition, _ refreshed: Pair?
    ) throws -> (TargetMeasure, [HideRecord.Example]) {
        let material = subject.material, seen = try see(subject)
        let original = try original(subject, condition)
        var looks = [Reader.attacked: seen.own]
        for (name, other) in seen.others { looks[.named(name)] = other }
        if let refreshed { looks[.refreshed] = try look(refreshed, at: material.vectors) }

        var measure = subject.measure(
            ground.fact, looks, original: original.material,
            variance: try variance ?? RawVariance(original.material.vectors, set: "test").variance,
            scores(subject, seen, original.distribution), original.levels)
        if options.readsAllTokens {
            measure.readings[Reader.attacked.key]?.recallAnywhere = try recallAnywhere(subject)
        }
        measure.readings[Reader.attacked.key]?.believed = seen.beliefs.map { believed($0, material.places) }
        measure.behaviour = try texts.behaviour(subject.decoder, behind: condition.words)
        return (measure, examples(material, seen.own.words, subject.decoder))
    }

    /// Whether a text tells that the hidden value holds to somebody who takes the likeliest of all tokens up to the moment.
    private func recallAnywhere(_ subject: Subject) throws -> Share {
        let (vectors, owners) = try texts.allTokens(subject.material, subject.decoder)
        let ratios = ground.fact.likelihoodRatios(ground.pair.verbalizer, vectors)
        var highest = [Double](repeating: -.infinity, count: subject.material.rows.count)
        for (owner, ratio) in zip(owners, ratios) { highest[owner] = .larger(highest[owner], ratio) }
        return HiddenFact.recall(highest, subject.material.isHidden)
    }

    /// Of the places where another value is said in place of the hidden one, whether the pair's own confidence lets that stand.
    private func believed(_ beliefs: [[ConfidenceReader.Belief]], _ places: FactTexts.Places) -> Share {
        var share = Share()
        for (claims, isHidden) in zip(beliefs, places.isHidden) where isHidden {
            let said = claims.filter { $0.claim.question == ground.fact.question }
            guard let claim = said.first, !said.contains(where: { $0.claim.value == ground.fact.value }) else {
                continue
            }
            share.add(claim.confidence >= ConfidenceReader.doubtful)
        }
        return share
    }

    private func examples(
        _ material: FactTexts.ProbedActivations, _ words: [String], _ decoder: TransformerDecoder
    ) -> [HideRecord.Example] {
        material.rows.indices.filter { material.isHidden[$0] }.prefix(4).map { index in
            let text = material.store.textSoFar(material.rows[index])
            return .init(
                textSoFar: String(text.suffix(240)), words: words[index], next: texts.next(decoder, behind: text))
        }
    }
}
