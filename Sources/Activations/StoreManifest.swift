import Autoencoder
import Foundation
import JSON
import LanguageModel
import Tensors

/// What the activations of a store are of; equal for all of its shards.
public struct StoreSettings: Sendable, Equatable {
    /// Width d of the vectors.
    public var hiddenSize: Int
    /// The block K behind which they were read, 0-based.
    public var layerIndex: Int
    /// SHA-256 of the target, in hexadecimal.
    public var targetHash: String
    /// SHA-256 of the tokenizer.json that made the tokens.
    public var tokenizerHash: String
    /// How the vectors are stored: float32 or bfloat16. They are never normalized.
    public var elementType: ElementType
    /// Seed of the random positions.
    public var seed: UInt64
    /// Which positions were read.
    public var positions: PositionPolicy
    /// How the target's weights were stored (`Checkpoint.storage`); nil where it was not recorded.
    public var targetStorage: String?
    /// SHA-256 of the model that the target says it was quantized from.
    public var targetOrigin: String?

    /// Settings.
    public init(
        hiddenSize: Int, layerIndex: Int, targetHash: String, tokenizerHash: String,
        elementType: ElementType = .float32, seed: UInt64 = 0, positions: PositionPolicy,
        targetStorage: String? = nil, targetOrigin: String? = nil
    ) {
        self.targetStorage = targetStorage
        self.targetOrigin = targetOrigin
        self.hiddenSize = hiddenSize
        self.layerIndex = layerIndex
        self.targetHash = targetHash
        self.tokenizerHash = tokenizerHash
        self.elementType = elementType
        self.seed = seed
        self.positions = positions
    }
}

extension StoreSettings {
    /// What `nla_meta.yaml` in a store says, for other programs.
    package var sidecar: Sidecar {
        .dataSet(width: hiddenSize, layer: layerIndex, target: .init(hash: targetHash), storage: targetStorage)
    }

    /// The same settings as far as an earlier version recorded them: how the target is stored follows from its hash.
    func without(storageOf other: StoreSettings) -> StoreSettings {
        var settings = self
        (settings.targetStorage, settings.targetOrigin) = (other.targetStorage, other.targetOrigin)
        return settings
    }

    /// Throws a `ModelError` if a store's folder has a sidecar that says something else. Stores of earlier versions have none.
    func checkSidecar(in folder: URL) throws {
        let place = folder.appendingPathComponent(Sidecar.fileName)
        guard FileManager.default.fileExists(atPath: place.path) else { return }
        try Sidecar(folder: folder).check(sidecar, at: place, against: StoreManifest.fileName)
    }
}

/// `manifest.json`: what a store holds, and how to tell that it still does.
public struct StoreManifest: Sendable, Equatable {
    /// The version of the layout that this code writes and reads.
    public static let version = 1
    static let fileName = "manifest.json"

    /// A file that must be as it was written.
    public struct File: Sendable, Equatable {
        /// Name in the store's folder.
        public let name: String
        /// Length in bytes.
        public let bytes: Int
        /// SHA-256 in hexadecimal.
        public let hash: String
    }

    /// A part of the store: vectors, and the documents that they come from.
    public struct Shard: Sendable, Equatable {
        /// Vectors in it.
        public let rows: Int
        /// Documents in it, those without rows included.
        public let documents: Int
        /// `shard-00000.safetensors`
        public let tensors: File
        /// `shard-00000.jsonl`
        public let lines: File
    }

    /// What the activations are of.
    public let settings: StoreSettings
    /// The shards, in order.
    public internal(set) var shards: [Shard] = []
    /// Documents of each split.
    public internal(set) var documentsPerSplit: [String: Int] = [:]

    /// Vectors in all.
    public var rowCount: Int { shards.reduce(0) { $0 + $1.rows } }
    /// Documents in all.
    public var documentCount: Int { shards.reduce(0) { $0 + $1.documents } }

    init(_ settings: StoreSettings) { self.settings = settings }
}

