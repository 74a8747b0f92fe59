import Activations
import Autoencoder
import Evaluation
import Foundation
import LanguageModel
import Runs
import Teaching
import Tensors

/// One run of `nla train rl`, from a warm-started pair to a jointly trained one.
public struct JointRun {
    private let options: JointOptions
    private let reward: JointTrainer.Reward?
    private let folder: RunFolder

    /// Takes hold of the run's folder. Throws one-line errors.
    ///
    /// - Parameter reward: what samples earn in place of what the options say. The folder does not know it: a run that is resumed must be
    ///   given the same.
    public init(_ options: JointOptions, in url: URL, reward: JointTrainer.Reward? = nil) throws {
        try options.check()
        self.options = options
        self.reward = reward
        folder = try RunFolder(url, options) { try options.inputs() }
    }

    /// The step that the run goes on from; 0 at its beginning.
    public var firstStep: Int { folder.latest?.step ?? 0 }

    /// Trains to the end and writes the pair: `model/av`, `model/ar`, and a link to the target where the warm start has one.
    ///
    /// - Parameters:
    ///   - progress: called after every step.
    ///   - warn: called where something begins to go wrong.
    /// - Returns: the numbers of the checkpoint that was kept.
    public func run(
        interruption: Interruption = Interruption(), progress: @escaping (TrainingProgress) -> Void = { _ in },
        warn: @escaping (JointWatch.Warning) -> Void = { _ in }
    ) throws -> RunOutcome<Metrics> {
        guard !folder.isFinished else { return .finishedBefore }
        if let threads = options.threads { Machine.threads = threads }
        let pair = try options.openPair()
        let store = try openStore(pair)
        let variance = try pair.variance ?? store.rawVariance(ofSplit: options.heldOut)
        let trainer = try JointTrainer(
            pair.verbalizer, pair.reconstructor, reference: try reference(pair.verbalizer),
            second: try secondReader(pair, store), probes: try probes(store), store, variance, options, reward: reward)
        var seen = Seen(options)
        // What an earlier process has seen of this run.
        for step in try RunHistory(folder.url).steps { _ = seen.see(step.step, step.metrics) }
        var cadence = options.cadence
        cadence.keepEvery = options.keepEvery
        let loop = TrainingLoop(trainer, in: folder, cadence, interruption: interruption) {
            progress($0)
            seen.see($0.step, $0.metrics).forEach(warn)
            // Only a picture of what is on disk already: where it cannot be written, the run goes on.
            if $0.metrics["fve"] != nil { try? writeReport() }
        }
        if case .interrupted(let step, let signal) = try loop.run() { return .interrupted(step: step, signal: signal) }
        if options.keep == .best { try folder.best?.restore(trainer.groups) }
        try write(pair)
        try? writeReport()
        return .finished(options.keep == .best ? seen.best : seen.last)
    }

    /// What the steps of a run have shown so far.
    private struct Seen {
        /// The numbers of the last evaluation behind a step, and of the one that explained most variance.
        private(set) var last = Metrics(), best = Metrics()
        private var watch: JointWatch

        init(_ options: JointOptions) { watch = JointWatch(options) }

        /// - Returns: what has just begun to go wrong.
        mutating func see(_ step: Int, _ metrics: Metrics) -> [JointWatch.Warning] {
            if let score = metrics["fve"], step > 0 {
                last = metrics
                if score > best["fve"] ?? -.infinity { best = metrics }
            }
            return watch.look(step: step, metrics)
        }
    }

    private func writeReport() throws {
        try RunReport(folder.url).write(to: folder.url.appending(path: RunReport.fileName))
    }

    private func openStore(_ pair: Pair) throws -> ActivationStore {
        let store = try ActivationStore(
            folder: DataLocation.folder(options.store), target: pair.targetHash, verifying: firstStep == 0)
        try store.check(layer: pair.verbalizer.sidecar.layer, of: options.pair)
        guard store.hiddenSize == pair.verbalizer.sidecar.width else {
            throw TrainingError(
                "\(store.folder.path): vectors of \(store.hiddenSize) numbers, the pair reads \(pair.verbalizer.sidecar.width); they come from another model"
            )
        }
        return store
    }

    /// The warm start; with new adapters it is the verbalizer itself without them. Adapters that the pair consists of are part of it.
    private func reference(_ verbalizer: Verbalizer) throws -> ReferencePolicy {
        if options.verbalizerRank > 0 { return .withoutAdapters(verbalizer) }
        return .model(
            try Verbalizer(verbalizer.source, verbalizer.sidecar, verbalizer.tokenizer, precision: options.precision))
    }

    private func secondReader(_ pair: Pair, _ store: ActivationStore) throws -> Reconstructor? {
        try options.secondReader.map {
            let reader = try Reconstructor(folder: ModelLocation.resolve($0), precision: options.precision)
            // The same checks as for the pair's own.
            _ = try Pair(pair.verbalizer, reader)
            return reader
        }
    }

    private func probes(_ store: ActivationStore) throws -> TeacherProbes? {
        try options.probes.map {
            let probes = try TeacherProbes(folder: DataLocation.folder($0), matching: store)
            try probes.check(unfitted: [options.split])
            return probes
        }
    }

    private func write(_ pair: Pair) throws {
        let isAdapters = options.writesAdapters(pair)
        if !isAdapters {
            try pair.verbalizer.decoder.mergeAdapters(precision: options.precision)
            try pair.reconstructor.decoder.mergeAdapters(precision: options.precision)
        }
        let target = Pair.folders(try ModelLocation.pair(options.pair)).target
        try AtomicFolder.write(to: folder.model) { partial in
            let folders = Pair.folders(partial)
            if isAdapters {
                try pair.verbalizer.writeAdapters(to: folders.verbalizer)
                try pair.reconstructor.writeAdapters(to: folders.reconstructor)
            } else {
                try pair.verbalizer.write(to: folders.verbalizer)
                try pair.reconstructor.write(to: folders.reconstructor)
            }
            if FileManager.default.fileExists(atPath: target.path) {
                // `partial` lies beside the folder that it becomes, so that the way from one is the way from the other.
                try RelativeLink.write(at: folders.target, to: target)
            }
        }
    }
}
