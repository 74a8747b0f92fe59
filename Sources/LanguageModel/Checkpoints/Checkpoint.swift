import Foundation
import GGUF
import JSON
import Tensors

/// A model folder as Hugging Face lays it out: `config.json` with `model.safetensors`, or an index and its shards. Or a GGUF file,
/// which has everything in one. The weights are mapped, read-only, and used where they lie.
public struct Checkpoint: Sendable {
    /// The folder, or the GGUF file.
    public let folder: URL
    /// `config.json` as it stands, or what a GGUF file's metadata make of it.
    public let json: JSONValue
    /// The decoder it describes.
    public let configuration: DecoderConfiguration
    /// Family-independent name ↦ the name in safetensors, for the text model's tensors: the file's own, or for GGUF transformers' usual.
    public let fileNames: [String: String]
    let weights: WeightSource
    /// Family-independent name ↦ the name in the files that were opened.
    private let sourceNames: [String: String]
    /// How its weights are quantized; nil if they are numbers, or packed as GGUF files pack them.
    let quantization: Quantization?

    /// Opens a folder, or a GGUF file: the one named, or the only one in a folder without safetensors. Reads the configuration and the
    /// headers; no weight is touched, unless the output matrix must be compared with the embedding that it is said to be. Throws
    /// one-line errors.
    public init(folder: URL) throws {
        if let file = try GGUFLocation.file(folder) {
            try self.init(folder: folder, gguf: GGUFFile(file))
        } else {
            let file = folder.appendingPathComponent("config.json")
            let json = try Checkpoint.readJSON(file)
            let configuration = try DecoderConfiguration(json: json, source: file.path)
            let quantization = try Quantization(
                json: json, source: file.path,
                layerName: { configuration.weightName("\($0).weight").map { String($0.dropLast(".weight".count)) } })
            try self.init(folder, json, configuration, WeightSource(safetensorsIn: folder), quantization)
        }
    }

    private init(folder: URL, gguf file: GGUFFile) throws {
        let architecture = try GGUFArchitecture(file.header)
        let json = try GGUFConfiguration(file: file, architecture: architecture).json()
        let configuration = try DecoderConfiguration(json: json, source: file.url.path)
        try self.init(
            folder, json, configuration,
            .gguf(GGUFWeights(file: file, architecture: architecture, headWidth: configuration.headWidth)), nil)
    }

    private init(
        _ folder: URL, _ json: JSONValue, _ described: DecoderConfiguration, _ weights: WeightSource,
        _ quantization: Quantization?
    ) throws {
        self.folder = folder
        self.json = json
        self.weights = weights
        self.quantization = quantization
        var configuration = described
        var names: [String: String] = [:]
        for name in weights.names {
            guard let canonical = weights.canonicalName(name, configuration) else { continue }
            if let other = names.updateValue(name, forKey: canonical) {
                throw ModelError("\(folder.path): \(other) and \(name) are two tensors for \(canonical); one must go")
            }
        }
        if configuration.tiesEmbeddings {
            configuration.tiesEmbeddings = try Checkpoint.resolveTie(&names, weights)
        }
        sourceNames = names
        fileNames = names.reduce(into: [:]) { $0[$1.key] = weights.safetensorsName($1.value, $1.key) }
        self.configuration = configuration
    }

    /// Whether a model whose configuration ties the output matrix to the embedding does so, as transformers decides it: the tensors
    /// count more than the flag. One of the two may be missing; an own, different output matrix is used.
    private static func resolveTie(_ names: inout [String: String], _ weights: WeightSource) throws -> Bool {
        let (embedding, head) = ("embed_tokens.weight", "lm_head.weight")
        // A quantized output matrix may have no tensor of that name.
        guard let headName = names[head] else { return !names.keys.contains { $0.hasPrefix("lm_head.") } }
        guard let embeddingName = names[embedding] else {
            names[embedding] = headName
            names[head] = nil
            return true
        }
        // Equal codes may have other scales, and a GGUF file has an output matrix only where it is another one.
        guard case .tensor(let one)? = try weights.stored(embeddingName),
            case .tensor(let other)? = try weights.stored(headName)
        else { return false }
        return one.elementType.isFloatingPoint && one.shape == other.shape && one.holdsSameNumbers(as: other)
    }

