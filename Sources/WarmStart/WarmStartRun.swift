import Activations
import Autoencoder
import Evaluation
import Foundation
import LanguageModel
import Runs
import Teaching
import Tensors

/// One run of `nla train av` or `nla train ar`, from its options to a model folder.
public struct WarmStartRun<Stage: WarmStartStage> {
    let options: WarmStartOptions<Stage>
    let folder: RunFolder

    /// Takes hold of the run's folder. Throws one-line errors.
    public init(_ options: WarmStartOptions<Stage>, in url: URL) throws {
        try options.check()
        self.options = options
        folder = try RunFolder(url, options) { try options.inputs() }
    }

    /// The step that the run goes on from; 0 at its beginning.
    public var firstStep: Int { folder.latest?.step ?? 0 }

    /// What both kinds of run need.
    struct TrainingData {
        let target: URL
        let identity: Sidecar.TargetIdentity
        let store: ActivationStore
        let training: TaughtRows
        let heldOut: TaughtRows
        let variance: RawVariance
    }

    func material() throws -> TrainingData {
        if let threads = options.threads { Machine.threads = threads }
        let target = try ModelLocation.resolve(options.target)
        let hash = try TargetHash.compute(ModelSource(folder: target))
        // A run that goes on has read every byte before.
        let store = try ActivationStore(
            folder: DataLocation.folder(options.store), target: hash, verifying: firstStep == 0)
        let teacher = try JSONLTeacher(DataLocation.files(options.explanations))
        return TrainingData(
            target: target,
            identity: Sidecar.TargetIdentity(hash: hash, name: options.targetName ?? target.lastPathComponent),
            store: store,
            training: try TaughtRows(store, split: options.split, teacher),
            heldOut: try TaughtRows(store, split: options.heldOut, teacher),
            variance: try store.rawVariance(ofSplit: options.heldOut))
    }

    /// Trains a fresh copy of the target to the end and writes it.
    ///
    /// - Parameters:
    ///   - make: the copy, from the target's folder, the recipe and the target's identity.
    ///   - trainer: what trains it.
    func run<Half: AutoencoderHalf>(
        _ make: (URL, Recipe, Sidecar.TargetIdentity) throws -> Half,
        trainer: (Half, TrainingData) throws -> any Trainer,
        interruption: Interruption, progress: @escaping (TrainingProgress) -> Void
    ) throws -> RunOutcome<Metrics> {
        guard !folder.isFinished else { return .finishedBefore }
        let material = try material()
        let half = try make(
            material.target, options.recipe(layer: material.store.manifest.settings.layerIndex), material.identity)
        half.sidecar.variance = material.variance
        if let adapters = options.adapters {
            try half.decoder.attachAdapters(adapters, seed: options.seed, precision: options.precision)
        }
        var last = Metrics()
        let loop = try TrainingLoop(
            trainer(half, material), in: folder, options.cadence, interruption: interruption
        ) {
            if $0.step == options.steps { last = $0.metrics }
            progress($0)
        }
        if case .interrupted(let step, let signal) = try loop.run() { return .interrupted(step: step, signal: signal) }
        if options.mergesAdapters {
            try half.decoder.mergeAdapters(precision: options.precision)
            try half.write(to: folder.model, type: nil)
        } else {
            // First, for a run with a model is finished.
            try linkTarget(material.target)
            try half.writeAdapters(to: folder.model)
        }
        return .finished(last)
    }

    /// Puts a link to the target beside the model, where whoever opens an adapter looks for its base.
    private func linkTarget(_ target: URL) throws {
        let link = folder.url.appending(path: "target")
        // What a killed process left.
        if (try? FileManager.default.destinationOfSymbolicLink(atPath: link.path)) != nil {
            try FileManager.default.removeItem(at: link)
        }
        do { try RelativeLink.write(at: link, to: target) } catch {
            throw TrainingError("\(link.path): cannot write: \(error.localizedDescription)")
        }
    }
}

/// What verbalizer and reconstructor have in common: a decoder with a sidecar that are written together.
protocol AutoencoderHalf: AnyObject {
    var sidecar: Sidecar { get set }
    var decoder: TransformerDecoder { get }
    func write(to folder: URL, type: ElementType?) throws
    func writeAdapters(to folder: URL) throws
}

extension Verbalizer: AutoencoderHalf {}
extension Reconstructor: AutoencoderHalf {}

extension WarmStartRun where Stage == VerbalizerStage {
    /// Trains to the end and writes the verbalizer.
    public func run(
        interruption: Interruption = Interruption(), progress: @escaping (TrainingProgress) -> Void = { _ in }
    ) throws -> RunOutcome<Metrics> {
        try run(
            { try Verbalizer.fresh(from: $0, $1, target: $2) },
            trainer: { verbalizer, material in
                VerbalizerTrainer(
                    verbalizer, material.store, training: material.training, heldOut: material.heldOut,
                    judge: try judge(material), options)
            }, interruption: interruption, progress: progress)
    }

    /// Scores explanations while training, with the reconstructor that the options name.
    private func judge(_ material: TrainingData) throws -> ExplanationJudge? {
        try options.reconstructor.map {
            let reader = try Reconstructor(folder: ModelLocation.resolve($0), precision: options.precision)
            try material.store.check(layer: reader.sidecar.layer, of: $0)
            return ExplanationJudge(reader, material.variance)
        }
    }
}

extension WarmStartRun where Stage == ReconstructorStage {
    /// Trains to the end and writes the reconstructor.
    public func run(
        interruption: Interruption = Interruption(), progress: @escaping (TrainingProgress) -> Void = { _ in }
    ) throws -> RunOutcome<Metrics> {
        try run(
            { try Reconstructor.fresh(from: $0, $1, target: $2) },
            trainer: { reconstructor, material in
                ReconstructorTrainer(
                    reconstructor, material.store, training: material.training, heldOut: material.heldOut,
                    material.variance, options)
            }, interruption: interruption, progress: progress)
    }
}
