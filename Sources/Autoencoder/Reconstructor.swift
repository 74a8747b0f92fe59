import Foundation
import JSON
import LanguageModel
import Tensors
import Tokenization

/// The reconstructor (AR): turns an explanation back into an activation.
///
///     let reconstructor = try Reconstructor(folder: ar, precision: .native)
///     let vectors = try reconstructor.reconstruct(["a rhyme is due, and it ends in -ouse"])
///
/// The target cut to blocks 0...K without final norm, and a bias-free linear head read at the last token (docs/method.md §1). Used by
/// one thread at a time.
public final class Reconstructor {
    /// What it came from: a checkpoint, its own or its target's for a fresh one, or an adapter over one.
    package let source: ModelSource
    /// The checkpoint it came from.
    public var checkpoint: Checkpoint { source.checkpoint }
    /// What it knows beside its weights.
    public var sidecar: Sidecar
    /// Text to ids.
    public let tokenizer: Tokenizer
    /// Blocks 0...K; adapters may be attached to it.
    public let decoder: TransformerDecoder
    /// The head, [d, d].
    public let head: Parameter
    /// Its bias, [d]: the method has none, some published pairs have one.
    public let headBias: Parameter?
    /// The folder it came from; its checkpoint's, unless that is the base of an adapter.
    public var folder: URL { source.folder }
    /// Whether its blocks are a base's with a PEFT folder's adapter.
    package var isAdapted: Bool { source.adapter != nil }
    /// What it computes in.
    public private(set) var precision: Precision
    /// What stands before and behind the explanation.
    private let template: (before: String, behind: String)

    /// The file of the head in an AR folder, and the tensors in it.
    static let headFile = "value_head.safetensors", headName = "weight", biasName = "bias"

    /// Opens a folder, a whole model's or a PEFT adapter's, and checks its sidecar against its configuration and its tokenizer.
    /// Throws one-line errors.
    ///
    /// - Parameter supplement: what the user adds to the sidecar.
    public convenience init(
        folder: URL, precision: Precision? = nil, _ supplement: SidecarSupplement = SidecarSupplement()
    ) throws {
        var sidecar = try Sidecar(folder: folder, supplement)
        try sidecar.expect(.reconstructor, folder)
        let source = try ModelSource(folder: folder, base: supplement.base, fallback: Pair.target(beside: folder))
        sidecar.inferences += source.inferences
        let count = source.checkpoint.configuration.blockCount
        if source.adapter == nil {
            guard count == sidecar.layer + 1 else {
                throw ModelError(
                    "\(folder.path): config.json has \(count) blocks, a reconstructor of layer \(sidecar.layer) has \(sidecar.layer + 1)"
                )
            }
        } else if count <= sidecar.layer {
            throw ModelError(
                "\(source.checkpoint.folder.path): has \(count) blocks, a reconstructor of layer \(sidecar.layer) needs \(sidecar.layer + 1); it is not the base"
            )
        }
        let (head, bias) = try Reconstructor.head(folder, width: source.checkpoint.configuration.hiddenSize)
        try self.init(
            source, sidecar, Tokenizer(folder: source.tokenizerFolder), head: head, bias: bias, precision: precision)
    }

    /// The head's weight [d, d], and its bias [d] if it has one, under these names or behind a module's name.
    private static func head(_ folder: URL, width: Int) throws -> (weight: Tensor, bias: Tensor?) {
        let url = folder.appendingPathComponent(headFile)
        guard FileManager.default.fileExists(atPath: url.path) else {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            if let other = names.sorted().first(where: { $0.hasPrefix("value_head.") }) {
                throw ModelError(
                    "\(url.path): missing, but \(other); save the head in this format: safetensors.torch.save_file({\"weight\": …}, \"\(headFile)\")"
                )
            }
            throw ModelError("\(url.path): missing; a reconstructor needs its head")
        }
        let file = try SafetensorsFile(url)
        func tensor(_ name: String, _ shape: [Int]) throws -> (name: String, tensor: Tensor)? {
            let names = file.names.filter { $0 == name || $0.hasSuffix(".\(name)") }
            guard names.count <= 1 else {
                throw ModelError(
                    "\(url.path): \(names.prefix(3).joined(separator: " and ")) are two heads; one must go")
            }
            guard let found = names.first else { return nil }
            let tensor = try file.requiredTensor(found)
            guard tensor.shape == shape, tensor.elementType.isFloatingPoint else {
                throw ModelError("\(url.path): \(found) is \(tensor.elementType) \(tensor.shape), not \(shape)")
            }
            return (found, tensor)
        }
        let weight = try tensor(headName, [width, width]), bias = try tensor(biasName, [width])
        if let other = file.names.first(where: { $0 != weight?.name && $0 != bias?.name }) {
            throw ModelError(
                "\(url.path): holds \(other); a head is one linear layer, \(headName) and perhaps \(biasName), and nothing else is computed"
            )
        }
        guard let weight else { throw ModelError("\(url.path): has no tensor \(headName)") }
        return (weight.tensor, bias?.tensor)
    }

