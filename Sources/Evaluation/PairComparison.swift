import Activations
import Autoencoder
import Claims
import Foundation
import LanguageModel
import Runs
import Statistics
import Teaching
import Tensors

/// Pairs beside one another, on the same rows: every number with its interval over documents, and with its difference to the first
/// pair.
public struct PairComparison: Sendable {
    /// A pair to be compared, or a checkpoint of a joint run.
    public struct Candidate: Sendable, Equatable {
        /// What tables call it.
        public var name: String
        /// Where it lies.
        public var folder: URL
        /// The same as it was given, for reports that others read: a relative path stays relative, and a name on the hub a name.
        public var place: String

        /// A pair under a name.
        public init(_ name: String, _ folder: URL) {
            self.init(name, folder, place: folder.relativePath)
        }

        private init(_ name: String, _ folder: URL, place: String) {
            self.name = name
            self.folder = folder
            self.place = place
        }

        /// Reads `name=folder`, or `folder`, whose name is the end of its path, as long as it takes to tell it from the others. Throws
        /// a `TrainingError` if two have the same name.
        public static func read(_ arguments: [String]) throws -> [Candidate] {
            let parts = arguments.map { argument -> (name: String?, folder: String) in
                let sides = argument.split(separator: "=", maxSplits: 1).map(String.init)
                let isNamed = sides.count == 2 && !sides[0].contains("/")
                return isNamed && !FileManager.default.fileExists(atPath: argument)
                    ? (sides[0], sides[1]) : (nil, argument)
            }
            let paths = parts.map { URL(fileURLWithPath: $0.folder).standardizedFileURL.pathComponents }
            let longest = paths.map(\.count).max() ?? 1
            let names = (1...longest).lazy.map { length in
                zip(parts, paths).map { $0.name ?? $1.suffix(length).joined(separator: "/") }
            }
            guard let found = names.first(where: { Set($0).count == $0.count }) else {
                throw TrainingError(
                    "\(arguments.joined(separator: ", ")): two pairs have the same name; name them: a=folder, b=folder")
            }
            return zip(found, parts).map { Candidate($0, URL(fileURLWithPath: $1.folder), place: $1.folder) }
        }

        /// The same with the folder on this machine where the place is a name on the hub.
        package func located() throws -> Candidate {
            var candidate = self
            candidate.folder = try ModelLocation.pair(place)
            return candidate
        }
    }

    /// A measure of one pair.
    public struct Entry: Sendable {
        /// What is measured.
        public let measure: PairMeasure
        /// How it came out.
        public let estimate: Estimate
        /// How much more that is than the first pair's; nil for the first.
        public let difference: Estimate?
    }

    /// What came of one pair.
    public struct Result: Sendable {
        /// The pair.
        public let candidate: Candidate
        /// Everything about it.
        public let evaluation: PairEvaluation
        /// The measures that apply.
        public let entries: [Entry]

        /// A measure by its name.
        public subscript(_ name: String) -> Entry? { entries.first { $0.measure.name == name } }
    }

    /// The pairs, in the order given.
    public let results: [Result]
    /// A line for each pair that was trained on a target stored in another way than the one that the activations are of.
    public let storageNotes: [String]
    /// The split that the rows are from.
    public let split: String
    /// Documents that the rows are from.
    public let documents: Int
    /// How often documents were drawn.
    public let resamples: Int
    /// The seed of that, and of sampled explanations.
    public let seed: UInt64

