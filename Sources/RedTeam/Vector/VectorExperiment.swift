import Activations
import Autoencoder
import Claims
import Evaluation
import Faithfulness
import Foundation
import LanguageModel
import Runs
import Teaching
import Tensors

/// Vectors that lie: how often a vector beside a true activation makes a pair say something false of it, or keep silent about a truth,
/// while the target predicts the same; and what would notice.
///
///     let experiment = try VectorExperiment(options, in: folder)
///     let result = try experiment.run()
public struct VectorExperiment {
    private let options: VectorAttackOptions
    private let folder: ExperimentFolder<AttackRecord>
    private let pair: Pair
    private let target: Target
    private let readers: [NamedReader]
    /// Activations that somebody stored; nil where texts of the tiny world are read for the occasion.
    private let stored: ActivationStore?

    /// Opens everything; whatever can be wrong is said here, before anything is computed. Throws one-line errors.
    public init(_ options: VectorAttackOptions, in url: URL) throws {
        try options.check()
        self.options = options
        if let threads = options.threads { Machine.threads = threads }
        let opened = try AttackedPair.open(options.pair, target: options.target, precision: options.precision)
        readers = try options.readers.map { try NamedReader($0, like: opened.pair, precision: options.precision) }
        (pair, target) = opened
        stored = try options.store.map { try VectorExperiment.open($0, opened.pair, options) }
        if stored == nil {
            let width = opened.pair.verbalizer.sidecar.width
            // Each text gives two activations at least, and probes get four times as many texts.
            guard 8 * options.documents > width else {
                throw TrainingError(
                    "documents: \(options.documents) are too few to fit probes of \(width) coordinates; take \(width / 8 + 1) or more"
                )
            }
            try VerificationTexts.check(opened.pair, instead: "give a store of activations with --store")
        }
        folder = try ExperimentFolder(
            url, options,
            RunInputs(pair: options.pair, opened.target, readers: options.readers, store: options.store))
    }

    /// Opens a store that has what the attack needs. Throws one-line errors.
    private static func open(_ name: String, _ pair: Pair, _ options: VectorAttackOptions) throws -> ActivationStore {
        let store = try ActivationStore(folder: DataLocation.folder(name), target: pair.targetHash)
        try store.check(pair, named: options.pair)
        // A split that is missing says so itself.
        _ = try (store.rows(ofSplit: options.split), store.rows(ofSplit: options.cleanSplit))
        _ = try fittedRows(store, options)
        let clean = try rows(store, options.cleanSplit, options.cleanRows, options).count
        guard clean >= 100 else {
            throw TrainingError(
                "\(name): of \(clean) rows of the split \(options.cleanSplit) 1% false positives are none; take 100 or more"
            )
        }
        return store
    }

    /// The rows that the activations' distribution is fitted to. Throws a one-line error if they are too few.
    private static func fittedRows(_ store: ActivationStore, _ options: VectorAttackOptions) throws -> [Int] {
        let rows = try rows(store, options.probeSplit, 20_000, options)
        guard rows.count > store.hiddenSize else {
            throw TrainingError(
                "\(options.store ?? "documents"): \(rows.count) rows of the split \(options.probeSplit) are too few to fit \(store.hiddenSize) coordinates; take more documents"
            )
        }
        return rows
    }

    /// Runs what is missing, and writes result and page. Stops between batches when asked to.
    ///
    /// - Parameter progress: called with what is being done.
    /// - Returns: the result; nil if it was stopped.
    public func run(
        interruption: Interruption = Interruption(), progress: (String) -> Void = { _ in }
    ) throws -> VectorResult? {
        let scratch = FileManager.default.temporaryDirectory.appending(path: "nla-redteam-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        progress("reading activations")
        let store = try openStore(scratch)
        progress("choosing places where the pair tells the truth")
        let cases = try CaseFinder(store, options).cases { try explain(store.vectors($0)) }
        progress("fitting probes, setting the thresholds of detectors")
        let watch = try makeWatch(store)
        let levels = try thresholds(store, watch)
        let attacker = try Attacker(options, pair, target, store, watch)
        let left = cases.filter { folder.finished[$0.name] == nil }
        for range in Passes.split(left.map { _ in 1 }, limit: options.batchSize) {
            if interruption.signal != nil { return nil }
            progress("attacking: \(cases.count - left.count + range.lowerBound) of \(cases.count) cases")
            for record in try attacker.attack(Array(left[range])) { try folder.append(record) }
        }
        let result = VectorResult(
            cases.compactMap { folder.finished[$0.name] }, levels, watch.detectors,
            variance: try (pair.variance ?? store.rawVariance(ofSplit: options.cleanSplit)).variance, options)
        try folder.write(result)
        return result
    }

    private func openStore(_ scratch: URL) throws -> ActivationStore {
        try stored
            ?? VerificationTexts.store(
                for: pair, target, documents: options.documents, seed: options.seed, precision: options.precision,
                in: scratch)
    }

    private func explain(_ vectors: Tensor) throws -> [Explanation] {
        try pair.verbalizer.mostProbable(vectors, maximumTokens: options.maximumTokens)
    }

    /// Rows of a split like those that are attacked, at moments or away from them, spread evenly; all rows of a store without such.
    private static func rows(
        _ store: ActivationStore, _ split: String, _ count: Int, _ options: VectorAttackOptions
    ) throws -> [Int] {
        let alike = store.rows(RowFilter(splits: [split], place: options.everywhere ? .random : .moment))
        return try (alike.isEmpty ? store.rows(ofSplit: split) : alike).spread(count)
    }

    private func makeWatch(_ store: ActivationStore) throws -> Watch {
        var settings = ProbeOptions()
        settings.seed = options.seed
        let fitted = try VectorExperiment.fittedRows(store, options)
        return try Watch(
            pair: pair, grammar: options.grammar.grammar,
            distribution: CleanDistribution(store.vectors(fitted)),
            probes: try ProbeSet.train(store, rows: store.rows(ofSplit: options.probeSplit), settings),
            readers: readers, maximumTokens: options.maximumTokens)
    }

    private func thresholds(_ store: ActivationStore, _ watch: Watch) throws -> DetectorThresholds {
        let vectors = store.vectors(
            try VectorExperiment.rows(store, options.cleanSplit, options.cleanRows, options))
        return DetectorThresholds(try watch.look(at: vectors, explain(vectors)).scores)
    }
}