    /// A reconstructor on the first blocks of a checkpoint. Without a precision it computes in the weights' own.
    public convenience init(
        _ checkpoint: Checkpoint, _ sidecar: Sidecar, _ tokenizer: Tokenizer, head: Tensor, bias: Tensor? = nil,
        precision: Precision? = nil
    ) throws {
        try self.init(
            ModelSource(checkpoint), sidecar, tokenizer, head: head, bias: bias, precision: precision)
    }

    /// The same on a checkpoint or an adapter over one.
    public init(
        _ model: ModelSource, _ sidecar: Sidecar, _ tokenizer: Tokenizer, head: Tensor, bias: Tensor? = nil,
        precision: Precision? = nil
    ) throws {
        let checkpoint = model.checkpoint
        let source = model.folder.path, configuration = checkpoint.configuration
        guard sidecar.width == configuration.hiddenSize else {
            throw ModelError(
                "\(source): the sidecar's d_model is \(sidecar.width), the model's width \(configuration.hiddenSize); they do not belong together"
            )
        }
        guard let pieces = sidecar.reconstructorTemplate?.pieces(around: "explanation"), pieces.count == 2 else {
            throw ModelError("\(source): the reconstructor's template must hold {explanation} exactly once")
        }
        self.source = model
        self.sidecar = sidecar
        self.tokenizer = tokenizer
        template = (pieces[0], pieces[1])
        self.precision = try precision ?? checkpoint.naturalPrecision()
        self.head = Parameter(name: "value_head.weight", head)
        headBias = bias.map { Parameter(name: "value_head.bias", $0) }
        decoder = try model.decoder(blockCount: sidecar.layer + 1)
        let suffix = sidecar.reconstructorSuffix
        let tail = Array(ids(of: "x").suffix(suffix.count))
        guard tail == suffix else {
            throw ModelError(
                "\(source): the reconstructor's prompt ends with the tokens \(tail), the sidecar's critic_suffix_ids say \(suffix); the template or the tokenizer has changed"
            )
        }
    }

    /// A new reconstructor: the target's first blocks, the identity as head, and a sidecar made for its tokenizer.
    public static func fresh(
        from target: URL, _ recipe: Recipe = Recipe(), target identity: Sidecar.TargetIdentity? = nil,
        precision: Precision? = nil
    ) throws -> Reconstructor {
        let source = try ModelSource(folder: target), tokenizer = try Tokenizer(folder: source.tokenizerFolder)
        let sidecar = try recipe.sidecar(.reconstructor, source.checkpoint, tokenizer, target: identity)
        let fresh = try Reconstructor(
            source, sidecar, tokenizer, head: .identity(sidecar.width), precision: precision)
        // The target's adapter is a part of the weights that learn.
        if source.adapter != nil { try fresh.decoder.mergeAdapters(precision: fresh.precision) }
        return fresh
    }

    private var tokenizerFolder: URL { ModelSource.tokenizerFolder(folder, else: checkpoint.folder) }

    /// The ids that the reconstructor reads for an explanation: the filled template with special tokens.
    public func ids(of explanation: String) -> [Int32] {
        tokenizer.encode(template.before + explanation + template.behind)
    }

    /// Activations [n, d], float32, for explanations (without their tags). Throws if the model computes NaN.
    ///
    /// - Parameter rowsPerPass: tokens of one pass.
    public func reconstruct(_ explanations: [String], rowsPerPass: Int = 1024) throws -> Tensor {
        let prompts = explanations.map(ids)
        let vocabulary = decoder.configuration.vocabularySize
        if let id = prompts.joined().first(where: { Int($0) >= vocabulary }) {
            throw ModelError(
                "\(checkpoint.folder.path): token \(id) is outside the model's vocabulary of \(vocabulary); tokenizer and weights do not belong together"
            )
        }
        let result = Tensor(zeros: [explanations.count, sidecar.width])
        for range in Passes.split(prompts.map(\.count), limit: rowsPerPass) {
            let tape = Tape(recording: false, precision: precision)
            let vectors = forward(Array(prompts[range]), tape: tape).value
            if vectors.firstNonFinite() != nil { throw checkpoint.nonFiniteError("in a reconstruction") }
            tape.store(vectors, in: result, rows: [range])
        }
        return result
    }

