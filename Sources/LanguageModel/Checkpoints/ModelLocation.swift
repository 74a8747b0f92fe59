import Foundation

/// Finds the folder behind `--model`: a path, or `org/name` in the local Hugging Face cache.
public enum ModelLocation {
    /// The folder. `HF_HUB_CACHE` and `HF_HOME` mean what they mean elsewhere. Nothing is downloaded.
    public static func resolve(
        _ name: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws
        -> URL
    {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: name, isDirectory: &isFolder) {
            guard isFolder.boolValue else { throw ModelError("\(name): a file, not a model folder") }
            return URL(fileURLWithPath: name)
        }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let isRepository =
            parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && !$0.hasPrefix("~") }
        guard isRepository else { throw ModelError("\(name.isEmpty ? "the empty name" : name): no such folder") }
        let home = environment["HF_HOME"] ?? (environment["HOME"] ?? "") + "/.cache/huggingface"
        let cache = URL(fileURLWithPath: environment["HF_HUB_CACHE"] ?? home + "/hub")
        let repository = cache.appendingPathComponent("models--\(parts[0])--\(parts[1])")
        let reference = repository.appendingPathComponent("refs/main")
        if let data = FileManager.default.contents(atPath: reference.path),
            let text = String(data: data, encoding: .utf8)
        {
            let revision = text.trimmingCharacters(in: .whitespacesAndNewlines)
            let snapshot = repository.appendingPathComponent("snapshots/\(revision)")
            let isName = !revision.isEmpty && !revision.contains("/") && revision != "." && revision != ".."
            if isName, FileManager.default.fileExists(atPath: snapshot.path) { return snapshot }
        }
        throw ModelError("\(name): neither a folder nor in the cache at \(cache.path); download it there first")
    }
}
