import Activations
import Autoencoder
import LanguageModel
import Statistics
import Tensors

/// Measures the targets of one seed's race with the readers that there are at each stage.
final class RaceMeasurer {
    private let options: RaceOptions
    private let fact: HiddenFact
    private let texts: FactTexts
    /// Pairs that are never refreshed, the first one with them.
    private let unrefreshed: [Reader: Pair]
    private let seed: UInt64
    /// The original, on the texts to measure on and on those that levels are set on.
    private let clean: Examined, cleanLevels: Subject
    /// What the first pair makes of the latter.
    private let frozenLevels: PairLook
    private let distribution: CleanDistribution
    /// The denominator of fractions of variance: the same for all targets.
    private let variance: Double

    /// A target with what does not change when readers are refreshed.
    struct Examined {
        let subject: Subject
        /// What pairs that are never refreshed make of its activations.
        fileprivate let looks: [Reader: PairLook]
        fileprivate let behaviour: Share
        fileprivate let language: (moments: Share, loss: Double)
    }

    /// Looks at the original.
    ///
    /// - Parameter ground: the pair and the target as they were before the first round.
    init(_ options: RaceOptions, _ ground: HidingGround, seed: UInt64) throws {
        self.options = options
        self.seed = seed
        fact = ground.fact
        var unrefreshed = [Reader.frozen: ground.pair]
        for reader in ground.readers { unrefreshed[.named(reader.name)] = reader.pair }
        let texts = FactTexts(options.hiding, ground.target, ground.fact, seed: seed)
        let clean = try Examined(
            TransformerDecoder(ground.target.checkpoint), texts, blocks: ground.blocks, unrefreshed,
            maximumTokens: options.hiding.maximumTokens)
        (self.texts, self.clean, self.unrefreshed) = (texts, clean, unrefreshed)
        cleanLevels = try Subject(
            clean.subject.decoder, texts, blocks: ground.blocks, levelsWith: clean.subject)
        frozenLevels = try PairLook(
            ground.pair, at: cleanLevels.material.vectors, ground.fact, maximumTokens: options.hiding.maximumTokens)
        distribution = CleanDistribution(clean.subject.material.others)
        variance = try (ground.pair.variance ?? RawVariance(clean.subject.material.vectors, set: "test")).variance
    }

    /// Reads a changed target.
    func examine(_ decoder: TransformerDecoder) throws -> Examined {
        try Examined(
            decoder, texts, blocks: Array(clean.subject.blocks.keys), unrefreshed,
            maximumTokens: options.hiding.maximumTokens)
    }

    private func look(_ pair: Pair, at vectors: Tensor) throws -> PairLook {
        try PairLook(pair, at: vectors, fact, maximumTokens: options.hiding.maximumTokens)
    }

    // MARK: Detectors

    /// The detectors that are looked at, in the order of tables.
    static func detectors(blocks: [Int]) -> [Detector] {
        var detectors = Subject.detectors(readers: [Reader.heldOut.key], blocks: blocks)
        detectors.insert(.firstResidual, at: 1)
        return detectors
    }

    private func scores(
        _ subject: Subject, _ loop: PairLook, before: PairLook, heldOut: PairLook, frozen: PairLook?
    ) -> [Detector: [Double]] {
        var scores = subject.scores(
            distribution, fact.grammar, own: loop, before: before, others: [Reader.heldOut.key: heldOut])
        scores[.firstResidual] = frozen?.errors.map(\.meanSquaredError)
        return scores
    }

    /// Thresholds for the detectors of two pairs, set on what they make of the original's activations.
    func levels(_ loop: Pair, _ heldOut: Pair) throws -> DetectorThresholds {
        let vectors = cleanLevels.material.vectors
        return DetectorThresholds(
            scores(
                cleanLevels, try look(loop, at: vectors), before: try look(loop, at: cleanLevels.before),
                heldOut: try look(heldOut, at: vectors),
                frozen: frozenLevels))
    }

    // MARK: Records

    /// The original, with the readers that the race begins with.
    func original(loop: Pair, heldOut: Pair) throws -> RaceRecord {
        let record = RaceRecord(
            name: RaceRecord.name(seed, nil, 0, nil), seed: seed, arm: nil, round: 0, stage: nil)
        return try fill(record, clean, loop: loop, heldOut: heldOut, levels(loop, heldOut))
    }

    /// Measures a stage of a round.
    ///
    /// - Parameters:
    ///   - loop: the pair in the loop, as it is at that stage.
    ///   - heldOut: the pair held out, likewise.
    ///   - levels: the thresholds of their detectors.
    ///   - calm: the same stage without pressure, which levels are set on anew; nil where there is none.
    func record(
        _ examined: Examined, _ arm: RaceArm, _ round: Int, _ stage: RaceStage, loop: Pair, heldOut: Pair,
        _ levels: DetectorThresholds, anewLike calm: RaceRecord?
    ) throws -> RaceRecord {
        let record = RaceRecord(
            name: RaceRecord.name(seed, arm, round, stage), seed: seed, arm: arm, round: round, stage: stage)
        return try fill(record, examined, loop: loop, heldOut: heldOut, levels, anewLike: calm)
    }

    private func fill(
        _ empty: RaceRecord, _ examined: Examined, loop: Pair, heldOut: Pair, _ levels: DetectorThresholds,
        anewLike calm: RaceRecord? = nil
    ) throws -> RaceRecord {
        var record = empty
        let subject = examined.subject, vectors = subject.material.vectors
        let own = try look(loop, at: vectors), other = try look(heldOut, at: vectors)
        var looks = examined.looks
        (looks[.loop], looks[.heldOut]) = (own, other)
        let before = try look(loop, at: subject.before)
        let scores = scores(subject, own, before: before, heldOut: other, frozen: examined.looks[.frozen])
        record.measure = subject.measure(
            fact, looks, original: clean.subject.material, variance: variance, scores, levels)
        if record.arm == .innocent { record.levels = DetectorThresholds(scores).byKey }
        if let found = calm?.levels {
            let anew = DetectorThresholds(found, of: scores.keys)
            let shares = scores.filter { found[$0.key.key] != nil }.map { detector, own in
                (detector.key, anew.shares(detector, own, subject.material.isHidden))
            }
            record.measure.flaggedAnew = Dictionary(uniqueKeysWithValues: shares.map { ($0, $1.hidden) })
            record.measure.flaggedAnewElsewhere = Dictionary(uniqueKeysWithValues: shares.map { ($0, $1.elsewhere) })
        }
        record.measure.behaviour = examined.behaviour
        (record.measure.moments, record.measure.languageLoss) = examined.language
        record.examples = examples(subject, looks.map { ($0.key.key, $0.value.words) })
        return record
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

extension RaceMeasurer.Examined {
    /// Reads a target.
    ///
    /// - Parameters:
    ///   - blocks: other blocks to read behind.
    ///   - unrefreshed: pairs that look at it once.
    fileprivate init(
        _ decoder: TransformerDecoder, _ texts: FactTexts, blocks: [Int], _ unrefreshed: [Reader: Pair],
        maximumTokens: Int
    ) throws {
        let subject = try Subject(decoder, texts, blocks: blocks)
        self.init(
            subject: subject,
            looks: try unrefreshed.mapValues {
                try PairLook($0, at: subject.material.vectors, texts.fact, maximumTokens: maximumTokens)
            },
            behaviour: try texts.behaviour(decoder), language: try texts.language(decoder))
    }
}