    static func readJSON(_ url: URL) throws -> JSONValue {
        var isFolder: ObjCBool = false
        let folder = url.deletingLastPathComponent().path
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) else {
            throw ModelError("\(folder): no such folder")
        }
        guard isFolder.boolValue else { throw ModelError("\(folder): a file, not a folder") }
        guard FileManager.default.fileExists(atPath: url.path) else { throw ModelFolder.missing(url) }
        guard let data = FileManager.default.contents(atPath: url.path) else {
            throw ModelError("\(url.path): cannot be read; it must be a readable file")
        }
        do { return try JSONValue.parse(data) } catch {
            let complaint = FileFormat.complaint(of: data, wanted: .json) ?? "\(error); download it again"
            throw ModelError("\(url.path): \(complaint)")
        }
    }

    /// The family-independent name of a weight by transformers' name, which stands in files under several prefixes; inside it has none.
    /// Nil for what is not the text model's. What families have that name their weights otherwise: ``ModelFamily/weightName``.
    public static func canonicalName(_ name: String) -> String? {
        var rest = Substring(name)
        for prefix in ["language_model.", "model.", "language_model."] where rest.hasPrefix(prefix) {
            rest = rest.dropFirst(prefix.count)
        }
        // The output matrix stands outside the model.
        if rest.hasPrefix("lm_head.") { return name.hasPrefix("model.lm_head.") ? nil : String(rest) }
        return ["embed_tokens.", "layers.", "norm."].contains { rest.hasPrefix($0) } ? String(rest) : nil
    }

    /// A tensor by its family-independent name, in place, or nil. Throws where it is packed.
    public func tensor(_ name: String) throws -> Tensor? {
        switch try stored(name) {
        case nil: return nil
        case .tensor(let tensor)?: return tensor
        case .packed(let packed)?:
            throw ModelError(
                "\(place(name)): \(sourceNames[name] ?? name) is packed (\(packed.type.name)), no array of numbers")
        }
    }

    /// A weight by its family-independent name, as it is stored; nil where there is none.
    package func stored(_ name: String) throws -> StoredWeight? {
        try sourceNames[name].flatMap { try weights.stored($0) }
    }

    /// The file that holds a weight, for messages.
    private func place(_ name: String) -> String {
        (sourceNames[name].flatMap { weights.place($0) } ?? folder).path
    }

    /// What is no part of the text model, under the file's own names.
    public func otherTensors() throws -> [(name: String, tensor: Tensor)] {
        guard case .safetensors(let files) = weights else { return [] }
        let known = Set(fileNames.values)
        return try files.keys.filter { !known.contains($0) }.sorted().compactMap { name in
            try files[name]?.tensor(name).map { (name, $0) }
        }
    }

    /// Whether it is a GGUF file.
    public var isGGUF: Bool { if case .gguf = weights { true } else { false } }

    /// Where the shapes come from, for messages.
    private var description: String { isGGUF ? "the metadata" : "config.json" }

    /// A weight of a known shape. Throws if it is missing, of another shape, or not of a floating-point type.
    public func weight(_ name: String, _ shape: [Int]) throws -> Parameter {
        if let quantized = try quantization?.weight(name, shape, self) { return quantized }
        guard let stored = try stored(name) else {
            if name == "lm_head.weight" {
                throw ModelError(
                    "\(folder.path): the checkpoint has no output matrix \(name), and \(description) (tie_word_embeddings) does not tie it to the embedding; activations can be read from it, but no text or logits computed"
                )
            }
            let all = weights.names
            let held = all.prefix(3).joined(separator: ", ")
            throw ModelError(
                "\(folder.path): the checkpoint has no tensor \(name), which \(configuration.family) needs; it holds \(all.count) others\(held.isEmpty ? "" : ", such as \(held)"); is the download complete?"
            )
        }
        let fileName = sourceNames[name] ?? name
        guard stored.shape == shape else {
            throw ModelError(
                "\(place(name)): \(fileName) has shape \(stored.shape), \(description) asks for \(shape); they do not belong together"
            )
        }
        guard stored.isFloatingPoint else {
            throw ModelError(
                "\(place(name)): \(fileName) holds \(stored.typeName), not weights, and \(description) names no quantization of it; download it again"
            )
        }
        return try stored.parameter(name, place: place(name))
    }

    /// Names of weights that hold a NaN or an infinity, up to `limit`: reads every weight, so only once something went wrong.
    public func nonFiniteWeights(limit: Int = 1) throws -> [String] {
        var found: [String] = []
        for (name, fileName) in sourceNames.sorted(by: { $0.key < $1.key }) {
            guard let stored = try stored(name) else { continue }
            if stored.holdsNonFinite() { found.append(fileName) }
            if found.count >= limit { break }
        }
        return found
    }

    /// What to say when the model computed a NaN or an infinity: the weight at fault, if one is.
    ///
    /// - Parameter place: where it was seen, such as `in the logits`.
    public func nonFiniteError(_ place: String) -> ModelError {
        if let weight = try? nonFiniteWeights().first {
            return ModelError(
                "\(folder.path): the weight \(weight) holds NaN or infinity (seen \(place)); download it again",
                nonFinitePlace: place)
        }
        return ModelError(
            "\(folder.path): NaN or infinity \(place), though all weights are finite; try --dtype f32",
            nonFinitePlace: place)
    }
}
