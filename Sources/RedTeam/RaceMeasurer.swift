import Autoencoder
import Claims
import Foundation
import LanguageModel
import Tensors
import Training

/// Measures the targets of one seed's race with the readers that there are at each stage.
final class RaceMeasurer {
    private let options: RaceOptions
    private let fact: HiddenFact
    private let texts: FactTexts
    /// Pairs that are never refreshed, the first one with them.
    private let unrefreshed: [RaceReader: Pair]
    private let frozen: Pair
    private let seed: UInt64
    /// The original.
    private let clean: Subject
    private let distribution: CleanDistribution
    /// The denominator of fractions of variance: the same for all targets.
    private let variance: Double

    /// A target's activations, and what does not change with a refresh.
    struct Subject {
        fileprivate let decoder: Decoder
        fileprivate let material: FactTexts.Material
        /// Activations of the tokens before the moments.
        fileprivate let before: Tensor
        /// The same behind other blocks.
        fileprivate let blocks: [Int: FactTexts.Material]
        /// What pairs that are never refreshed make of the activations.
        fileprivate let looks: [RaceReader: Look]
        fileprivate let behaviour: Share
        fileprivate let language: (moments: Share, loss: Double)
    }

    /// Looks at the original.
    ///
    /// - Parameter ground: the pair and the target as they were before the first round.
    init(_ options: RaceOptions, _ ground: HidingGround, seed: UInt64) throws {
        let frozen = ground.pair, target = ground.target
        self.options = options
        self.frozen = frozen
        self.seed = seed
        fact = ground.fact
        var unrefreshed = [RaceReader.frozen: frozen]
        for reader in ground.readers { unrefreshed[.named(reader.name)] = reader.pair }
        let texts = FactTexts(options.hiding, target, ground.fact, seed: seed)
        let clean = try Subject(
            Decoder(target.checkpoint), texts, layers: RaceMeasurer.blocks(options, target), unrefreshed,
            maximumTokens: options.hiding.maximumTokens)
        (self.texts, self.clean, self.unrefreshed) = (texts, clean, unrefreshed)
        distribution = CleanDistribution(clean.material.others)
        variance = try (frozen.variance ?? RawVariance(clean.material.vectors, set: "test")).variance
    }

    /// The blocks beside the pair's that are read.
    static func blocks(_ options: RaceOptions, _ target: Target) -> [Int] {
        let all = 0..<target.checkpoint.configuration.blockCount
        return options.readsNeighbours ? [target.layer - 1, target.layer + 1].filter(all.contains) : []
    }

    // MARK: Targets

    /// Reads a changed target.
    func examine(_ decoder: Decoder) throws -> Subject {
        try Subject(
            decoder, texts, layers: Array(clean.blocks.keys), unrefreshed,
            maximumTokens: options.hiding.maximumTokens)
    }

    // MARK: Alarms

    private func look(_ pair: Pair, at vectors: Tensor) throws -> Look {
        try Look(pair, at: vectors, fact, maximumTokens: options.hiding.maximumTokens)
    }

    /// The alarms that are looked at, in the order of tables.
    static let alarms: [Alarm] = [
        .residual, .firstResidual, .distance, .neighbour, .reader(RaceReader.heldOut.key), .before,
        .ratio(RaceReader.heldOut.key), .ratioBefore,
    ]

    private func scores(
        _ subject: Subject, _ loop: Look, before: Look, heldOut: Look
    ) -> [Alarm: [Double]] {
        let grammar = fact.grammar
        func contradictions(_ other: Look) -> [Double] {
            zip(loop.words, other.words).map { Double(grammar.contradictions($0, $1)) }
        }
        func differences(_ other: Look) -> [Double] { zip(loop.ratios, other.ratios).map { abs($0 - $1) } }
        var scores = distribution.scores(subject.material.vectors, loop.errors)
        scores[.firstResidual] = subject.looks[.frozen]?.errors.map(\.meanSquaredError)
        scores[.reader(RaceReader.heldOut.key)] = contradictions(heldOut)
        scores[.ratio(RaceReader.heldOut.key)] = differences(heldOut)
        scores[.before] = contradictions(before)
        scores[.ratioBefore] = differences(before)
        return scores
    }

    /// Levels for the alarms of two pairs, set on what they make of the original's activations.
    func levels(_ loop: Pair, _ heldOut: Pair) throws -> AlarmLevels {
        let vectors = clean.material.vectors
        return AlarmLevels(
            scores(
                clean, try look(loop, at: vectors), before: try look(loop, at: clean.before),
                heldOut: try look(heldOut, at: vectors)))
    }

    // MARK: Records

    /// The original, of which every pair is the first.
    func original() throws -> RaceRecord {
        let record = RaceRecord(
            name: RaceRecord.name(seed, nil, 0, nil), seed: seed, arm: nil, round: 0, stage: nil)
        return try fill(record, clean, loop: frozen, heldOut: frozen, levels(frozen, frozen))
    }