    /// Activations [n, d], float32, for prompts as `ids(of:)` makes them: the differentiable way.
    ///
    /// What all prompts begin with is computed once; the last block computes only the last tokens.
    public func forward(_ prompts: [[Int32]], tape: Tape) -> Variable {
        require(!prompts.isEmpty && prompts.allSatisfy { !$0.isEmpty }, "nothing to reconstruct")
        var tree = TokenTree()
        // Each keeps a token of its own to be read at.
        let shortest = (prompts.map(\.count).min() ?? 1) - 1
        let common =
            prompts.count == 1
            ? 0 : (0..<shortest).first { index in prompts.contains { $0[index] != prompts[0][index] } } ?? shortest
        let shared = common > 0 ? tree.append(Array(prompts[0][..<common])) : nil
        let last = prompts.map { prompt in
            let segment = tree.append(Array(prompt[common...]), after: shared)
            return Int32(tree.segments[segment].rows.upperBound - 1)
        }
        let hidden = decoder.hidden(tree, rows: last, tape: tape)
        let input = tape.precision == .float32 ? hidden : tape.scaled(hidden, by: 1, to: tape.precision.elementType)
        return tape.linear(input, LinearOperand(weight: head, bias: headBias))
    }

    /// Every weight, the head's included, and every adapter's.
    public var parameters: [Parameter] { decoder.parameters + decoder.adapterParameters + headParameters }

    /// The head's weight and, if it has one, its bias.
    var headParameters: [Parameter] { [head, headBias].compactMap { $0 } }

    /// Makes every weight trainable, with private copies that compute in `precision`. With adapters attached, only these and the
    /// head learn.
    public func makeTrainable(precision: Precision) {
        self.precision = precision
        let adapters = decoder.adapterParameters
        if adapters.isEmpty {
            decoder.makeTrainable(precision: precision)
        } else {
            for parameter in adapters { parameter.makeTrainable(precision: precision) }
        }
        for parameter in headParameters { parameter.makeTrainable(precision: precision) }
    }

    /// Writes a folder that `init(folder:)` and transformers load: weights, head, tokenizer, sidecar. Adapters attached since it was
    /// opened are not part of it; those of the PEFT folder that it was opened from become part of the weights. The folder appears under its name when it is complete; it must not exist, or be empty.
    public func write(to folder: URL, type: ElementType? = nil) throws {
        let type = try type ?? checkpoint.naturalType()
        if isAdapted { try decoder.mergeAdapters(precision: precision) }
        // transformers wants a final norm; nobody reads behind it.
        var others = try checkpoint.otherTensors()
        if let norm = try checkpoint.tensor("norm.weight") {
            others.append((checkpoint.fileNames["norm.weight"] ?? "model.norm.weight", norm))
        }
        try Checkpoint.write(
            decoder, json: checkpoint.json.cut(toBlocks: sidecar.layer + 1), fileNames: checkpoint.fileNames,
            others: others, type: type, companions: tokenizerFolder, to: folder
        ) { partial in
            try writeHead(type, to: partial)
            try sidecar.write(to: partial)
        }
    }

    /// Writes the adapters that are attached as a PEFT folder with the head, in float32, and the sidecar, which `init(folder:)` opens over
    /// the same base. See ``Verbalizer/writeAdapters(to:)``.
    public func writeAdapters(to folder: URL) throws {
        try AdapterFolder.write(decoder, source, to: folder) { partial in
            try writeHead(.float32, to: partial)
            try sidecar.write(to: partial)
        }
    }

    private func writeHead(_ type: ElementType, to folder: URL) throws {
        var tensors = [(Reconstructor.headName, head.master.converted(to: type))]
        if let headBias { tensors.append((Reconstructor.biasName, headBias.master.converted(to: type))) }
        try SafetensorsFile.write(
            tensors, metadata: ["format": "pt"], to: folder.appendingPathComponent(Reconstructor.headFile))
    }
}

extension Tensor {
    /// The identity matrix, [width, width] float32.
    public static func identity(_ width: Int) -> Tensor {
        var values = [Float](repeating: 0, count: width * width)
        for index in 0..<width { values[index * width + index] = 1 }
        return Tensor(values, shape: [width, width])
    }
}

extension JSONValue {
    /// A `config.json` for the first blocks only, wrapped or not.
    func cut(toBlocks count: Int) -> JSONValue {
        let depth = settingName("num_hidden_layers"), types = settingName("layer_types")
        func cut(_ json: JSONValue) -> JSONValue {
            guard var object = json.object else { return json }
            if object[depth] != nil { object[depth] = .integer(count) }
            if let all = object[types]?.array { object[types] = .array(Array(all.prefix(count))) }
            if let text = object["text_config"] { object["text_config"] = cut(text) }
            return .object(object)
        }
        return cut(self)
    }
}
