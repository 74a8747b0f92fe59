import Foundation
import LanguageModel
import Tensors
import Tokenization

/// A verbalizer with its reconstructor, as they lie in one folder: `av/`, `ar/` and, optionally, `target/`.
public struct Pair {
    /// activation → text
    public let verbalizer: Verbalizer
    /// text → activation
    public let reconstructor: Reconstructor

    /// The folders of a pair.
    public static func folders(_ folder: URL) -> (verbalizer: URL, reconstructor: URL, target: URL) {
        (
            folder.appendingPathComponent("av"), folder.appendingPathComponent("ar"),
            folder.appendingPathComponent("target")
        )
    }

    /// The target that lies beside a half of a pair.
    static func target(beside half: URL) -> URL { half.deletingLastPathComponent().appendingPathComponent("target") }

    /// Opens both, and checks that they belong together. Without a precision each computes in its weights' own.
    ///
    /// - Parameter supplement: what the user adds to the sidecars.
    public init(
        folder: URL, precision: Precision? = nil, _ supplement: SidecarSupplement = SidecarSupplement()
    ) throws {
        let folders = Pair.folders(folder)
        for (name, url) in [("av", folders.verbalizer), ("ar", folders.reconstructor)] {
            guard FileManager.default.fileExists(atPath: url.path) else {
                throw ModelError(
                    "\(folder.path): has no folder \(name); av/ with the verbalizer and ar/ with the reconstructor are needed"
                )
            }
        }
        try self.init(
            verbalizer: folders.verbalizer, reconstructor: folders.reconstructor, precision: precision, supplement)
    }

    /// Opens two folders as a pair. A verbalizer whose sidecar names no layer takes the reconstructor's.
    public init(
        verbalizer: URL, reconstructor: URL, precision: Precision? = nil,
        _ supplement: SidecarSupplement = SidecarSupplement()
    ) throws {
        // A folder of the wrong kind is named before its other half is opened.
        let reader = try Sidecar(folder: reconstructor, supplement)
        try reader.expect(.reconstructor, reconstructor)
        var own = supplement
        own.reconstructorLayer = reader.layer
        try self.init(
            Verbalizer(folder: verbalizer, precision: precision, own),
            Reconstructor(folder: reconstructor, precision: precision, supplement))
    }

    /// What the files leave open and was found elsewhere, a line each.
    public var inferences: [String] {
        verbalizer.sidecar.inferences.map { "verbalizer: \($0)" }
            + reconstructor.sidecar.inferences.map { "reconstructor: \($0)" }
    }

    /// Two that are open already. Throws if they do not read the same activations.
    public init(_ verbalizer: Verbalizer, _ reconstructor: Reconstructor) throws {
        let av = verbalizer.sidecar, ar = reconstructor.sidecar
        func differ(_ what: String, _ a: Any, _ b: Any) -> ModelError {
            ModelError(
                "\(verbalizer.folder.path) and \(reconstructor.folder.path) do not belong together: \(what) \(a) and \(b)"
            )
        }
        guard av.width == ar.width else { throw differ("d_model", av.width, ar.width) }
        guard av.layer == ar.layer else { throw differ("layer", av.layer, ar.layer) }
        if let a = av.target?.hash, let b = ar.target?.hash, a != b {
            throw differ("target hash", a.prefix(12), b.prefix(12))
        }
        self.verbalizer = verbalizer
        self.reconstructor = reconstructor
    }

    /// The hash of the target both were trained on, if it was recorded.
    public var targetHash: String? { verbalizer.sidecar.target?.hash ?? reconstructor.sidecar.target?.hash }

    /// The recorded denominator of FVE.
    public var variance: RawVariance? { reconstructor.sidecar.variance ?? verbalizer.sidecar.variance }

    /// How the weights of the target were stored that both were trained on, if it was recorded.
    public var targetStorage: String? { verbalizer.sidecar.targetStorage ?? reconstructor.sidecar.targetStorage }

