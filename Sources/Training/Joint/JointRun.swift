import Autoencoder
import Foundation
import LanguageModel
import Tensors

/// One run of `nla train rl`, from a warm-started pair to a jointly trained one.
public struct JointRun {
    private let options: JointOptions
    private let folder: RunFolder

    /// Takes hold of the run's folder. Throws one-line errors.
    public init(_ options: JointOptions, in url: URL) throws {
        try options.check()
        self.options = options
        folder = try RunFolder(url, options) { try options.inputs() }
    }

    /// The step that the run goes on from; 0 at its beginning.
    public var firstStep: Int { folder.latest?.step ?? 0 }

    /// Trains to the end and writes the pair: `model/av`, `model/ar`, and a link to the target where the warm start has one.
    ///
    /// - Returns: the numbers of the checkpoint that was kept.
    public func run(
        interruption: Interruption = Interruption(), progress: @escaping (TrainingProgress) -> Void = { _ in }
    ) throws -> RunOutcome<Metrics> {
        guard !folder.isFinished else { return .finishedBefore }
        if let threads = options.threads { Machine.threads = threads }
        let pair = try openPair()
        let store = try openStore(pair)
        let variance = try pair.variance ?? store.rawVariance(ofSplit: options.heldOut)
        let trainer = try JointTrainer(
            pair.verbalizer, pair.reconstructor, reference: try reference(pair.verbalizer),
            second: try secondReader(pair, store), store, variance, options)
        var last = Metrics(), best = Metrics(), bestScore = -Double.infinity
        let loop = TrainingLoop(trainer, in: folder, options.cadence, interruption: interruption) {
            if let score = $0.metrics["fve"], $0.step > 0 {
                last = $0.metrics
                if score > bestScore { (best, bestScore) = ($0.metrics, score) }
            }
            progress($0)
        }
        if case .interrupted(let step, let signal) = try loop.run() { return .interrupted(step: step, signal: signal) }
        if options.keep == .best { try folder.best?.restore(trainer.groups) }
        try write(pair)
        return .finished(options.keep == .best ? best : last)
    }

    /// The pair that is trained, with the adapters that learn.
    private func openPair() throws -> Pair {
        let url = URL(fileURLWithPath: options.pair), folders = Pair.folders(url)
        let warm = try Pair(folder: url, precision: options.precision)
        var pair = warm
        if !options.warmStart {
            guard FileManager.default.fileExists(atPath: folders.target.path) else {
                throw TrainingError("\(url.path): has no folder target, which a run without warm start begins with")
            }
            pair = try Pair(
                Verbalizer(
                    Checkpoint(folder: folders.target), warm.verbalizer.sidecar, warm.verbalizer.tokenizer,
                    precision: options.precision),
                Reconstructor(
                    Checkpoint(folder: folders.target), warm.reconstructor.sidecar, warm.reconstructor.tokenizer,
                    head: .identity(warm.reconstructor.sidecar.width), precision: options.precision))
        }
        let shortest = pair.verbalizer.responseIDs("x").count
        guard options.maximumLength >= shortest else {
            throw TrainingError(
                "max_completion_length: \(options.maximumLength) tokens are fewer than the shortest explanation has, \(shortest)"
            )
        }
        if let adapters = options.adapters(rank: options.verbalizerRank) {
            try pair.verbalizer.decoder.attachAdapters(adapters, seed: options.seed, precision: options.precision)
        }
        if let adapters = options.adapters(rank: options.reconstructorRank) {
            try pair.reconstructor.decoder.attachAdapters(
                adapters, seed: options.seed &+ 1, precision: options.precision)
        }
        return pair
    }

    private func openStore(_ pair: Pair) throws -> ActivationStore {
        let store = try ActivationStore(
            folder: URL(fileURLWithPath: options.store), target: pair.targetHash, verifying: firstStep == 0)
        try store.check(layer: pair.verbalizer.sidecar.layer, of: options.pair)
        guard store.hiddenSize == pair.verbalizer.sidecar.width else {
            throw TrainingError(
                "\(store.folder.path): vectors of \(store.hiddenSize) numbers, the pair reads \(pair.verbalizer.sidecar.width); they come from another model"
            )
        }
        return store
    }

    /// The warm start; with adapters it is the verbalizer itself.
    private func reference(_ verbalizer: Verbalizer) throws -> ReferencePolicy {
        if options.verbalizerRank > 0 { return .withoutAdapters(verbalizer) }
        let checkpoint = verbalizer.checkpoint
        return .model(
            try Verbalizer(checkpoint, verbalizer.sidecar, verbalizer.tokenizer, precision: options.precision))
    }

    private func secondReader(_ pair: Pair, _ store: ActivationStore) throws -> Reconstructor? {
        try options.secondReader.map {
            let reader = try Reconstructor(folder: URL(fileURLWithPath: $0), precision: options.precision)
            // The same checks as for the pair's own.
            _ = try Pair(pair.verbalizer, reader)
            return reader
        }
    }

    private func write(_ pair: Pair) throws {
        try pair.verbalizer.decoder.mergeAdapters(precision: options.precision)
        try pair.reconstructor.decoder.mergeAdapters(precision: options.precision)
        let target = Pair.folders(URL(fileURLWithPath: options.pair)).target
        try AtomicFolder.write(to: folder.model) { partial in
            let folders = Pair.folders(partial)
            try pair.verbalizer.write(to: folders.verbalizer)
            try pair.reconstructor.write(to: folders.reconstructor)
            if FileManager.default.fileExists(atPath: target.path) {
                try FileManager.default.createSymbolicLink(
                    at: folders.target, withDestinationURL: target.resolvingSymlinksInPath().absoluteURL)
            }
        }
    }
}
