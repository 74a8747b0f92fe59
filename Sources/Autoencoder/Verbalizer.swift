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
    /// The checkpoint it came from: its own, or its target's for a fresh one.
    public let checkpoint: Checkpoint
    /// What it knows beside its weights. Its scores and target may be filled in before writing.
    public var sidecar: Sidecar
    /// Text to ids and back.
    public let tokenizer: Tokenizer
    /// The prompt around the activation.
    public let prompt: VerbalizerPrompt
    /// The model; adapters may be attached to it.
    public let decoder: Decoder
    /// What it computes in.
    public private(set) var precision: Precision
    /// How activations enter it.
    public let injection: Injection
    /// Tokens that end a text.
    package let stopTokens: Set<Int32>

    /// Opens a folder, and checks its sidecar against its configuration and its tokenizer. Throws one-line errors.
    public convenience init(folder: URL, precision: Precision? = nil) throws {
        let sidecar = try Sidecar(folder: folder)
        try sidecar.expect(.verbalizer, folder)
        let checkpoint = try Checkpoint(folder: folder)
        try self.init(checkpoint, sidecar, Tokenizer(folder: folder), precision: precision)
    }

    /// A verbalizer on the weights of a checkpoint. Without a precision it computes in the weights' own.
    public init(
        _ checkpoint: Checkpoint, _ sidecar: Sidecar, _ tokenizer: Tokenizer, precision: Precision? = nil
    ) throws {
        let source = checkpoint.folder.path, configuration = checkpoint.configuration
        guard sidecar.width == configuration.hiddenSize else {
            throw ModelError(
                "\(source): the sidecar's d_model is \(sidecar.width), the model's width \(configuration.hiddenSize); they do not belong together"
            )
        }
        guard sidecar.injection == .replace || configuration.blockCount >= 2 else {
            throw ModelError("\(source): \(sidecar.injection.rawValue) adds behind block 0, and the model has no other")
        }
        self.checkpoint = checkpoint
        self.sidecar = sidecar
        self.tokenizer = tokenizer
        self.precision = try precision ?? checkpoint.naturalPrecision()
        prompt = try VerbalizerPrompt(sidecar, tokenizer, source: source)
        if let id = prompt.ids.first(where: { Int($0) >= configuration.vocabularySize }) {
            throw ModelError(
                "\(source): token \(id) of the prompt is outside the model's vocabulary of \(configuration.vocabularySize); tokenizer and weights do not belong together"
            )
        }
        injection = Injection(sidecar.injection, norm: sidecar.injectionScale.norm(width: sidecar.width))
        decoder = try Decoder(checkpoint)
        stopTokens = try TextGenerator.stopTokens(folder: checkpoint.folder, tokenizer: tokenizer)
    }

    /// A new verbalizer: the target's weights, and a sidecar made for its tokenizer.
    public static func fresh(
        from target: URL, _ recipe: Recipe = Recipe(), target identity: Sidecar.Target? = nil,
        precision: Precision? = nil
    ) throws -> Verbalizer {
        let checkpoint = try Checkpoint(folder: target), tokenizer = try Tokenizer(folder: target)
        let sidecar = try recipe.sidecar(.verbalizer, checkpoint, tokenizer, target: identity)
        return try Verbalizer(checkpoint, sidecar, tokenizer, precision: precision)
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

    /// Writes a folder that `init(folder:)` and transformers load: weights, tokenizer, sidecar. Attached adapters are not part of
    /// it. The folder appears under its name when it is complete; it must not exist, or be empty.
    public func write(to folder: URL, type: ElementType? = nil) throws {
        try checkpoint.write(decoder, type: type ?? checkpoint.naturalType(), to: folder) { try sidecar.write(to: $0) }
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

    /// The element type that the weights are stored in.
    public func naturalType() throws -> ElementType { try tensor("embed_tokens.weight")?.elementType ?? .float32 }
}
