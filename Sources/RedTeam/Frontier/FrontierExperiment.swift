import Activations
import Autoencoder
import Claims
import Evaluation
import Faithfulness
import Foundation
import LanguageModel
import ReadableTargets
import Runs
import Statistics
import TargetTraining
import Tensors

/// What it costs a target to be read: targets that were trained for it, more and less, each with its readers, beside the one that they
/// began as.
public struct FrontierExperiment {
    private let options: FrontierOptions
    private let folder: ExperimentFolder<FrontierRecord>
    /// Documents that no target learns from.
    private let heldOut: any DocumentSource

    /// The target that is not trained.
    static let original = "original"

    /// Opens everything; whatever can be wrong is said here, before anything is computed. Throws one-line errors.
    public init(_ options: FrontierOptions, in url: URL) throws {
        try options.check()
        self.options = options
        if let threads = options.threads { Machine.threads = threads }
        let (pair, target) = try AttackedPair.open(options.pair, target: nil, precision: options.precision)
        if LanguageDocuments.isWorld(options.data) {
            try VerificationTexts.check(pair, instead: "name documents of your own as data")
        }
        heldOut = try LanguageDocuments.open(options.data, heldOut: nil, seed: options.worldSeed).heldOut
        folder = try ExperimentFolder(
            url, options, RunInputs(pair: options.pair, target, data: options.data))
    }

    /// The run of an arm, under the experiment's folder.
    private func place(_ arm: String, _ seed: UInt64) -> URL {
        let name = String(arm.map { $0.isLetter || $0.isNumber || $0 == "." || $0 == "_" ? $0 : "-" })
        return folder.url.appending(path: "runs/\(seed)-\(name)")
    }

    /// Trains and measures what is missing, and writes result and page after each target. Stops when asked to: a training goes on where
    /// it was.
    ///
    /// - Parameter progress: called with what is being done.
    /// - Returns: the result; nil if it was stopped.
    public func run(
        interruption: Interruption = Interruption(), progress: @escaping (String) -> Void = { _ in }
    ) throws -> FrontierResult? {
        var result = try write()
        for seed in options.seed.consecutive(options.seeds) {
            for arm in [FrontierExperiment.original] + options.arms where folder.finished["\(seed)/\(arm)"] == nil {
                if interruption.signal != nil { return nil }
                var model = try ModelLocation.pair(options.pair)
                var minutes = 0.0
                if arm != FrontierExperiment.original {
                    let run = place(arm, seed)
                    guard try train(arm, seed, in: run, interruption, progress) else { return nil }
                    model = run.appending(path: "model")
                    minutes = try RunHistory(run).steps.reduce(0) { $0 + ($1.metrics["seconds"] ?? 0) } / 60
                }
                progress("seed \(seed), \(arm): measuring")
                try folder.append(measure(arm, seed, model, minutes: minutes))
                result = try write()
            }
        }
        return result
    }

    private func write() throws -> FrontierResult {
        let result = FrontierResult(
            folder.finished.values.sorted { ($0.seed, $0.name) < ($1.seed, $1.name) }, options)
        try folder.write(result)
        return result
    }

    /// Whether it came to its end.
    private func train(
        _ arm: String, _ seed: UInt64, in url: URL, _ interruption: Interruption, _ progress: @escaping (String) -> Void
    ) throws -> Bool {
        let readable = try options.readable(arm, seed: seed), total = readable.steps
        let outcome = try ReadableRun(readable, in: url).run(interruption: interruption) { step in
            guard step.step.isMultiple(of: 50) || step.step == total else { return }
            let numbers = ["loss", "loss_behind_splices"].compactMap { name in
                step.metrics[name].map { String(format: ", %@ %.3f", name.replacing("_", with: " "), $0) }
            }
            progress("seed \(seed), \(arm): step \(step.step) of \(total)" + numbers.joined())
        }
        if case .interrupted = outcome { return false }
        return true
    }

    // MARK: Measures

    private func measure(_ arm: String, _ seed: UInt64, _ model: URL, minutes: Double) throws -> FrontierRecord {
        // Of an arm that reads documents in its own way the yardstick is still everybody's.
        let language = try ReadableRun.measure(
            model, options.readable("splice_share=0.5", seed: seed),
            from: Int(seed % 1_000_000) * options.evaluationDocuments)
        var record = FrontierRecord(
            name: "\(seed)/\(arm)", seed: seed, arm: arm, values: [:], examples: [], minutes: minutes)
        for (name, value) in language.values { record.values[name] = value }
        let scratch = FileManager.default.temporaryDirectory.appending(path: "nla-frontier-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        let pair = try Pair(folder: model, precision: options.precision)
        let store = try store(seed, pair, model, in: scratch)
        var settings = PairEvaluation.Options()
        settings.rows = try store.rows(ofSplit: "test").count
        settings.maximumTokens = options.maximumTokens
        // Each target's readers are held against the variance of its own activations.
        settings.variance = try store.rawVariance(ofSplit: "test")
        let judged = try PairComparison(
            [PairComparison.Candidate(arm, model)], store, split: "test", grammar: options.grammar.grammar, probes: nil,
            taught: nil, settings, precision: options.precision)
        for measure in FrontierMeasure.all {
            if let found = judged.results[0][measure.key] { record.values[measure.key] = found.estimate.value }
        }
        record.examples = try examples(store, pair)
        return record
    }

    /// Activations of held-out texts, of this target: at random places and at moments.
    private func store(_ seed: UInt64, _ pair: Pair, _ model: URL, in scratch: URL) throws -> ActivationStore {
        let builder = try ActivationStoreBuilder(
            model: Pair.folders(model).target, layer: pair.verbalizer.sidecar.layer,
            positions: PositionPolicy(perDocument: options.perDocument, includeMoments: true, firstPosition: 4),
            seed: seed, .init(precision: options.precision))
        // The experiment's own seed chooses among the held-out texts: of a file, all that there are, if they are fewer.
        let texts = DocumentsFrom(Int(seed % 1_000_000) * options.testDocuments, of: heldOut)
        let documents = (0..<min(options.testDocuments, heldOut.count ?? .max)).map(texts.document)
        try builder.build(documents.map { StoredDocument($0, split: "test") }, into: scratch)
        return try ActivationStore(folder: scratch, verifying: false)
    }

    private func examples(_ store: ActivationStore, _ pair: Pair) throws -> [FrontierRecord.Example] {
        var seen: Set<Int> = []
        let rows = store.rows(RowFilter(splits: ["test"], place: .moment)).filter {
            seen.insert(store.row($0).document).inserted
        }.prefix(6)
        let words = try pair.verbalizer.mostProbable(store.vectors(Array(rows)), maximumTokens: options.maximumTokens)
        return zip(rows, words).map {
            .init(textSoFar: String(store.textSoFar($0).suffix(200)), words: $1.description)
        }
    }
}
