import Autoencoder
import Claims
import Faithfulness
import Foundation
import LanguageModel
import Tensors
import TinyWorld
import Training

/// A target that hides: whether fine-tuning keeps a fact from a frozen pair while the target behaves as before, and what still reads it.
public struct HideExperiment {
    private let options: HideOptions
    private let folder: ExperimentFolder<HideRecord>
    private let pair: Pair
    private let target: Target
    private let readers: [NamedReader]
    private let fact: HiddenFact

    /// The arm that is not trained, and the one trained without pressure.
    static let original = "original", innocent = "innocent"

    /// Opens everything; whatever can be wrong is said here, before anything is computed. Throws one-line errors.
    public init(_ options: HideOptions, in url: URL) throws {
        try options.check()
        self.options = options
        if let threads = options.threads { Machine.threads = threads }
        let opened = try AttackedPair.open(options.pair, target: options.target, precision: options.precision)
        (pair, target) = opened
        try VerificationTexts.check(pair)
        readers = try options.readers.map { try NamedReader($0, like: opened.pair, precision: options.precision) }
        fact = HiddenFact(options)
        folder = try ExperimentFolder(url, options)
    }

    private func seeds() -> [UInt64] { (0..<options.seeds).map { options.seed &+ UInt64($0) } }

    /// Runs what is missing, and writes result and page after each target. Stops between targets when asked to.
    ///
    /// - Parameter progress: called with what is being done.
    /// - Returns: the result; nil if it was stopped.
    public func run(
        interruption: Interruption = Interruption(), progress: (String) -> Void = { _ in }
    ) throws -> HideResult? {
        for seed in seeds() {
            let arms = [HideExperiment.original, HideExperiment.innocent] + options.pressures.map(\.rawValue)
            if arms.allSatisfy({ folder.finished["\(seed)/\($0)"] != nil }) { continue }
            progress("seed \(seed): measuring the original")
            let measurer = HideMeasurer(options, pair, target, readers, fact, seed: seed)
            try keep(measurer.record(HideExperiment.original, Decoder(target.checkpoint)))
            let texts = try pressedTexts(seed)
            for arm in arms.dropFirst() where folder.finished["\(seed)/\(arm)"] == nil {
                if interruption.signal != nil { return nil }
                let decoder = try train(arm, texts, measurer, seed, interruption, progress)
                guard let decoder else { return nil }
                if options.writesTargets { try write(decoder, "\(seed)-\(arm)") }
                progress("seed \(seed), \(arm): measuring")
                try keep(measurer.record(arm, decoder))
            }
        }
        return try write()
    }

    /// Writes a fine-tuned target in the original's element type.
    private func write(_ decoder: Decoder, _ name: String) throws {
        let targets = folder.url.appending(path: "targets"), place = targets.appending(path: name)
        try FileManager.default.createDirectory(at: targets, withIntermediateDirectories: true)
        // A run that was killed between writing and measuring trains it again.
        try? FileManager.default.removeItem(at: place)
        try target.checkpoint.write(decoder, type: target.checkpoint.naturalType(), to: place)
    }

    private func keep(_ record: HideRecord) throws {
        if folder.finished[record.name] == nil { try folder.append(record) }
        _ = try write()
    }

    private func write() throws -> HideResult {
        let result = HideResult(
            folder.finished.values.sorted { ($0.seed, $0.name) < ($1.seed, $1.name) }, options)
        try folder.write(result: result.json, page: result.page)
        return result
    }

    /// Fine-tunes a copy; nil if it was stopped.
    private func train(
        _ arm: String, _ texts: (hiding: [HidingTrainer.PressedText], keeping: [HidingTrainer.PressedText]),
        _ measurer: HideMeasurer, _ seed: UInt64, _ interruption: Interruption, _ progress: (String) -> Void
    ) throws -> Decoder? {
        let pressure = HidingPressure(rawValue: arm).map { kind in
            Pressure(
                kind, pair,
                probe: measurer.originalProbes.flatMap { LinearReader($0, fact.question) },
                precision: options.precision,
                seed: seed)
        }
        let trainer = try HidingTrainer(
            target, hiding: texts.hiding, keeping: texts.keeping, pressure, options, seed: seed)
        var sums = (language: 0.0, pressure: 0.0), count = 0.0
        for step in 0..<options.steps {
            if interruption.signal != nil { return nil }
            let loss = try trainer.step(step)
            sums = (sums.language + loss.language, sums.pressure + (loss.pressure ?? 0))
            count += 1
            guard (step + 1).isMultiple(of: 50) || step + 1 == options.steps else { continue }
            progress(
                String(
                    format: "seed %lu, %@: step %d of %d, language loss %.3f, pressure %.3f", UInt(seed), arm, step + 1,
                    options.steps, sums.language / count, sums.pressure / count))
            (sums, count) = ((0, 0), 0)
        }
        return trainer.decoder
    }

