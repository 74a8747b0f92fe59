import Autoencoder
import Foundation
import JointTraining
import LanguageModel
import Runs
import TargetTraining
import Tensors

/// One run of `nla train readable`, from a pair with its target to a target that was trained to be read, with its readers.
public struct ReadableRun {
    private let options: ReadableOptions
    private let folder: RunFolder

    /// Takes hold of the run's folder. Throws one-line errors.
    public init(_ options: ReadableOptions, in url: URL) throws {
        try options.check()
        self.options = options
        folder = try RunFolder(url, options) { try options.inputs() }
    }

    /// The step that the run goes on from; 0 at its beginning.
    public var firstStep: Int { folder.latest?.step ?? 0 }

    /// Trains to the end and writes the pair with its target: `model/av`, `model/ar` and `model/target`.
    ///
    /// - Parameter progress: called after every step.
    /// - Returns: the numbers of the last evaluation.
    public func run(
        interruption: Interruption = Interruption(), progress: @escaping (TrainingProgress) -> Void = { _ in }
    ) throws -> RunOutcome<Metrics> {
        guard !folder.isFinished else { return .finishedBefore }
        if let threads = options.threads { Machine.threads = threads }
        let url = try ModelLocation.pair(options.pair)
        let pair = try Pair(folder: url, precision: options.precision)
        let target = try pair.openTarget(Pair.folders(url).target)
        let decoder = try decoder(target)
        let (training, heldOut) = try LanguageDocuments.open(
            options.data, heldOut: options.heldOut, seed: options.worldSeed)
        func tokenized(_ source: any DocumentSource) throws -> TokenizedDocuments {
            try TokenizedDocuments(source, target.tokenizer, limit: options.documentTokens)
        }
        let verbalizer = pair.verbalizer
        let trainer = ReadableTrainer(
            decoder, pair,
            reference: .model(
                try Verbalizer(
                    verbalizer.source, verbalizer.sidecar, verbalizer.tokenizer, precision: options.precision)),
            training: try tokenized(training), heldOut: try tokenized(heldOut), options)
        var last = try RunHistory(folder.url).steps.last { $0.metrics["splice_damage"] != nil }?.metrics ?? Metrics()
        let loop = TrainingLoop(trainer, in: folder, options.cadence, interruption: interruption) {
            if $0.metrics["splice_damage"] != nil { last = $0.metrics }
            progress($0)
        }
        if case .interrupted(let step, let signal) = try loop.run() { return .interrupted(step: step, signal: signal) }
        try write(pair, decoder, target)
        return .finished(last)
    }

    private func decoder(_ target: Target) throws -> TransformerDecoder {
        guard !options.warmStart else { return try TransformerDecoder(target.checkpoint) }
        return TransformerDecoder(
            untrained: target.checkpoint.configuration, deviation: options.deviation, seed: options.seed)
    }

    /// The readers name the target that they were trained with, under the name of the one that it comes from; what they
    /// knew of that one's activations is gone.
    private func write(_ pair: Pair, _ decoder: TransformerDecoder, _ target: Target) throws {
        try AtomicFolder.write(to: folder.model) { partial in
            let folders = Pair.folders(partial)
            try target.checkpoint.write(decoder, type: target.checkpoint.naturalType(), to: folders.target)
            let written = try Checkpoint(folder: folders.target)
            let identity = Sidecar.TargetIdentity(
                hash: try TargetHash.compute(written), name: pair.verbalizer.sidecar.target?.name)
            pair.verbalizer.sidecar.targetStorage = written.storage
            pair.reconstructor.sidecar.targetStorage = written.storage
            pair.verbalizer.sidecar.target = identity
            pair.verbalizer.sidecar.variance = nil
            pair.reconstructor.sidecar.target = identity
            pair.reconstructor.sidecar.variance = nil
            try pair.verbalizer.write(to: folders.verbalizer)
            try pair.reconstructor.write(to: folders.reconstructor)
        }
    }
}
