import Autoencoder
import Foundation
import JSON
import LanguageModel

/// A file of a package.
public struct PackedFile: Sendable {
    /// Where its bytes come from.
    enum Content: Sendable {
        /// A file, as it is.
        case copy(URL)
        /// A text that is made.
        case text(String)
    }

    /// Its path in the package.
    public let path: String
    /// Its length.
    public let bytes: Int
    let content: Content

    init(_ path: String, text: String) {
        self.path = path
        bytes = text.utf8.count
        content = .text(text)
    }

    /// A copy. What lies in a cache of the hub is a link, which would lead nowhere from elsewhere.
    init(_ path: String, copyOf url: URL) throws {
        let source = url.resolvingSymlinksInPath()
        let attributes = try? FileManager.default.attributesOfItem(atPath: source.path)
        guard let size = (attributes?[.size] as? NSNumber)?.intValue else {
            throw ModelError("\(url.path): cannot be read")
        }
        self.path = path
        bytes = size
        content = .copy(source)
    }
}

/// A model's folder as it is packed: the files that make it, without what names a folder of this machine.
struct PackedModel {
    let files: [PackedFile]

    /// - Parameters:
    ///   - name: of its folder in the package.
    ///   - base: what the base of an adapter is called on the hub; nil for a whole model.
    ///   - sidecar: of a verbalizer or a reconstructor.
    init(_ folder: URL, as name: String, base: ModelLocation.Repository?, sidecar: Sidecar?) throws {
        var files: [PackedFile] = []
        func add(_ file: String) throws {
            let source = folder.appending(path: file)
            guard FileManager.default.fileExists(atPath: source.path) else { return }
            if file.hasSuffix(".json"), let text = try PackedModel.cleaned(source) {
                files.append(PackedFile("\(name)/\(file)", text: text))
            } else {
                files.append(try PackedFile("\(name)/\(file)", copyOf: source))
            }
        }
        if let base {
            files.append(PackedFile("\(name)/adapter_config.json", text: try PackedModel.adapter(folder, over: base)))
            try add("adapter_model.safetensors")
        } else {
            try add("config.json")
            try PackedModel.weights(folder).forEach(add)
        }
        try (Checkpoint.tokenizerFiles + ["chat_template.json", "generation_config.json"]).forEach(add)
        // Licenses as they are called; some ask for a notice and a policy beside them.
        try ["LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE", "USE_POLICY.md"].forEach(add)
        let templates = folder.appending(path: "additional_chat_templates")
        for file in ((try? FileManager.default.contentsOfDirectory(atPath: templates.path)) ?? []).sorted()
        where file.hasSuffix(".jinja") {
            try add("additional_chat_templates/\(file)")
        }
        if sidecar?.role == .reconstructor { try add("value_head.safetensors") }
        if let sidecar { files.append(PackedFile("\(name)/\(Sidecar.fileName)", text: sidecar.publishedYAML)) }
        self.files = files
    }

    /// Files of the weights, with the index of shards.
    private static func weights(_ folder: URL) throws -> [String] {
        let single = "model.safetensors", index = "model.safetensors.index.json"
        if FileManager.default.fileExists(atPath: folder.appending(path: single).path) { return [single] }
        let map = try json(folder.appending(path: index))["weight_map"]?.object ?? JSONObject()
        return [index] + Set(map.compactMap { $0.1.string }).sorted()
    }

    private static func json(_ file: URL) throws -> JSONValue {
        do { return try JSONValue.parse(Data(contentsOf: file)) } catch {
            throw ModelError("\(file.path): cannot be read as JSON: \(error)")
        }
    }

    // MARK: Names of this machine

    /// Keys under which transformers and tokenizers leave the path that something was loaded from.
    private static let pathKeys: Set = [
        "_name_or_path", "name_or_path", "tokenizer_file", "vocab_file", "merges_file", "special_tokens_map_file",
        "added_tokens_file", "tokenizer_config_file", "chat_template_file", "base_model_name_or_path",
    ]

    /// The text of a JSON file without the paths in it; nil where it can stay as it is.
    private static func cleaned(_ file: URL) throws -> String? {
        // The tokenizer itself names no files, and may be large.
        guard file.lastPathComponent != "tokenizer.json", let json = try? json(file) else { return nil }
        let clean = withoutPaths(json)
        return clean == json ? nil : clean.serialized(indent: 2) + "\n"
    }

    private static func withoutPaths(_ json: JSONValue) -> JSONValue {
        guard let object = json.object else { return json }
        var clean = JSONObject()
        for (key, value) in object {
            if pathKeys.contains(key), let text = value.string, isAbsolute(text) { continue }
            clean[key] = withoutPaths(value)
        }
        return .object(clean)
    }

    private static func isAbsolute(_ path: String) -> Bool {
        path.hasPrefix("/") || path.hasPrefix("~") || path.hasPrefix("file:")
            || path.prefixMatch(of: /[A-Za-z]:[\\\/]/) != nil
    }

    /// An adapter's settings with another name for its base.
    private static func adapter(_ folder: URL, over base: ModelLocation.Repository) throws -> String {
        let file = folder.appending(path: "adapter_config.json")
        guard var settings = withoutPaths(try json(file)).object else {
            throw ModelError("\(file.path): an object is needed here")
        }
        settings["base_model_name_or_path"] = .string(base.id)
        settings["revision"] = base.revision.map { .string($0) } ?? .null
        return JSONValue.object(settings).serialized(indent: 2) + "\n"
    }
}
