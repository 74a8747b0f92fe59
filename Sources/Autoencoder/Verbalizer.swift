import Foundation
import LanguageModel
import Tensors
import Tokenization

/// The verbalizer (AV): turns an activation into words.
///
///     let verbalizer = try Verbalizer(folder: av, precision: .native)
///     let explanations = try verbalizer.explain(vectors, .init(temperature: 0))
///
/// A full copy of the target; the activation takes the place of one token of a fixed prompt (docs/method.md §2). Used by one thread at
/// a time.
public final class Verbalizer {
    /// What it came from: a checkpoint, its own or its target's for a fresh one, or an adapter over one.
    package let source: ModelSource
    /// The checkpoint it came from.
    public var checkpoint: Checkpoint { source.checkpoint }
    /// The folder it came from; its checkpoint's, unless that is the base of an adapter.
    public var folder: URL { source.folder }
    /// Whether it is a base with a PEFT folder's adapter.
    package var isAdapted: Bool { source.adapter != nil }
    /// What it knows beside its weights. Its scores and target may be filled in before writing.
    public var sidecar: Sidecar
    /// Text to ids and back.
    public let tokenizer: Tokenizer
    /// The prompt around the activation.
    public let prompt: VerbalizerPrompt
    /// The model; adapters may be attached to it.
    public let decoder: TransformerDecoder
    /// What it computes in.
    public private(set) var precision: Precision
    /// How activations enter it.
    public let injection: Injection
    /// Tokens that end a text.
    package let stopTokens: Set<Int32>

    /// Opens a folder, a whole model's or a PEFT adapter's, and checks its sidecar against its configuration and its tokenizer.
    /// Throws one-line errors.
    ///
    /// - Parameter supplement: what the user adds to the sidecar.
    public convenience init(
        folder: URL, precision: Precision? = nil, _ supplement: SidecarSupplement = SidecarSupplement()
    ) throws {
        var sidecar = try Sidecar(folder: folder, supplement)
        try sidecar.expect(.verbalizer, folder)
        let source = try ModelSource(folder: folder, base: supplement.base, fallback: Pair.target(beside: folder))
        sidecar.inferences += source.inferences
        try self.init(source, sidecar, Tokenizer(folder: source.tokenizerFolder), precision: precision)
    }

    /// A verbalizer on the weights of a checkpoint. Without a precision it computes in the weights' own.
    public convenience init(
        _ checkpoint: Checkpoint, _ sidecar: Sidecar, _ tokenizer: Tokenizer, precision: Precision? = nil
    ) throws {
        try self.init(ModelSource(checkpoint), sidecar, tokenizer, precision: precision)
    }

    /// The same on a checkpoint or an adapter over one.
    public init(
        _ model: ModelSource, _ sidecar: Sidecar, _ tokenizer: Tokenizer, precision: Precision? = nil
    ) throws {
        let checkpoint = model.checkpoint
        let source = model.folder.path, configuration = checkpoint.configuration
        guard sidecar.width == configuration.hiddenSize else {
            throw ModelError(
                "\(source): the sidecar's d_model is \(sidecar.width), the model's width \(configuration.hiddenSize); they do not belong together"
            )
        }
        // What is added to the last block's output reaches no later token.
        guard sidecar.injection == .replace || sidecar.injectionBlock + 1 < configuration.blockCount else {
            throw ModelError(
                "\(source): \(sidecar.injection.rawValue) adds to the output of block \(sidecar.injectionBlock), behind which another is needed; the model has blocks 0...\(configuration.blockCount - 1)"
            )
        }
        self.source = model
        self.sidecar = sidecar
        self.tokenizer = tokenizer
        self.precision = try precision ?? checkpoint.naturalPrecision()
        prompt = try VerbalizerPrompt(sidecar, tokenizer, source: source)
        if let id = prompt.ids.first(where: { Int($0) >= configuration.vocabularySize }) {
            throw ModelError(
                "\(source): token \(id) of the prompt is outside the model's vocabulary of \(configuration.vocabularySize); tokenizer and weights do not belong together"
            )
        }
        injection = Injection(
            sidecar.injection, norm: sidecar.injectionScale.norm(width: sidecar.width), block: sidecar.injectionBlock)
        decoder = try model.decoder()
        stopTokens = try TextGenerator.stopTokens(folder: checkpoint.folder, tokenizer: tokenizer)
    }

