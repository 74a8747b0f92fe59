import Foundation
import GGUF
import JSON
import Tensors
import Tokenization

extension Checkpoint {
    /// The files of a model folder that belong to its tokenizer.
    public static let tokenizerFiles = [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja", "vocab.json",
        "merges.txt", "tokenizer.model", "added_tokens.json",
    ]
    /// Files beside the weights that make a folder usable, taken over from an existing model when a new one is written.
    ///
    /// - Parameter source: a model folder, or a GGUF file, of which they are made.
    static func companionFiles(_ source: URL) throws -> [(name: String, contents: Data)] {
        if let file = try GGUFLocation.file(source) {
            let tokens = JSONValue.object(try GGUFConfiguration.tokens(GGUFHeader(file)))
            let generation = (
                name: "generation_config.json", contents: Data((tokens.serialized(indent: 2) + "\n").utf8)
            )
            return try tokenizerContents(source) + [generation]
        }
        return try tokenizerContents(source)
            + ["generation_config.json", "LICENSE"].compactMap { name in
                FileManager.default.contents(atPath: source.appendingPathComponent(name).path).map { (name, $0) }
            }
    }

    /// The files of a model's tokenizer: those of its folder, or what a GGUF file's tokenizer makes of them.
    ///
    /// - Parameter source: a model folder, or a GGUF file.
    public static func tokenizerContents(_ source: URL) throws -> [(name: String, contents: Data)] {
        if let made = try Tokenizer.files(ofGGUF: source) { return made }
        return tokenizerFiles.compactMap { name in
            FileManager.default.contents(atPath: source.appendingPathComponent(name).path).map { (name, $0) }
        }
    }

    /// Writes a decoder as a folder that transformers loads: `config.json`, safetensors (in shards beyond `shardBytes`), and
    /// copies of the tokenizer's files.
    ///
    /// The folder appears under its name only when it is complete. It must not exist, or be empty.
    ///
    /// - Parameters:
    ///   - json: the configuration to write; its element type is brought up to date.
    ///   - fileNames: family-independent name ↦ name in the file; names not listed get the usual `model.` prefix.
    ///   - type: the weights' element type in the file.
    ///   - others: tensors that are no part of the decoder, such as a vision tower's.
    ///   - companions: a model folder, or a GGUF file, to take the tokenizer's files from.
    ///   - finish: writes more files into the folder, before it appears under its name.
    public static func write(
        _ decoder: TransformerDecoder, json: JSONValue, fileNames: [String: String] = [:],
        others: [(name: String, tensor: Tensor)] = [], type: ElementType, companions: URL? = nil,
        shardBytes: Int = 5_000_000_000, to folder: URL, finish: (URL) throws -> Void = { _ in }
    ) throws {
        try writeFolder(
            folder, configuration: configurationText(try tied(json, as: decoder), type: type), companions: companions
        ) { partial in
            try writeWeights(
                decoder, fileNames: fileNames, others: others, type: type, shardBytes: shardBytes, to: partial)
            try finish(partial)
        }
    }

    /// A model's folder: `config.json`, the weights that `writeWeights` writes into it, and the tokenizer's files of `companions`. It appears
    /// under its name only when it is complete.
    static func writeFolder(
        _ folder: URL, configuration: String, companions: URL?, _ writeWeights: (_ partial: URL) throws -> Void
    ) throws {
        try checkWritable(folder)
        do {
            try AtomicFolder.write(to: folder) { partial in
                try AtomicFile.write(configuration, to: partial.appendingPathComponent("config.json"))
                for file in try companions.map(companionFiles) ?? [] {
                    try AtomicFile.write(file.contents, to: partial.appendingPathComponent(file.name))
                }
                try writeWeights(partial)
            }
        } catch {
            if error is ModelError || error is TensorFileError || error is GGUFError || error is TokenizerError {
                throw error
            }
            throw ModelError("\(folder.path): cannot write: \(error.localizedDescription)")
        }
    }

    /// Throws if a model cannot be written there: worth asking before a training run whose result goes there.
    public static func checkWritable(_ folder: URL) throws {
        func fail(_ reason: String) -> ModelError { ModelError("\(folder.path): cannot write: \(reason)") }
        let files = FileManager.default
        var isFolder: ObjCBool = false
        if files.fileExists(atPath: folder.path, isDirectory: &isFolder), !isFolder.boolValue {
            throw fail("it is a file; name a new folder")
        }
        if let present = try? files.contentsOfDirectory(atPath: folder.path), !present.isEmpty {
            throw fail("the folder exists and is not empty")
        }
        let parent = folder.deletingLastPathComponent().path
        guard files.fileExists(atPath: parent, isDirectory: &isFolder) else {
            throw fail("the folder \(parent) does not exist; create it first")
        }
        guard isFolder.boolValue else { throw fail("\(parent) is no folder") }
        guard files.isWritableFile(atPath: parent) else { throw fail("the folder \(parent) is read-only") }
    }

