import Foundation
import GGUF
import JSON
import Synchronization

/// Finds the folder or GGUF file behind `--model`: a path, or a name on the hub.
public enum ModelLocation {
    /// What is needed of a model or a data set.
    public enum Need: Sendable {
        /// Configuration, tokenizer and weights.
        case model
        /// The tokenizer alone.
        case tokenizer
        /// A pair: in the top folder, or in `av/`, `ar/` and `target/`.
        case pair
        /// Of a data set: its file of texts, chats or explanations, or the file that is named; several where they are one data set. See
        /// ``DataLocation``.
        case records
        /// The same of activations.
        case vectors
        /// Of a data set: an activation store, or probes.
        case store
    }

    /// Finds what no path on this machine names.
    private static let finder = Mutex<(@Sendable (_ name: String, _ need: Need) throws -> [URL])?>(nil)

    /// From now on names that are no paths are looked up by `find`, which may fetch what is missing: this module knows no network. Without,
    /// `org/name` is looked for in the cache alone. `find` gives a folder, or files in the order in which they are read.
    public static func look(up find: @escaping @Sendable (_ name: String, _ need: Need) throws -> [URL]) {
        finder.withLock { $0 = find }
    }

    /// The folder, with what is needed of it. See ``look(up:)`` for names that are no paths.
    public static func resolve(_ name: String, need: Need = .model) throws -> URL {
        guard !name.isEmpty, !FileManager.default.fileExists(atPath: name), let found = try find(name, need)?.first
        else {
            return try resolve(name, environment: ProcessInfo.processInfo.environment)
        }
        return found
    }

    /// The folder of a pair, which may be a name on the hub. A path is taken as it is, and nothing of it is looked at.
    package static func pair(_ name: String) throws -> URL {
        DataLocation.isOnHub(name) ? try resolve(name, need: .pair) : URL(fileURLWithPath: name)
    }

    /// What ``look(up:)`` finds; nil where nobody looks names up.
    static func find(_ name: String, _ need: Need) throws -> [URL]? { try finder.withLock { $0 }?(name, need) }

    /// The folder of a path, or of `org/name` or `org/name@revision` in the cache, which is where ``cache(environment:)`` says; the
    /// revision is a branch, tag or commit, `main` where none is named. A GGUF file, as a path or as `org/name:FILE`, stands for itself.
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
        guard let named = Repository(name) else {
            throw ModelError("\(name.isEmpty ? "the empty name" : name): no such folder")
        }
        let cache = cache(environment: environment), asked = named.revision ?? "main"
        let repository = cache.appendingPathComponent("models--" + named.id.replacingOccurrences(of: "/", with: "--"))
        let reference = repository.appendingPathComponent("refs/\(asked)")
        // Without a reference the revision's own name is tried, as huggingface_hub does: a commit has none.
        var revision = asked
        if let data = FileManager.default.contents(atPath: reference.path) {
            revision = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let snapshot = repository.appendingPathComponent("snapshots/\(revision)")
        let isName = !revision.contains("/") && isPath(revision)
        if isName, FileManager.default.fileExists(atPath: snapshot.path) { return snapshot }
        guard FileManager.default.fileExists(atPath: repository.path) else {
            throw ModelError("\(name): neither a folder nor in the cache at \(cache.path); download it there first")
        }
        throw ModelError(
            "\(name): the cache at \(cache.path) holds no snapshot of its revision \(asked); download it again, or name a folder below \(repository.path)/snapshots"
        )
    }

    /// A model's name on the hub, with the branch, tag or commit that is meant.
    public struct Repository: Sendable, Hashable, CustomStringConvertible {
        /// `org/name`
        public let id: String
        /// Nil for main.
        public let revision: String?

        /// Reads `org/name` or `org/name@revision`; nil for any other text.
        public init?(_ text: String) {
            let halves = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard ModelLocation.isRepository(halves[0]), halves.count == 1 || ModelLocation.isPath(halves[1]) else {
                return nil
            }
            id = halves[0]
            revision = halves.count == 1 || halves[1] == "main" ? nil : halves[1]
        }

        /// What a folder of a cache of the hub is a snapshot of, at its commit; nil for any other folder.
        public init?(snapshot folder: URL) {
            let parts = folder.resolvingSymlinksInPath().pathComponents.suffix(3).map { $0 }
            guard parts.count == 3, parts[1] == "snapshots", parts[0].hasPrefix("models--") else { return nil }
            self.init(parts[0].dropFirst("models--".count).replacing("--", with: "/") + "@" + parts[2])
        }

        /// As it would be typed.
        public var description: String { revision.map { "\(id)@\($0)" } ?? id }
    }

    /// Whether a name can be a repository's: two parts of letters, digits, `-`, `_` and `.`, and no way through folders.
    static func isRepository(_ name: String) -> Bool {
        let isPlain = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "-_./".utf8.contains(byte)
        }
        return isPlain && isPath(name) && name.split(separator: "/").count == 2
    }

    /// Whether a path stays below the folder that it begins at.
    private static func isPath(_ path: String) -> Bool {
        path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
            !$0.isEmpty && $0 != "." && $0 != ".."
        }
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
