import Foundation

/// Finds what is behind `--store`, `--data`, `--explanations` and the like: a path, or the name of a data set on the hub.
///
/// Names are `org/name`, `org/name@revision`, `datasets/org/name` and `hf://datasets/org/name/FILE`; see ``ModelLocation/look(up:)``. A path is
/// taken as it is, and nothing of it is looked at.
public enum DataLocation {
    /// The file of texts, chats, explanations or activations.
    public static func file(_ name: String) throws -> URL { try find(name, .records) }

    /// The folder of an activation store, or of probes.
    public static func folder(_ name: String) throws -> URL { try find(name, .store) }

    private static func find(_ name: String, _ need: ModelLocation.Need) throws -> URL {
        guard isOnHub(name), let found = try ModelLocation.find(name, need) else { return URL(fileURLWithPath: name) }
        return found
    }

    /// Whether a name is one on the hub. What is there is a path, and so is `folder/texts.jsonl`: its ending says that a file is meant.
    static func isOnHub(_ name: String) -> Bool {
        guard !FileManager.default.fileExists(atPath: name) else { return false }
        if name.hasPrefix("hf://") { return true }
        let id = String(name.prefix { $0 != "@" })
        let endings = ["jsonl", "json", "parquet", "safetensors", "txt", "csv", "yaml", "gz", "zst"]
        guard !endings.contains((id as NSString).pathExtension.lowercased()) else { return false }
        return ModelLocation.isRepository(id.hasPrefix("datasets/") ? String(id.dropFirst("datasets/".count)) : id)
    }
}