    /// Evaluates pairs on the same rows of a split, against the same denominator.
    ///
    /// - Parameters:
    ///   - grammar: see ``PairEvaluation``, as for `probes` and `taught`.
    ///   - precision: what all compute in; nil for that of their weights.
    ///   - storage: which weights may stand in for those that the pairs were trained on.
    ///   - tables: tables of tokens that stand beside the pairs; nil for none. Asked for when the pairs are open.
    ///   - secondReader: see ``PairEvaluation``.
    ///   - open: opens the pair in a folder, which may be a checkpoint where the caller knows how.
    ///   - progress: called with the name of each pair before it is evaluated.
    /// - Throws: a one-line error, before anything is computed, if a pair is missing or does not read the store's activations.
    public init(
        _ candidates: [Candidate], _ store: ActivationStore, split: String, grammar: (any ClaimGrammar)?,
        probes: TeacherProbes?, taught: TaughtRows?, _ options: PairEvaluation.Options = PairEvaluation.Options(),
        resamples: Int = 1000, precision: Precision? = nil, storage: TargetStorage = .recorded,
        tables: @autoclosure () throws -> LookupTables? = nil, secondReader: Reconstructor? = nil,
        open: (URL, Precision?) throws -> Pair = { try Pair(folder: $0, precision: $1) },
        progress: (String) -> Void = { _ in }
    ) throws {
        require(!candidates.isEmpty, "no pairs")
        let pairs = try candidates.map { candidate in
            let pair = try open(candidate.folder, precision)
            try store.check(pair, named: candidate.folder.path, storage: storage)
            return pair
        }
        storageNotes = zip(candidates, pairs).compactMap { candidate, pair in
            store.storageNote(pair).map { candidates.count > 1 ? "\(candidate.name): \($0)" : $0 }
        }
        var options = options
        options.variance = try options.variance ?? pairs[0].variance ?? store.rawVariance(ofSplit: split)
        let readings = try tables()?.readings(PairEvaluation.rows(store, split: split, options))
        let evaluations = try zip(candidates, pairs).enumerated().map { index, entry in
            let (candidate, pair) = entry
            progress(candidate.name)
            var evaluation = try PairEvaluation(
                pair, store, split: split, grammar: grammar, probes: probes, taught: taught, tables: readings,
                secondReader: secondReader, options)
            if index > 0 {
                let details = evaluation.rowDetails
                evaluation.divergences = try pair.verbalizer.divergences(
                    from: pairs[0].verbalizer, details.explanations, store, rows: details.rows)
            }
            return evaluation
        }
        documents = Set(evaluations[0].rowDetails.documents).count
        let bootstrap = ClusterBootstrap(clusters: documents, resamples: resamples, seed: options.seed)
        results = zip(candidates, evaluations).enumerated().map { index, entry in
            Result(
                candidate: entry.0, evaluation: entry.1,
                entries: PairComparison.entries(entry.1, index == 0 ? nil : evaluations[0], bootstrap))
        }
        self.split = split
        self.resamples = resamples
        seed = options.seed
    }

    private static func entries(
        _ evaluation: PairEvaluation, _ first: PairEvaluation?, _ bootstrap: ClusterBootstrap
    ) -> [Entry] {
        PairMeasure.all.compactMap { measure in
            let ratio = measure.ratio(evaluation), other = first.map { measure.ratio($0) }
            guard let estimate = bootstrap.estimate(ratio) else { return nil }
            return Entry(
                measure: measure, estimate: estimate,
                difference: other.flatMap { bootstrap.estimate(of: ratio, minus: $0) })
        }
    }
}

extension ActivationStore {
    /// Throws if a pair does not read these activations.
    ///
    /// - Parameter storage: which weights may stand in for those that the pair was trained on.
    public func check(_ pair: Pair, named name: String, storage: TargetStorage = .recorded) throws {
        try check(pair.verbalizer.sidecar, named: name, storage: storage)
        // Of the two sidecars one may know its target.
        try check(pair.reconstructor.sidecar, named: name, storage: storage)
    }

    /// What to say of a pair's scores on these activations, in one line, where they are of a model that is stored in another way than the one
    /// that the pair was trained on; nil where they are not, or where it is not known.
    public func storageNote(_ pair: Pair) -> String? {
        let settings = manifest.settings
        return TargetStorage.note(
            settings.targetStorage, trainedOn: pair.targetStorage,
            isRecorded: pair.targetHash.map { $0.lowercased() == settings.targetHash })
    }

    /// Throws if an autoencoder's model with this sidecar is not about these activations.
    public func check(_ sidecar: Sidecar, named name: String, storage: TargetStorage = .recorded) throws {
        try check(layer: sidecar.layer, of: name)
        if let hash = sidecar.target?.hash, hash.lowercased() != manifest.settings.targetHash,
            !storage.allows(manifest.settings.targetOrigin, for: hash)
        {
            throw ModelError(
                "\(name): reads the model \(hash.prefix(12))…, the activations of \(folder.path) are of \(manifest.settings.targetHash.prefix(12))…"
            )
        }
        guard sidecar.width == hiddenSize else {
            throw ModelError(
                "\(name): reads vectors of \(sidecar.width) numbers, those of \(folder.path) have \(hiddenSize)"
            )
        }
    }
}
