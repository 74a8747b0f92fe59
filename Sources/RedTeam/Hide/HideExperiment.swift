import Autoencoder
import Foundation
import JSON
import LanguageModel
import Runs
import Teaching
import Tensors

/// A target that hides: whether fine-tuning keeps a fact from a frozen pair while the target behaves as before, and what still reads it.
public struct HideExperiment {
    private let options: HideOptions
    private let folder: ExperimentFolder<HideRecord>
    private let ground: HidingGround

    /// The arm that is not trained, and the one trained without pressure.
    static let original = "original", innocent = "innocent"
    /// The arm that somebody else has changed.
    static let changed = "changed"
    /// That target; nil where targets are trained.
    private let changedTarget: TransformerDecoder?

    /// Opens everything; whatever can be wrong is said here, before anything is computed. Throws one-line errors.
    public init(_ options: HideOptions, in url: URL) throws {
        try options.check()
        self.options = options
        let ground = try HidingGround(options)
        self.ground = ground
        let changed = try options.changed.map { try AttackedPair.openChanged($0, like: ground.target) }
        changedTarget = try changed.map { try $0.decoder() }
        folder = try ExperimentFolder(
            url, options,
            RunInputs(
                pair: options.pair, ground.target, readers: options.readers, data: options.data, changed: changed))
        let gone = folder.finished.values.filter {
            $0.arm != HideExperiment.original
                && !FileManager.default.fileExists(atPath: place(of: $0.arm, $0.seed).path)
        }
        if options.writesTargets, let record = gone.min(by: { $0.name < $1.name }) {
            throw TrainingError(
                "write_targets: the target \(record.name) was measured in \(url.path) and not written; name a new folder"
            )
        }
    }

    /// The folder of a fine-tuned target.
    private func place(of arm: String, _ seed: UInt64) -> URL { folder.url.appending(path: "targets/\(seed)-\(arm)") }

    /// Runs what is missing, and writes result and page after each target. Stops between targets when asked to.
    ///
    /// - Parameter progress: called with what is being done.
    /// - Returns: the result; nil if it was stopped.
    public func run(
        interruption: Interruption = Interruption(), progress: (String) -> Void = { _ in }
    ) throws -> HideResult? {
        for seed in options.seed.consecutive(options.seeds) {
            let arms = options.arms
            if arms.allSatisfy({ folder.finished["\(seed)/\($0)"] != nil }) { continue }
            progress("seed \(seed): measuring the original")
            var start = ContinuousClock.now
            let measurer = HideMeasurer(options, ground, seed: seed)
            try keep(
                measurer.record(HideExperiment.original, TransformerDecoder(ground.target.checkpoint)), since: start)
            let texts =
                changedTarget == nil
                ? try PressedTexts(options, ground.fact, ground.target, ground.pair.verbalizer, seed: seed) : nil
            for arm in arms.dropFirst() where folder.finished["\(seed)/\(arm)"] == nil {
                if interruption.signal != nil { return nil }
                start = ContinuousClock.now
                let made =
                    try changedTarget.map { ($0, nil) }
                    ?? texts.flatMap { try train(arm, $0, measurer, seed, interruption, progress) }
                guard let (decoder, looks) = made else { return nil }
                if options.writesTargets { try write(decoder, to: place(of: arm, seed)) }
                progress("seed \(seed), \(arm): refreshing a copy of the pair, and measuring")
                let refreshed = try refreshed(decoder, seed, interruption)
                if interruption.signal != nil { return nil }
                var record = try measurer.record(arm, decoder, refreshed: refreshed)
                record.looks = looks
                try keep(record, since: start)
            }
        }
        return try write()
    }

    /// A copy of the attacked pair that has learnt what the target has become; nil if it is to learn nothing, or was
    /// stopped.
    private func refreshed(_ decoder: TransformerDecoder, _ seed: UInt64, _ interruption: Interruption) throws -> Pair?
    {
        guard options.refresh.steps > 0 else { return nil }
        let pair = try Pair(folder: ModelLocation.pair(options.pair), precision: options.precision)
        let refresh = try Refresh(
            options.refresh, decoder, ground.target, ground.fact.texts, seed: seed, precision: options.precision)
        return try refresh.teach(pair, seed: seed, interruption) ? pair : nil
    }

    /// Writes a fine-tuned target in the original's element type.
    private func write(_ decoder: TransformerDecoder, to place: URL) throws {
        try Disk.makeFolder(place.deletingLastPathComponent())
        // A run that was killed between writing and measuring trains it again.
        try? FileManager.default.removeItem(at: place)
        let checkpoint = ground.target.checkpoint
        try checkpoint.write(decoder, type: checkpoint.naturalType(), to: place)
    }

    private func keep(_ record: HideRecord, since start: ContinuousClock.Instant) throws {
        var record = record
        record.minutes = (ContinuousClock.now - start) / .seconds(60)
        if folder.finished[record.name] == nil { try folder.append(record) }
        _ = try write()
    }

    private func write() throws -> HideResult {
        let result = HideResult(
            folder.finished.values.sorted { ($0.seed, $0.name) < ($1.seed, $1.name) }, blocks: ground.blocks, options)
        try folder.write(result)
        return result
    }

    /// The original's probe, to press through. Throws a one-line error if it does not know what it is to be told.
    private func probe(_ measurer: HideMeasurer, _ texts: PressedTexts) throws -> LinearReader {
        let reader = measurer.originalProbes.flatMap { LinearReader($0, ground.fact.question) }
        let wanted = (texts.hiding + texts.keeping).flatMap { $0.places.map(\.place.wantedValue) }
        let unknown = Set(wanted).subtracting(reader?.values ?? []).sorted()
        guard let reader, unknown.isEmpty else {
            throw TrainingError(
                "probe_documents: in \(options.probeDocuments) texts the probe has met \(unknown.prefix(3).joined(separator: ", ")) too seldom to be pressed through; take more"
            )
        }
        return reader
    }

    /// Fine-tunes a copy, and looks at what is found meanwhile, if asked to; nil if it was stopped.
    private func train(
        _ arm: String, _ texts: PressedTexts, _ measurer: HideMeasurer, _ seed: UInt64,
        _ interruption: Interruption, _ progress: (String) -> Void
    ) throws -> (TransformerDecoder, [HideRecord.Look]?)? {
        let pressure = try HidingPressure(rawValue: arm).map { kind in
            Pressure(
                kind, ground.pair, probe: kind == .probe ? try probe(measurer, texts) : nil,
                precision: options.precision, seed: seed)
        }
        let trainer = try HidingTrainer(
            ground.target, texts, in: ground.fact.texts, pressure, ground.pair, options, seed: seed)
        var looks = try options.lookEvery.map { _ in
            [HideRecord.Look(step: 0, likelihood: try measurer.look(trainer.decoder))]
        }
        let isFinished = try trainer.run("seed \(seed), \(arm)", interruption, progress) { done in
            guard let every = options.lookEvery, done.isMultiple(of: every) else { return }
            looks?.append(.init(step: done, likelihood: try measurer.look(trainer.decoder)))
        }
        return isFinished ? (trainer.decoder, looks) : nil
    }
}
