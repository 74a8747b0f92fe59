import Autoencoder
import Claims
import Foundation
import JSON
import LanguageModel
import Runs
import Tensors

/// A document with the split it belongs to.
public struct StoredDocument: Sendable, Equatable {
    /// The text with its truth.
    public let document: LabelledDocument
    /// Its part of training.
    public let split: String

    /// A document in a split.
    public init(_ document: LabelledDocument, split: String) {
        self.document = document
        self.split = split
    }

    /// Its line in a shard's `.jsonl`.
    package var line: String {
        var object = document.json.object ?? JSONObject()
        object["split"] = .string(split)
        return JSONValue.object(object).serialized()
    }
}

/// One activation's place.
public struct StoredRow: Sendable, Equatable {
    /// Index of its document: among the shard's when writing, among the store's when reading.
    public let document: Int
    /// Its token in the document.
    public let position: Int
    /// Length in bytes of the text so far, this token included.
    public let byteEnd: Int
    /// Which of the document's moments stands here; nil for a random position.
    public let moment: Int?

    /// A place.
    public init(document: Int, position: Int, byteEnd: Int, moment: Int? = nil) {
        self.document = document
        self.position = position
        self.byteEnd = byteEnd
        self.moment = moment
    }
}

/// Adds shards to a store, one writer at a time.
///
/// A shard's files are written aside and renamed, and the manifest after them: a process that dies leaves a store of whole
/// shards, which the next writer continues.
public final class ActivationStoreWriter {
    /// The store's folder.
    public let folder: URL
    /// What it holds so far.
    public private(set) var manifest: StoreManifest
    /// Line of every stored document, hashed, by the document's id.
    private var stored: [String: UInt64] = [:]
    private let lock: FileLock
    private static let lockName = "store.lock"

    /// Opens a store to add to, or begins one. The folder is made if it is missing.
    ///
    /// Throws a `TrainingError` if another writer is at work, and a `ModelError` if the folder holds something else, if the
    /// store is of other settings, or if one of its files is not as it was written.
    public init(folder: URL, _ settings: StoreSettings) throws {
        self.folder = folder
        try? Disk.makeFolder(folder)
        lock = try FileLock(Self.lockName, in: folder, for: "writing to")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        if names.contains(StoreManifest.fileName) {
            manifest = try StoreManifest(folder: folder)
            try Self.compare(manifest.settings, settings, folder)
            try settings.checkSidecar(in: folder)
        } else {
            guard names.allSatisfy({ $0 == Self.lockName || Self.isOurs($0) }) else {
                throw ModelError(
                    "\(folder.path): holds files that are no activation store; name an empty or a new folder")
            }
            manifest = StoreManifest(settings)
        }
        // Left by a writer that died.
        for name in names where name.hasSuffix(".partial") && Self.isOurs(name) {
            try? FileManager.default.removeItem(at: folder.appendingPathComponent(name))
        }
        for shard in manifest.shards {
            try manifest.check(shard.tensors, in: folder, contents: true)
            try manifest.check(shard.lines, in: folder, contents: true)
            let url = folder.appendingPathComponent(shard.lines.name)
            try DocumentLines.each(DocumentLines.contents(url), url) { line in
                stored[line.document.id] = Random.key(try line.stored(url).line)
            }
        }
    }

    private static func isOurs(_ name: String) -> Bool {
        name.hasPrefix("shard-") || name.hasPrefix(StoreManifest.fileName) || name.hasPrefix(Sidecar.fileName)
    }

    private static func compare(_ found: StoreSettings, _ wanted: StoreSettings, _ folder: URL) throws {
        let wanted = wanted.without(storageOf: found)
        guard found != wanted else { return }
        let differences: [(String, Bool)] = [
            ("another target", found.targetHash != wanted.targetHash),
            ("another tokenizer", found.tokenizerHash != wanted.tokenizerHash),
            ("block \(found.layerIndex)", found.layerIndex != wanted.layerIndex),
            ("vectors of \(found.hiddenSize)", found.hiddenSize != wanted.hiddenSize),
            ("element type \(found.elementType.rawValue)", found.elementType != wanted.elementType),
            ("seed \(found.seed)", found.seed != wanted.seed), ("other positions", found.positions != wanted.positions),
        ]
        let difference = differences.first { $0.1 }?.0 ?? "other settings"
        throw ModelError(
            "\(folder.path): a store of \(difference); continue it with the same settings or name another folder")
    }

    /// Whether a document is stored already. Throws a `ModelError` if one of its id is, with another text, truth or split.
    public func contains(_ document: StoredDocument) throws -> Bool {
        guard let known = stored[document.document.id] else { return false }
        guard known == Random.key(document.line) else {
            throw ModelError(
                "\(folder.path): holds another document \(document.document.id), or in another split; give every document its own id, or name another folder"
            )
        }
        return true
    }

    /// Writes a shard, after which the store holds it for good. Documents must be new, rows in the order of documents and
    /// positions.
    ///
    /// - Parameter activations: [rows, d], one for each row, raw.
    public func append(_ documents: [StoredDocument], _ rows: [StoredRow], activations: Tensor) throws {
        let settings = manifest.settings
        require(activations.shape == [rows.count, settings.hiddenSize], "\(rows.count) rows, \(activations.shape)")
        require(rows.allSatisfy { documents.indices.contains($0.document) }, "a row of no document")
        for document in documents {
            require(stored[document.document.id] == nil, "document \(document.document.id) is stored already")
        }
        let name =
            "shard-" + String(repeating: "0", count: max(0, 5 - "\(manifest.shards.count)".count))
            + "\(manifest.shards.count)"
        func column(_ value: (StoredRow) -> Int) -> Tensor {
            Tensor(integers: rows.map(value), shape: [rows.count])
        }
        let tensors = try write(name + ".safetensors") { url in
            try SafetensorsFile.write(
                [
                    ("activations", activations.converted(to: settings.elementType)), ("document", column(\.document)),
                    ("position", column(\.position)), ("byte_end", column(\.byteEnd)),
                    ("moment", column { $0.moment ?? -1 }),
                ], to: url)
        }
        let lines = try write(name + ".jsonl") { url in
            try AtomicFile.write(documents.map { $0.line + "\n" }.joined(), to: url)
        }
        var next = manifest
        next.shards.append(.init(rows: rows.count, documents: documents.count, tensors: tensors, lines: lines))
        for document in documents { next.documentsPerSplit[document.split, default: 0] += 1 }
        if !FileManager.default.fileExists(atPath: folder.appendingPathComponent(Sidecar.fileName).path) {
            try settings.sidecar.write(to: folder)
        }
        try AtomicFile.write(
            next.json.serialized(indent: 2) + "\n", to: folder.appendingPathComponent(StoreManifest.fileName))
        manifest = next
        for document in documents { stored[document.document.id] = Random.key(document.line) }
    }

    private func write(_ name: String, _ body: (URL) throws -> Void) throws -> StoreManifest.File {
        let url = folder.appendingPathComponent(name)
        try body(url)
        let attributes = try? FileManager.default.attributesOfItem(atPath: url.path)
        return StoreManifest.File(
            name: name, bytes: (attributes?[.size] as? NSNumber)?.intValue ?? 0, hash: try ContentHash.file(url))
    }
}