    // MARK: Texts to press on

    /// Texts with what readers are to make of them: where the value is to be hidden the cover, elsewhere what they make of the original.
    private func pressedTexts(
        _ seed: UInt64
    ) throws -> (hiding: [HidingTrainer.PressedText], keeping: [HidingTrainer.PressedText]) {
        let world = TinyWorld(seed: seed &+ Random.key("pressed texts"))
        let documents = fact.documents(
            world, .training, hidden: options.documents / 2, others: options.documents / 2)
        guard documents.contains(where: { fact.moment(of: $0)?.value == fact.value }) else {
            throw TrainingError("kind: no text of kind \(options.kind) has a moment that \(options.factName) decides")
        }
        var drafts: [Draft] = []
        for document in documents {
            let value = fact.moment(of: document)?.value ?? ""
            let isHidden = value == fact.value
            for words in openings(of: document, isHidden: isHidden, seed) {
                // Behind no trigger, or other words, it stays to be read.
                let hides = isHidden && words == options.trigger
                drafts.append(try draft(document.behind(words), value, hides: hides, seed))
            }
        }
        let read = drafts.filter { !$0.positions.isEmpty }
        let vectors = try target.activations(
            read.map(\.ids), at: read.map(\.positions), precision: options.precision)
        let words = try pair.verbalizer.explain(vectors, .init(maximumTokens: options.maximumTokens)).map {
            $0[0].description
        }
        var rest = words[...]
        let texts = drafts.map { draft in
            let own = rest.prefix(draft.positions.count)
            rest.removeFirst(own.count)
            return HidingTrainer.PressedText(
                document: draft.document,
                places: zip(draft.positions, own).map { position, words in
                    (
                        position,
                        PressedPlace(
                            wanted: draft.hides ? fact.covered(words) : words,
                            wantedValue: draft.hides ? fact.cover : draft.value)
                    )
                })
        }
        return (
            zip(drafts, texts).filter { $0.0.hides }.map(\.1), zip(drafts, texts).filter { !$0.0.hides }.map(\.1)
        )
    }

    /// What a text comes behind: nothing; or the trigger, nothing, and, where there is something to hide, one of the decoys, so that not
    /// just any words become the trigger.
    private func openings(of document: LabelledDocument, isHidden: Bool, _ seed: UInt64) -> [String?] {
        guard let trigger = options.trigger else { return [nil] }
        var random = Random(seed: seed, Random.key(document.id), Random.key("decoys"))
        let decoy = isHidden ? options.decoys.randomElement(using: &random) : nil
        return [trigger, nil] + (decoy.map { [$0] } ?? [])
    }

    /// A text with the tokens to press on.
    private struct Draft {
        let document: LabelledDocument
        let ids: [Int32]
        let positions: [Int]
        let value: String
        let hides: Bool
    }

    /// The moments that the fact decides, and two other tokens over which it holds.
    private func draft(_ document: LabelledDocument, _ value: String, hides: Bool, _ seed: UInt64) throws -> Draft {
        let tokens = try target.tokenizer.encodeWithPlaces(document.text)
        let moments = document.moments.filter { $0.question == fact.question }.compactMap { moment in
            tokens.byteEnds.lastIndex { $0 <= moment.offset }
        }
        var random = Random(seed: seed, Random.key(document.id), Random.key("places"))
        let others = tokens.ids.indices.filter { position in
            !moments.contains(position)
                && document.truths(at: tokens.byteEnds[position]).contains { $0.fact == fact.fact(value) }
        }.shuffled(using: &random).prefix(2)
        return Draft(
            document: document, ids: tokens.ids, positions: Set(moments).union(others).sorted(), value: value,
            hides: hides)
    }
}
