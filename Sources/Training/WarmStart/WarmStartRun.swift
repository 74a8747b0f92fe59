import Autoencoder
import Foundation
import JSON
import LanguageModel
import Tensors

/// How a warm start ended.
public enum WarmStartOutcome: Sendable {
    /// The model folder is written.
    case finished(Metrics)
    /// An earlier process had finished it.
    case finishedBefore
    /// A signal asked to stop; the run can be resumed.
    case interrupted(step: Int, signal: Int32)
}

/// One run of `nla train av` or `nla train ar`, from its options to a model folder.
public struct WarmStartRun<Stage: WarmStartStage> {
    let options: WarmStartOptions<Stage>
    let folder: RunFolder

    /// Takes hold of the run's folder. Throws one-line errors.
    public init(_ options: WarmStartOptions<Stage>, in url: URL) throws {
        try options.check()
        self.options = options
        folder = try RunFolder(url, options)
    }

    /// The step that the run goes on from; 0 at its beginning.
    public var firstStep: Int { folder.latest?.step ?? 0 }

    /// What both kinds of run need.
    struct Material {
        let target: URL
        let identity: Sidecar.Target
        let store: ActivationStore
        let training: TaughtRows
        let heldOut: TaughtRows
        let variance: RawVariance
    }

    func material() throws -> Material {
        if let threads = options.threads { Machine.threads = threads }
        let target = try ModelLocation.resolve(options.target)
        let hash = try TargetHash.compute(Checkpoint(folder: target))
        // A run that goes on has read every byte before.
        let store = try ActivationStore(
            folder: URL(fileURLWithPath: options.store), target: hash, verifying: firstStep == 0)
        let explanations = URL(fileURLWithPath: options.explanations)
        let heldOut = try TaughtRows(store, split: options.heldOut, explanations: explanations)
        return Material(
            target: target, identity: Sidecar.Target(hash: hash, name: options.targetName ?? target.lastPathComponent),
            store: store,
            training: try TaughtRows(store, split: options.split, explanations: explanations), heldOut: heldOut,
            variance: try store.rawVariance(ofSplit: options.heldOut))
    }

    func train(
        _ trainer: any Trainer, interruption: Interruption, progress: @escaping (TrainingProgress) -> Void,
        write: (URL) throws -> Void
    ) throws -> WarmStartOutcome {
        var last = Metrics()
        let loop = TrainingLoop(trainer, in: folder, options.cadence, interruption: interruption) {
            if $0.step == options.steps { last = $0.metrics }
            progress($0)
        }
        if case .interrupted(let step, let signal) = try loop.run() { return .interrupted(step: step, signal: signal) }
        try write(folder.model)
        return .finished(last)
    }
}

extension WarmStartRun where Stage == VerbalizerStage {
    /// Trains to the end and writes the verbalizer.
    public func run(
        interruption: Interruption = Interruption(), progress: @escaping (TrainingProgress) -> Void = { _ in }
    ) throws -> WarmStartOutcome {
        guard !folder.isFinished else { return .finishedBefore }
        let material = try material()
        let recipe = options.recipe(layer: material.store.manifest.settings.layerIndex)
        let verbalizer = try Verbalizer.fresh(from: material.target, recipe, target: material.identity)
        verbalizer.sidecar.variance = material.variance
        if let adapters = options.adapters {
            try verbalizer.decoder.attachAdapters(adapters, seed: options.seed, precision: options.precision)
        }
        let judge = try options.reconstructor.map {
            let reader = try Reconstructor(folder: URL(fileURLWithPath: $0), precision: options.precision)
            try material.store.check(layer: reader.sidecar.layer, of: $0)
            return ExplanationJudge(reader, material.variance)
        }
        let trainer = VerbalizerTrainer(
            verbalizer, material.store, training: material.training, heldOut: material.heldOut, judge: judge, options)
        return try train(trainer, interruption: interruption, progress: progress) { url in
            try verbalizer.decoder.mergeAdapters(precision: options.precision)
            try verbalizer.write(to: url)
        }
    }
}

extension WarmStartRun where Stage == ReconstructorStage {
    /// Trains to the end and writes the reconstructor.
    public func run(
        interruption: Interruption = Interruption(), progress: @escaping (TrainingProgress) -> Void = { _ in }
    ) throws -> WarmStartOutcome {
        guard !folder.isFinished else { return .finishedBefore }
        let material = try material()
        let recipe = options.recipe(layer: material.store.manifest.settings.layerIndex)
        let reconstructor = try Reconstructor.fresh(from: material.target, recipe, target: material.identity)
        reconstructor.sidecar.variance = material.variance
        if let adapters = options.adapters {
            try reconstructor.decoder.attachAdapters(adapters, seed: options.seed, precision: options.precision)
        }
        let trainer = ReconstructorTrainer(
            reconstructor, material.store, training: material.training, heldOut: material.heldOut, material.variance,
            options)
        return try train(trainer, interruption: interruption, progress: progress) { url in
            try reconstructor.decoder.mergeAdapters(precision: options.precision)
            try reconstructor.write(to: url)
        }
    }
}
