import Foundation
import JSON
import Tensors

/// A model folder as Hugging Face lays it out: `config.json` with `model.safetensors`, or an index and its shards. The weights
/// are mapped, read-only, and used where they lie.
public struct Checkpoint: Sendable {
    /// The folder.
    public let folder: URL
    /// `config.json` as it stands.
    public let json: JSONValue
    /// The decoder it describes.
    public let configuration: DecoderConfiguration
    /// Family-independent name ↦ the file's own name, for the text model's tensors.
    public let fileNames: [String: String]
    private let files: [String: SafetensorsFile]
    /// How its weights are quantized; nil if they are numbers.
    let quantization: Quantization?

    /// Opens a folder. Reads the configuration and the headers; no weight is touched, unless the output matrix must be compared
    /// with the embedding that it is said to be. Throws one-line errors.
    public init(folder: URL) throws {
        self.folder = folder
        json = try Checkpoint.readJSON(folder.appendingPathComponent("config.json"))
        var configuration = try DecoderConfiguration(
            json: json, source: folder.appendingPathComponent("config.json").path)
        let type = configuration
        quantization = try Quantization(
            json: json, source: folder.appendingPathComponent("config.json").path,
            layerName: { type.weightName("\($0).weight").map { String($0.dropLast(".weight".count)) } })
        files = try Checkpoint.openFiles(folder)
        var names: [String: String] = [:]
        for name in files.keys.sorted() {
            guard let canonical = configuration.weightName(name) else { continue }
            if let other = names.updateValue(name, forKey: canonical) {
                throw ModelError("\(folder.path): \(other) and \(name) are two tensors for \(canonical); one must go")
            }
        }
        if configuration.tiesEmbeddings {
            configuration.tiesEmbeddings = try Checkpoint.resolveTie(&names, files)
        }
        fileNames = names
        self.configuration = configuration
    }

    /// Whether a model whose configuration ties the output matrix to the embedding does so, as transformers decides it: the tensors
    /// count more than the flag. One of the two may be missing; an own, different output matrix is used.
    private static func resolveTie(_ names: inout [String: String], _ files: [String: SafetensorsFile]) throws -> Bool {
        let (embedding, head) = ("embed_tokens.weight", "lm_head.weight")
        // A quantized output matrix may have no tensor of that name.
        guard let headName = names[head] else { return !names.keys.contains { $0.hasPrefix("lm_head.") } }
        guard let embeddingName = names[embedding] else {
            names[embedding] = headName
            names[head] = nil
            return true
        }
        guard let one = try files[embeddingName]?.tensor(embeddingName),
            let other = try files[headName]?.tensor(headName)
        else { return true }
        return one.shape == other.shape && one.holdsSameNumbers(as: other)
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

    /// The file that holds each tensor.
    private static func openFiles(_ folder: URL) throws -> [String: SafetensorsFile] {
        let single = folder.appendingPathComponent("model.safetensors")
        let index = folder.appendingPathComponent("model.safetensors.index.json")
        if FileManager.default.fileExists(atPath: single.path) {
            let file = try SafetensorsFile(single)
            return Dictionary(uniqueKeysWithValues: file.entries.keys.map { ($0, file) })
        }
        guard FileManager.default.fileExists(atPath: index.path) else {
            throw ModelFolder.weightsMissing(folder)
        }
        guard let map = try readJSON(index)["weight_map"]?.object else {
            throw ModelError("\(index.path): no weight_map")
        }
        var shards: [String: SafetensorsFile] = [:]
        var result: [String: SafetensorsFile] = [:]
        for (name, value) in map {
            guard let shard = value.string, !shard.contains("/"), !shard.isEmpty, shard != ".." else {
                throw ModelError("\(index.path): weight_map: \(name) names no file of this folder")
            }
            if shards[shard] == nil {
                let url = folder.appendingPathComponent(shard)
                guard FileManager.default.fileExists(atPath: url.path) else {
                    throw ModelError("\(index.path): the shard \(shard) is missing from the folder; download it")
                }
                shards[shard] = try SafetensorsFile(url)
            }
            guard let file = shards[shard], file.entries[name] != nil else {
                throw ModelError("\(index.path): \(shard) does not hold \(name), though the index says so")
            }
            result[name] = file
        }
        return result
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

    /// A tensor by its family-independent name, in place, or nil.
    public func tensor(_ name: String) throws -> Tensor? {
        guard let fileName = fileNames[name], let file = files[fileName] else { return nil }
        return try file.tensor(fileName)
    }

    /// What is no part of the text model, under the file's own names.
    public func otherTensors() throws -> [(name: String, tensor: Tensor)] {
        let known = Set(fileNames.values)
        return try files.keys.filter { !known.contains($0) }.sorted().compactMap { name in
            try files[name]?.tensor(name).map { (name, $0) }
        }
    }

    /// A weight of a known shape. Throws if it is missing, of another shape, or not of a floating-point type.
    public func weight(_ name: String, _ shape: [Int]) throws -> Parameter {
        if let quantized = try quantization?.weight(name, shape, self) { return quantized }
        guard let tensor = try tensor(name) else {
            if name == "lm_head.weight" {
                throw ModelError(
                    "\(folder.path): the checkpoint has no output matrix \(name), and config.json (tie_word_embeddings) does not tie it to the embedding; activations can be read from it, but no text or logits computed"
                )
            }
            let held = files.keys.sorted().prefix(3).joined(separator: ", ")
            throw ModelError(
                "\(folder.path): the checkpoint has no tensor \(name), which \(configuration.family) needs; it holds \(files.count) others\(held.isEmpty ? "" : ", such as \(held)"); is the download complete?"
            )
        }
        let fileName = fileNames[name] ?? name
        let place = files[fileName]?.url.path ?? folder.path
        guard tensor.shape == shape else {
            throw ModelError(
                "\(place): \(fileName) has shape \(tensor.shape), config.json asks for \(shape); they do not belong together"
            )
        }
        guard tensor.elementType.isFloatingPoint else {
            throw ModelError(
                "\(place): \(fileName) holds \(tensor.elementType), not weights, and config.json names no quantization of it; download it again"
            )
        }
        return Parameter(name: name, tensor)
    }

    /// Names of weights that hold a NaN or an infinity, up to `limit`: reads every weight, so only once something went wrong.
    public func nonFiniteWeights(limit: Int = 1) throws -> [String] {
        var found: [String] = []
        for (name, fileName) in fileNames.sorted(by: { $0.key < $1.key }) {
            guard let tensor = try tensor(name) else { continue }
            let isDamaged = tensor.elementType.isFloatingPoint ? tensor.firstNonFinite() : tensor.firstBadScale()
            if isDamaged != nil { found.append(fileName) }
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