    /// A new verbalizer: the target's weights, and a sidecar made for its tokenizer.
    public static func fresh(
        from target: URL, _ recipe: Recipe = Recipe(), target identity: Sidecar.TargetIdentity? = nil,
        precision: Precision? = nil
    ) throws -> Verbalizer {
        let source = try ModelSource(folder: target), tokenizer = try Tokenizer(folder: source.tokenizerFolder)
        let sidecar = try recipe.sidecar(.verbalizer, source.checkpoint, tokenizer, target: identity)
        let fresh = try Verbalizer(source, sidecar, tokenizer, precision: precision)
        // The target's adapter is a part of the weights that learn.
        if source.adapter != nil { try fresh.decoder.mergeAdapters(precision: fresh.precision) }
        return fresh
    }

    /// Every weight, and every adapter's.
    public var parameters: [Parameter] { decoder.parameters + decoder.adapterParameters }

    /// Makes every weight trainable, with private copies that compute in `precision`. With adapters attached, only these learn.
    public func makeTrainable(precision: Precision) {
        self.precision = precision
        let adapters = decoder.adapterParameters
        guard adapters.isEmpty else { return adapters.forEach { $0.makeTrainable(precision: precision) } }
        decoder.makeTrainable(precision: precision)
    }

    /// Writes a folder that `init(folder:)` and transformers load: weights, tokenizer, sidecar. Adapters attached since it was opened
    /// are not part of it; those of the PEFT folder that it was opened from become part of the weights. The folder appears under its name when it is complete; it must not exist, or be empty.
    public func write(to folder: URL, type: ElementType? = nil) throws {
        if isAdapted { try decoder.mergeAdapters(precision: precision) }
        try Checkpoint.write(
            decoder, json: checkpoint.json, fileNames: checkpoint.fileNames, others: checkpoint.otherTensors(),
            type: type ?? checkpoint.naturalType(),
            companions: ModelSource.tokenizerFolder(self.folder, else: checkpoint.folder), to: folder
        ) { try sidecar.write(to: $0) }
    }

    /// Writes the adapters that are attached as a PEFT folder with the sidecar, which `init(folder:)` opens over the same base: no weight of
    /// the base is copied, and the tokenizer is the base's. The folder names no base; it is looked for beside it, under the name
    /// `target`, or given. The folder appears under its name when it is complete; it must not exist, or be empty.
    ///
    /// - Throws: a one-line error where no adapter is attached, or where the one that it was opened from changes whole modules too.
    public func writeAdapters(to folder: URL) throws {
        try AdapterFolder.write(decoder, source, to: folder) { try sidecar.write(to: $0) }
    }

    /// Vectors in float32, of the right width. Throws otherwise.
    func checked(_ vectors: Tensor) throws -> Tensor {
        guard vectors.shape.count == 2, vectors.elementType.isFloatingPoint else {
            throw ModelError("vectors are [n, \(sidecar.width)] floating-point numbers, these are \(vectors.shape)")
        }
        guard vectors.width == sidecar.width else {
            throw ModelError(
                "the vectors have \(vectors.width) numbers each, this autoencoder reads \(sidecar.width); they come from another model"
            )
        }
        return vectors.converted(to: .float32)
    }
}

extension Checkpoint {
    /// float32 for float32 weights; for others what the CPU does best.
    public func naturalPrecision() throws -> Precision { try naturalType() == .float32 ? .float32 : .native }

    /// The element type that the weights are stored in; bfloat16 where they are packed or quantized.
    public func naturalType() throws -> ElementType {
        guard let stored = try stored("embed_tokens.weight") else { return .float32 }
        return stored.elementType.flatMap { $0.isFloatingPoint ? $0 : nil } ?? .bfloat16
    }
}
