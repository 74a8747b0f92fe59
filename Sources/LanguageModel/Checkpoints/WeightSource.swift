import Foundation
import GGUF
import JSON
import Tensors

/// Where a checkpoint's weights lie: safetensors of a folder, or a GGUF file.
enum WeightSource: Sendable {
    /// The file of each tensor, by the tensor's name.
    case safetensors([String: SafetensorsFile])
    case gguf(GGUFWeights)

    /// The tensors' names in the files, sorted.
    var names: [String] {
        switch self {
        case .safetensors(let files): files.keys.sorted()
        case .gguf(let weights): weights.file.names
        }
    }

    /// A tensor under its name in the files; nil where there is none.
    func stored(_ name: String) throws -> StoredWeight? {
        switch self {
        case .safetensors(let files): try files[name]?.tensor(name).map { .tensor($0) }
        case .gguf(let weights): try weights.stored(name)
        }
    }

    /// The file that holds a tensor.
    func place(_ name: String) -> URL? {
        switch self {
        case .safetensors(let files): files[name]?.url
        case .gguf(let weights): weights.file.entries[name]?.url
        }
    }

    /// The family-independent name of a tensor; nil for what is no part of the decoder.
    func canonicalName(_ name: String, _ configuration: DecoderConfiguration) -> String? {
        switch self {
        case .safetensors: configuration.weightName(name)
        case .gguf(let weights): weights.architecture.canonicalName(name)
        }
    }

    /// The name in safetensors of a tensor with a family-independent name.
    func safetensorsName(_ name: String, _ canonical: String) -> String {
        guard case .gguf = self else { return name }
        return canonical.hasPrefix("lm_head.") ? canonical : "model." + canonical
    }
}

// MARK: - Opening

extension WeightSource {
    /// The safetensors of a folder, in one file or in shards with an index.
    init(safetensorsIn folder: URL) throws {
        let single = folder.appendingPathComponent("model.safetensors")
        let index = folder.appendingPathComponent("model.safetensors.index.json")
        if FileManager.default.fileExists(atPath: single.path) {
            let file = try SafetensorsFile(single)
            self = .safetensors(Dictionary(uniqueKeysWithValues: file.entries.keys.map { ($0, file) }))
            return
        }
        guard FileManager.default.fileExists(atPath: index.path) else { throw ModelFolder.weightsMissing(folder) }
        guard let map = try Checkpoint.readJSON(index)["weight_map"]?.object else {
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
        self = .safetensors(result)
    }
}