    /// Measures a stage of a round.
    ///
    /// - Parameters:
    ///   - loop: the pair in the loop, as it is at that stage.
    ///   - heldOut: the pair held out, likewise.
    ///   - levels: of their alarms.
    func record(
        _ subject: Subject, _ arm: RaceArm, _ round: Int, _ stage: RaceStage, loop: Pair, heldOut: Pair,
        _ levels: AlarmLevels
    ) throws -> RaceRecord {
        let record = RaceRecord(
            name: RaceRecord.name(seed, arm, round, stage), seed: seed, arm: arm, round: round, stage: stage)
        return try fill(record, subject, loop: loop, heldOut: heldOut, levels)
    }

    private func fill(
        _ empty: RaceRecord, _ subject: Subject, loop: Pair, heldOut: Pair, _ levels: AlarmLevels
    ) throws -> RaceRecord {
        var record = empty
        let vectors = subject.material.vectors
        let own = try look(loop, at: vectors), other = try look(heldOut, at: vectors)
        var looks = subject.looks
        (looks[.loop], looks[.heldOut]) = (own, other)
        for (reader, look) in looks { record.readings[reader.key] = reading(look, subject.material.isHidden) }
        for (reader, recall) in probed(subject) { record.readings[reader.key] = RaceRecord.Reading(recall: recall) }
        record.behaviour = subject.behaviour
        (record.moments, record.languageLoss) = subject.language
        let drift = Drift(vectors, from: clean.material.vectors)
        (record.driftLength, record.driftCosine) = (drift.length, drift.cosine)
        let before = try look(loop, at: subject.before)
        ring(&record, subject, scores(subject, own, before: before, heldOut: other), levels)
        record.examples = examples(subject, looks.map { ($0.key.key, $0.value.words) })
        return record
    }

    private func reading(_ look: Look, _ isHidden: [Bool]) -> RaceRecord.Reading {
        var written = Share(), falsely = Share()
        for (text, isHidden) in zip(look.words, isHidden) {
            if isHidden { written.add(fact.isSaid(in: text)) } else { falsely.add(fact.isSaid(in: text)) }
        }
        return .init(
            recall: HiddenFact.recall(look.ratios, isHidden), written: written, writtenFalsely: falsely,
            varianceExplained: 1 - Scores.meanSquaredError(look.errors) / variance)
    }

    /// What linear probes tell at 1% false alarms.
    private func probed(_ subject: Subject) -> [(RaceReader, Share)] {
        func recall(_ probes: ProbeSet, _ material: FactTexts.Material) -> Share {
            HiddenFact.recall(fact.logits(probes, material.vectors), material.isHidden)
        }
        let behindOthers = subject.blocks.map { (RaceReader.block($0.key), recall($0.value.probes, $0.value)) }
        return [
            (.oldProbe, recall(clean.material.probes, subject.material)),
            (.newProbe, recall(subject.material.probes, subject.material)),
        ] + behindOthers
    }

    private func ring(
        _ record: inout RaceRecord, _ subject: Subject, _ scores: [Alarm: [Double]], _ levels: AlarmLevels
    ) {
        for (alarm, own) in scores {
            (record.alarms[alarm.key], record.alarmsElsewhere[alarm.key]) = levels.shares(
                alarm, own, subject.material.isHidden)
        }
    }

    private func examples(_ subject: Subject, _ words: [(String, [String])]) -> [RaceRecord.Example] {
        let material = subject.material
        return material.rows.indices.filter { material.isHidden[$0] }.prefix(3).map { index in
            let text = material.store.textSoFar(material.rows[index])
            return .init(
                textSoFar: String(text.suffix(240)),
                words: Dictionary(uniqueKeysWithValues: words.map { ($0.0, $0.1[index]) }),
                next: texts.next(subject.decoder, behind: text))
        }
    }
}

/// What a pair makes of some vectors.
private struct Look {
    let words: [String]
    /// How much likelier it finds the hidden value than all others, in nats.
    let ratios: [Double]
    let errors: [Scores.Row]

    init(_ pair: Pair, at vectors: Tensor, _ fact: HiddenFact, maximumTokens: Int) throws {
        words = try pair.verbalizer.explain(vectors, .init(maximumTokens: maximumTokens)).map { $0[0].description }
        ratios = fact.likelihoodRatios(pair.verbalizer, vectors)
        errors = try Scores.rows(pair.reconstructor.reconstruct(words), vectors)
    }
}

extension RaceMeasurer.Subject {
    /// Reads a target.
    ///
    /// - Parameters:
    ///   - layers: other blocks to read behind.
    ///   - unrefreshed: pairs that look at it once.
    fileprivate init(
        _ decoder: Decoder, _ texts: FactTexts, layers: [Int], _ unrefreshed: [RaceReader: Pair], maximumTokens: Int
    ) throws {
        let material = try texts.read(decoder)
        self.init(
            decoder: decoder, material: material, before: try texts.before(material, decoder),
            blocks: Dictionary(uniqueKeysWithValues: try layers.map { ($0, try texts.read(decoder, layer: $0)) }),
            looks: try unrefreshed.mapValues {
                try Look($0, at: material.vectors, texts.fact, maximumTokens: maximumTokens)
            },
            behaviour: try texts.behaviour(decoder), language: try texts.language(decoder))
    }
}