    /// Writes this checkpoint's decoder under the names it was read with, and what else the checkpoint holds with it.
    ///
    /// - Parameter finish: writes more files into the folder, before it appears under its name.
    public func write(
        _ decoder: TransformerDecoder, type: ElementType, shardBytes: Int = 5_000_000_000, to folder: URL,
        finish: (URL) throws -> Void = { _ in }
    ) throws {
        try Checkpoint.write(
            decoder, json: json, fileNames: fileNames, others: otherTensors(), type: type, companions: self.folder,
            shardBytes: shardBytes, to: folder, finish: finish)
    }

    /// The configuration with the tie that the decoder has, where it says another: programs that believe the flag alone would take
    /// the wrong matrix.
    static func tied(_ json: JSONValue, as decoder: TransformerDecoder) throws -> JSONValue {
        guard var object = json.object, decoder.output != nil else { return json }
        let ties = decoder.configuration.tiesEmbeddings
        guard try DecoderConfiguration(json: json, source: "config.json").tiesEmbeddings != ties else { return json }
        object[json.settingName("tie_word_embeddings")] = .bool(ties)
        return .object(object)
    }

    /// The text of a `config.json`, with the type of the weights that are written as numbers, and what else is set in it.
    static func configurationText(
        _ json: JSONValue, type: ElementType, setting others: [(key: String, value: JSONValue)] = []
    ) -> String {
        var object = json.object ?? JSONObject()
        // What is written are numbers, unless it says otherwise, and no longer what was quantized from something.
        for key in Quantization.keys + [quantizedFromKey] { object[key] = nil }
        let name = type == .float32 ? "float32" : type == .bfloat16 ? "bfloat16" : "float16"
        // Both dialects name the element type; a file keeps the one it has.
        for key in ["dtype", "torch_dtype"] where object[key] != nil { object[key] = .string(name) }
        if var text = object["text_config"]?.object {
            for key in Quantization.keys { text[key] = nil }
            for key in ["dtype", "torch_dtype"] where text[key] != nil { text[key] = .string(name) }
            object["text_config"] = .object(text)
        }
        if object["dtype"] == nil && object["torch_dtype"] == nil { object["torch_dtype"] = .string(name) }
        for (key, value) in others { object[key] = value }
        return JSONValue.object(object).serialized(indent: 2) + "\n"
    }

    private static func writeWeights(
        _ decoder: TransformerDecoder, fileNames: [String: String], others: [(name: String, tensor: Tensor)],
        type: ElementType,
        shardBytes: Int, to folder: URL
    ) throws {
        var weights = decoder.parameters.map { parameter in
            let plain = parameter.name.hasPrefix("lm_head") ? parameter.name : "model." + parameter.name
            let name = fileNames[parameter.name] ?? plain
            return ShardedWeight(name, byteCount: parameter.storage.count * type.byteCount) {
                .init(name, masterOf: parameter, as: type)
            }
        }
        weights += others.map { name, tensor in
            ShardedWeight(name, byteCount: tensor.byteCount) { .init(name, tensor, as: type) }
        }
        try ShardedWeight.write(weights, shardBytes: shardBytes, to: folder)
    }
}

/// Tensors that are written together, into one file of a model's folder.
struct ShardedWeight {
    /// The tensors' names in the file.
    let names: [String]
    /// Bytes that they take.
    let byteCount: Int
    /// Makes them, when the turn of their file comes.
    let sources: () throws -> [SafetensorsFile.Source]

    init(_ names: [String], byteCount: Int, _ sources: @escaping () throws -> [SafetensorsFile.Source]) {
        self.names = names
        self.byteCount = byteCount
        self.sources = sources
    }

    init(_ name: String, byteCount: Int, _ source: @escaping () throws -> SafetensorsFile.Source) {
        self.init([name], byteCount: byteCount) { [try source()] }
    }

    /// Writes weights in their order, as `model.safetensors`, or beyond a size as shards with an index.
    static func write(_ weights: [ShardedWeight], shardBytes: Int, to folder: URL) throws {
        var shards: [[ShardedWeight]] = [[]]
        var bytes = 0
        for weight in weights {
            if bytes > 0, bytes + weight.byteCount > shardBytes {
                shards.append([])
                bytes = 0
            }
            shards[shards.count - 1].append(weight)
            bytes += weight.byteCount
        }
        func write(_ shard: [ShardedWeight], _ name: String) throws {
            try SafetensorsFile.write(
                sources: try shard.flatMap { try $0.sources() }, metadata: ["format": "pt"],
                to: folder.appendingPathComponent(name))
        }
        guard shards.count > 1 else { return try write(shards[0], "model.safetensors") }
        var map = JSONObject()
        for (index, shard) in shards.enumerated() {
            let name = String(format: "model-%05d-of-%05d.safetensors", index + 1, shards.count)
            try write(shard, name)
            for weight in shard.flatMap(\.names) { map[weight] = .string(name) }
        }
        let total = weights.reduce(0) { $0 + $1.byteCount }
        let index: JSONValue = ["metadata": ["total_size": .integer(total)], "weight_map": .object(map)]
        try AtomicFile.write(
            index.serialized(indent: 2) + "\n", to: folder.appendingPathComponent("model.safetensors.index.json"))
    }
}
