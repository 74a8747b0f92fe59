import Foundation
import GGUF
import JSON
import Tokenization

/// A model as a folder holds it: its own checkpoint, or a PEFT adapter together with the checkpoint of its base.
///
///     let source = try ModelSource(folder: url)
///     let decoder = try source.decoder()
///
/// The base's weights are mapped, so several adapters over one base share them.
public struct ModelSource: Sendable {
    /// The folder that was named.
    public let folder: URL
    /// The weights: the folder's own, or the base's.
    public let checkpoint: Checkpoint
    /// The folder of the adapter, if there is one.
    public let adapter: URL?
    /// What was found, a line each: `base /models/b, from base_model_name_or_path`.
    public let inferences: [String]
    /// Where the tokenizer is taken from, if not from the model: for a GGUF file whose own is not read.
    private var ownTokenizer: URL?

    /// Opens a folder. Throws a one-line error; for an adapter whose base is not here it names the base.
    ///
    /// - Parameters:
    ///   - base: the base of an adapter; by default the one that its configuration names: a folder, beside the adapter or from the
    ///     working directory, or org/name, at the revision that the configuration names.
    ///   - fallback: taken for the base where that one is not found.
    public init(folder: URL, base: URL? = nil, fallback: URL? = nil) throws {
        self.folder = folder
        guard try ModelSource.isAdapter(folder) else {
            checkpoint = try Checkpoint(folder: folder)
            adapter = nil
            inferences = []
            return
        }
        let found = try base.map { (url: $0, reason: nil) } ?? ModelSource.base(of: folder, fallback: fallback)
        checkpoint = try Checkpoint(folder: found.url)
        adapter = folder
        inferences = found.reason.map { ["base \(found.url.path), from \($0)"] } ?? []
    }

    /// A checkpoint that is open already, with an adapter or without.
    public init(_ checkpoint: Checkpoint, adapter: URL? = nil) {
        folder = adapter ?? checkpoint.folder
        self.checkpoint = checkpoint
        self.adapter = adapter
        inferences = []
    }

    /// A model's folder with an adapter's over it; without one, what the folder holds. Throws a one-line error, also where the folder is an
    /// adapter itself.
    ///
    /// - Parameter base: the base of a folder that is an adapter.
    public init(folder: URL, adapter: URL?, base: URL? = nil) throws {
        guard let adapter else {
            try self.init(folder: folder, base: base)
            return
        }
        guard try !ModelSource.isAdapter(folder) else {
            throw ModelError(
                "\(folder.path): is an adapter itself, and \(adapter.path) cannot be put over it; give the base model with one of them"
            )
        }
        self.init(try Checkpoint(folder: folder), adapter: adapter)
    }

    /// What of an adapter's configuration decides what it computes, in one text; nil without an adapter.
    package var adapterSettings: String? {
        get throws {
            guard let adapter else { return nil }
            let json = try Checkpoint.readJSON(adapter.appendingPathComponent("adapter_config.json"))
            let kept = (json.object ?? JSONObject()).filter { !AdapterSettings.ignored.contains($0.0) && !$0.1.isNull }
            return JSONValue.object(JSONObject(kept.sorted { $0.0 < $1.0 })).serialized()
        }
    }

    /// Whether a folder holds an adapter and no model. Throws if it holds both, for transformers would then load the adapter over
    /// another base.
    public static func isAdapter(_ folder: URL) throws -> Bool {
        func has(_ name: String) -> Bool {
            FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
        }
        guard has("adapter_config.json") else { return false }
        guard has("model.safetensors") || has("model.safetensors.index.json") else { return true }
        throw ModelError(
            "\(folder.path): holds a whole model and an adapter (adapter_config.json); which one is meant is not clear: move one of them to another folder"
        )
    }

    /// Whether the adapter's folder holds, beside low-rank adapters, whole modules that take the place of the base's
    /// (`modules_to_save`). They are not part of what ``TransformerDecoder/adapterParameters`` holds.
    package func hasSavedModules() throws -> Bool {
        guard let adapter else { return false }
        let json = try Checkpoint.readJSON(adapter.appendingPathComponent("adapter_config.json"))
        return json["modules_to_save"]?.array?.isEmpty == false
    }

    /// The decoder, its adapter attached and frozen.
    public func decoder(blockCount: Int? = nil, hasOutput: Bool = true) throws -> TransformerDecoder {
        let decoder = try TransformerDecoder(checkpoint, blockCount: blockCount, hasOutput: hasOutput)
        if let adapter { try decoder.attachAdapters(from: adapter) }
        return decoder
    }

    /// The same model with the tokenizer of another folder.
    public func with(tokenizer folder: URL?) -> ModelSource {
        var changed = self
        changed.ownTokenizer = folder ?? ownTokenizer
        return changed
    }

    /// Where the tokenizer lies: beside an adapter, if it brings one, for it may have tokens of its own.
    public var tokenizerFolder: URL { ownTokenizer ?? ModelSource.tokenizerFolder(folder, else: checkpoint.folder) }

    /// The same of a folder, and the one of its base.
    public static func tokenizerFolder(_ folder: URL, else base: URL) -> URL {
        let own = folder.appendingPathComponent("tokenizer.json")
        return FileManager.default.fileExists(atPath: own.path) ? folder : base
    }

    /// The name on the hub that an adapter's configuration has for its base; nil where it names a folder, or nothing.
    public static func baseName(of folder: URL) throws -> ModelLocation.Repository? {
        let json = try Checkpoint.readJSON(folder.appendingPathComponent("adapter_config.json"))
        guard let name = json[baseKey]?.string, namedFolder(name, folder) == nil else { return nil }
        return ModelLocation.Repository(nameWithRevision(name, json))
    }

    private static let baseKey = "base_model_name_or_path"

    /// The name as it is looked up: at the revision that the configuration names.
    private static func nameWithRevision(_ name: String, _ json: JSONValue) -> String {
        guard let revision = json["revision"]?.string, !revision.isEmpty, revision != "main" else { return name }
        return "\(name)@\(revision)"
    }

    /// The folder that a base's name means: from the working directory, or beside the adapter.
    private static func namedFolder(_ name: String, _ adapter: URL) -> URL? {
        guard !name.isEmpty else { return nil }
        let beside = adapter.deletingLastPathComponent().appendingPathComponent(name)
        return [URL(fileURLWithPath: name), beside].first(where: isModel)
    }

    private static func isModel(_ url: URL) -> Bool {
        FileManager.default.fileExists(atPath: url.appendingPathComponent("config.json").path)
            || (try? GGUFLocation.file(url)) != nil
    }

    /// The base that an adapter's configuration names.
    private static func base(of folder: URL, fallback: URL?) throws -> (url: URL, reason: String?) {
        let json = try Checkpoint.readJSON(folder.appendingPathComponent("adapter_config.json"))
        let name = json[baseKey]?.string ?? ""
        if let url = namedFolder(name, folder) { return (url, baseKey) }
        var reason = "\(baseKey) in its adapter_config.json names none"
        if !name.isEmpty {
            let asked = nameWithRevision(name, json)
            do {
                return (try ModelLocation.resolve(asked), asked == name ? baseKey : "\(baseKey) and revision")
            } catch { reason = "its base \(asked.prefix(300)) is not here (\(error))" }
        }
        if let fallback, isModel(fallback) { return (fallback, "the folder beside it") }
        throw ModelError(
            "\(folder.path): this is a PEFT adapter, not a whole model, and \(reason); give the base with --base, or with --model and the adapter with --adapter"
        )
    }
}