    /// Opens a target for this pair. Throws if it is too shallow, of another width, or not the one whose hash was recorded.
    ///
    /// The hash is that of the weights with the adapter, or of those alone: an adapter over the target that the pair was trained on is the
    /// user's own wish, for those who allow one.
    ///
    /// - Parameters:
    ///   - base: the base of a folder that holds an adapter.
    ///   - adapter: a PEFT folder over the model of `folder`.
    ///   - allowsAdapter: whether there may be an adapter.
    ///   - storage: which weights may stand in for those whose hash was recorded.
    ///   - progress: called with the share of the weights hashed, for large ones.
    public func openTarget(
        _ folder: URL, base: URL? = nil, adapter: URL? = nil, allowsAdapter: Bool = false,
        storage: TargetStorage = .recorded,
        progress: @escaping @Sendable (Double) -> Void = { _ in }
    ) throws -> Target {
        var target = try Target(folder: folder, layer: verbalizer.sidecar.layer, base: base, adapter: adapter)
        guard allowsAdapter || target.adapter == nil else {
            throw ModelError(
                "\(folder.path): this is an adapter, and a whole model is needed here: merge it (merge_and_unload) and give the result"
            )
        }
        let configuration = target.checkpoint.configuration
        guard configuration.hiddenSize == verbalizer.sidecar.width else {
            throw ModelError(
                "\(folder.path): the model's width is \(configuration.hiddenSize), this autoencoder reads \(verbalizer.sidecar.width); it is not the target"
            )
        }
        var isRecorded: Bool?
        if let wanted = targetHash?.lowercased() {
            let found = try TargetHash.accepted(target.checkpoint, progress: progress)
            let isAdapted = try target.adapter != nil && TargetHash.accepted(target.source).contains(wanted)
            isRecorded = isAdapted || found.contains(wanted)
            guard isRecorded == true || storage.allows(target.checkpoint.quantizedFrom, for: wanted) else {
                throw ModelError(
                    "\(folder.path): is not the model this autoencoder reads: its content hash is \(found[0].prefix(12))…, the sidecar says \(wanted.prefix(12))…"
                        + TargetStorage.hint(target.checkpoint))
            }
        }
        target.storageNote = TargetStorage.note(
            target.checkpoint.storage, trainedOn: targetStorage, isRecorded: isRecorded)
        return target
    }
}

/// The frozen model whose activations are read: text → activation.
public struct Target {
    /// The model: a checkpoint, or an adapter over one.
    public let source: ModelSource
    /// Its folder's contents, or its base's.
    public var checkpoint: Checkpoint { source.checkpoint }
    /// The folder of an adapter over the checkpoint, if it has one.
    public var adapter: URL? { source.adapter }
    /// Its tokenizer.
    public let tokenizer: Tokenizer
    /// K.
    public let layer: Int
    /// Where its weights are stored in another way than those of the target that the pair was trained on: what to say of scores, in one line.
    public internal(set) var storageNote: String?

    /// Opens a model's folder with an adapter over it or without, or a PEFT adapter's alone. Throws if it has no block `layer`.
    public init(folder: URL, layer: Int, base: URL? = nil, adapter: URL? = nil) throws {
        source = try ModelSource(folder: folder, adapter: adapter, base: base)
        let count = source.checkpoint.configuration.blockCount
        guard layer < count else {
            throw ModelError(
                "\(folder.path): has blocks 0...\(count - 1), this autoencoder reads at the output of block \(layer)"
            )
        }
        tokenizer = try Tokenizer(folder: source.tokenizerFolder)
        self.layer = layer
    }

    /// The model, its adapter attached.
    public func decoder(blockCount: Int? = nil) throws -> TransformerDecoder {
        try source.decoder(blockCount: blockCount)
    }

    /// The activations [n, d] at the output of block K at some positions, negative ones from the end. Computes no later block.
    public func activations(_ ids: [Int32], positions: [Int], precision: Precision? = nil) throws -> Tensor {
        let decoder = try decoder(blockCount: layer + 1)
        let extractor = ActivationExtractor(
            checkpoint, decoder, precision: try precision ?? checkpoint.naturalPrecision())
        let result = try extractor.extract([ids], .init(layers: [layer], positions: positions))
        guard let activations = result.hidden[layer] else { trap("no activations at the output of block \(layer)") }
        return activations
    }
}
