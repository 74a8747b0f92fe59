import Foundation
import GGUF
import JSON
import Synchronization

/// Finds the folder or GGUF file behind `--model`: a path, or a name on the hub.
public enum ModelLocation {
    /// What of a model is needed.
    public enum Need: Sendable {
        /// Configuration, tokenizer and weights.
        case model
        /// The tokenizer alone.
        case tokenizer
        /// A pair: in the top folder, or in `av/`, `ar/` and `target/`.
        case pair
    }

    /// Finds what no path on this machine names.
    private static let finder = Mutex<(@Sendable (_ name: String, _ need: Need) throws -> URL)?>(nil)

    /// From now on names that are no paths are looked up by `find`, which may fetch what is missing: this module knows no network. Without,
    /// `org/name` is looked for in the cache alone.
    public static func look(up find: @escaping @Sendable (_ name: String, _ need: Need) throws -> URL) {
        finder.withLock { $0 = find }
    }

    /// The folder, with what is needed of it. See ``look(up:)`` for names that are no paths.
    public static func resolve(_ name: String, need: Need = .model) throws -> URL {
        guard let find = finder.withLock({ $0 }), !name.isEmpty, !FileManager.default.fileExists(atPath: name) else {
            return try resolve(name, environment: ProcessInfo.processInfo.environment)
        }
        return try find(name, need)
    }

    /// The folder of a path, or of `org/name` in the cache, which is where ``cache(environment:)`` says; the revision is `main`'s. A
    /// GGUF file, as a path or as `org/name:FILE`, stands for itself.
    public static func resolve(_ name: String, environment: [String: String]) throws -> URL {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: name, isDirectory: &isFolder) {
            let url = URL(fileURLWithPath: name)
            guard try isFolder.boolValue || GGUFLocation.file(url) != nil else { throw notFolder(name) }
            return url
        }
        // org/name:FILE, a file of a repository.
        let halves = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        if halves.count == 2, halves[0].contains("/") {
            let file = try resolve(String(halves[0]), environment: environment)
                .appendingPathComponent(String(halves[1]))
            let isInside = !halves[1].split(separator: "/", omittingEmptySubsequences: false).contains {
                $0.isEmpty || $0 == "." || $0 == ".."
            }
            guard isInside, FileManager.default.fileExists(atPath: file.path) else {
                throw ModelError(
                    "\(name): \(halves[0]) has no file \(halves[1].prefix(200)) in the cache; download it there first")
            }
            return try resolve(file.path, environment: environment)
        }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let isRepository =
            parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && !$0.hasPrefix("~") }
        guard isRepository else { throw ModelError("\(name.isEmpty ? "the empty name" : name): no such folder") }
        let cache = cache(environment: environment)
        let repository = cache.appendingPathComponent("models--\(parts[0])--\(parts[1])")
        let reference = repository.appendingPathComponent("refs/main")
        // Without a reference the revision's own name is tried, as huggingface_hub does.
        var revision = "main"
        if let data = FileManager.default.contents(atPath: reference.path) {
            revision = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let snapshot = repository.appendingPathComponent("snapshots/\(revision)")
        let isName = !revision.isEmpty && !revision.contains("/") && revision != "." && revision != ".."
        if isName, FileManager.default.fileExists(atPath: snapshot.path) { return snapshot }
        guard FileManager.default.fileExists(atPath: repository.path) else {
            throw ModelError("\(name): neither a folder nor in the cache at \(cache.path); download it there first")
        }
        throw ModelError(
            "\(name): the cache at \(cache.path) holds no snapshot of its main revision; download it again, or name a folder below \(repository.path)/snapshots"
        )
    }

    /// The folder of the Hugging Face cache, found as huggingface_hub's constants.py finds it: `HF_HUB_CACHE`, else
    /// `HUGGINGFACE_HUB_CACHE`, else `hub` in `HF_HOME`, else in `huggingface` in `XDG_CACHE_HOME`, else in `~/.cache`. A variable
    /// that is set to nothing counts as set. `~`, `~name`, `$NAME` and `${NAME}` are expanded.
    public static func cache(environment: [String: String]) -> URL {
        URL(fileURLWithPath: HubPaths(environment).cache)
    }

    private static func notFolder(_ name: String) -> ModelError {
        let head = try? FileHandle(forReadingFrom: URL(fileURLWithPath: name)).read(upToCount: 4096)
        guard let head, let kind = FileFormat.name(of: head) else {
            return ModelError("\(name): a file, not a model folder")
        }
        return ModelError(
            "\(name): \(kind), not a model folder; name a folder with config.json and safetensors, or a GGUF file")
    }
}