extension StoreManifest {
    package var json: JSONValue {
        func entry(_ file: File) -> JSONValue {
            ["file": .string(file.name), "bytes": .integer(file.bytes), "sha256": .string(file.hash)]
        }
        var object: JSONObject = [
            "format": "interlinear-activations", "version": .integer(StoreManifest.version),
            "d_model": .integer(settings.hiddenSize), "layer_index": .integer(settings.layerIndex),
            "target_sha256": .string(settings.targetHash), "tokenizer_sha256": .string(settings.tokenizerHash),
            "element_type": .string(settings.elementType.rawValue),
            "seed": .integer(Int(bitPattern: UInt(settings.seed))),
            "positions": [
                "per_document": .integer(settings.positions.perDocument),
                "moments": .bool(settings.positions.includeMoments),
                "first": .integer(settings.positions.firstPosition),
            ],
            "rows": .integer(rowCount),
            "documents": .object(
                JSONObject(documentsPerSplit.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) })),
            "shards": .array(
                shards.map {
                    [
                        "rows": .integer($0.rows), "documents": .integer($0.documents), "tensors": entry($0.tensors),
                        "lines": entry($0.lines),
                    ]
                }),
        ]
        if let storage = settings.targetStorage { object["target_storage"] = .string(storage) }
        if let origin = settings.targetOrigin { object["target_quantized_from_sha256"] = .string(origin) }
        return .object(object)
    }

    /// Reads a store's manifest. Throws a `ModelError`.
    public init(folder: URL) throws {
        let url = folder.appendingPathComponent(StoreManifest.fileName)
        guard let data = FileManager.default.contents(atPath: url.path) else {
            throw ModelError("\(url.path): missing; an activation store has one, nla data store builds it")
        }
        let json: JSONValue
        do { json = try JSONValue.parse(data) } catch {
            throw ModelError("\(url.path): \("\(error)".onOneLine.abridged); build the store again")
        }
        try self.init(json: json, source: url.path)
    }

    /// Reads a manifest. Throws a `ModelError` that calls it `source`.
    package init(json: JSONValue, source: String) throws {
        func fail(_ reason: String) -> ModelError {
            // The file's own words are part of it.
            ModelError("\(source): \(reason.onOneLine.abridged)")
        }
        guard json["format"]?.string == "interlinear-activations" else { throw fail("not that of an activation store") }
        guard json["version"]?.int == StoreManifest.version else {
            throw fail(
                "version \(json["version"]?.serialized() ?? "none") of the layout, \(StoreManifest.version) is read; build the store again"
            )
        }
        func integer(_ value: JSONValue?, _ key: String) throws -> Int {
            guard let number = value?[key]?.int else {
                throw fail("\"\(key)\" is missing or no integer; build the store again")
            }
            return number
        }
        func count(_ value: JSONValue?, _ key: String) throws -> Int {
            let number = try integer(value, key)
            guard (0...Int(Int32.max)).contains(number) else {
                throw fail("\"\(key)\" is no count; build the store again")
            }
            return number
        }
        func text(_ value: JSONValue?, _ key: String) throws -> String {
            guard let text = value?[key]?.string else {
                throw fail("\"\(key)\" is missing or no text; build the store again")
            }
            return text
        }
        func file(_ value: JSONValue?) throws -> File {
            let name = try text(value, "file")
            guard !name.contains("/"), !name.hasPrefix(".") else { throw fail("\(name) names no file of this folder") }
            return File(name: name, bytes: try integer(value, "bytes"), hash: try text(value, "sha256"))
        }
        let positions = PositionPolicy(
            perDocument: try count(json["positions"], "per_document"),
            includeMoments: json["positions"]?["moments"]?.bool ?? false,
            firstPosition: try count(json["positions"], "first"))
        guard let type = ElementType(rawValue: try text(json, "element_type")), type.isFloatingPoint else {
            throw fail("\"element_type\" is none of F32, BF16 and F16; build the store again")
        }
        guard try count(json, "d_model") > 0 else { throw fail("\"d_model\" is 0; build the store again") }
        self.init(
            StoreSettings(
                hiddenSize: try count(json, "d_model"), layerIndex: try count(json, "layer_index"),
                targetHash: try text(json, "target_sha256"), tokenizerHash: try text(json, "tokenizer_sha256"),
                elementType: type, seed: UInt64(UInt(bitPattern: try integer(json, "seed"))), positions: positions,
                targetStorage: json["target_storage"]?.string.map { $0.onOneLine.abridged },
                targetOrigin: json["target_quantized_from_sha256"]?.string?.lowercased()))
        for shard in json["shards"]?.array ?? [] {
            shards.append(
                Shard(
                    rows: try count(shard, "rows"), documents: try count(shard, "documents"),
                    tensors: try file(shard["tensors"]), lines: try file(shard["lines"])))
        }
        for (split, number) in json["documents"]?.object ?? JSONObject() {
            guard let number = number.int, (0...Int(Int32.max)).contains(number) else {
                throw fail("\"documents\": \"\(split.prefix(40))\" is no count; build the store again")
            }
            documentsPerSplit[split] = number
        }
    }

    /// A hash of all that a store holds: the manifest's, which has those of its files.
    package static func hash(folder: URL) throws -> String {
        try ContentHash.file(folder.appendingPathComponent(fileName))
    }

    /// Throws unless a shard's file has the length, and where `contents` is true also the hash, that it was written with.
    func check(_ file: File, in folder: URL, contents: Bool) throws {
        let url = folder.appendingPathComponent(file.name)
        let mend = "restore the file, or delete the folder and build the store again"
        // In a cache of the hub it is a link.
        let place = url.resolvingSymlinksInPath().path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: place) else {
            throw ModelError("\(url.path): missing, though \(StoreManifest.fileName) lists it; \(mend)")
        }
        let bytes = (attributes[.size] as? NSNumber)?.intValue ?? -1
        guard bytes == file.bytes else {
            throw ModelError("\(url.path): \(bytes) bytes, \(StoreManifest.fileName) says \(file.bytes); \(mend)")
        }
        if contents, try ContentHash.file(url) != file.hash {
            throw ModelError("\(url.path): damaged, its SHA-256 is not that in \(StoreManifest.fileName); \(mend)")
        }
    }
}
