import Foundation
import JSON
import Synchronization

/// Finds what is behind `--store`, `--data`, `--explanations` and the like: a path, or the name of a data set on the hub.
///
/// Names are `org/name`, `org/name@revision`, `datasets/org/name` and `hf://datasets/org/name/FILE`; see ``ModelLocation/look(up:)``. A path to
/// a file is taken as it is, and nothing of it is looked at.
///
/// Several files are read as one: those of a folder or a repository whose names differ by their number alone, and all that a pattern such as
/// `data/*.jsonl` matches.
public enum DataLocation {
    /// Told of several files that are read as one.
    private static let listener = Mutex<(@Sendable (String) -> Void)?>(nil)

    /// From now on `say` is told, in a line, which files are read as one where a name means several.
    public static func tell(_ say: @escaping @Sendable (String) -> Void) { listener.withLock { $0 = say } }

    /// The files of texts, chats or explanations, in the order in which they are read.
    public static func files(_ name: String) throws -> [URL] { try find(name, .records, DataShards.isRecords) }

    /// The one file of a text, of chats or of what was written for a store. Throws where the name means several.
    public static func file(_ name: String) throws -> URL {
        let found = try files(name)
        guard found.count == 1 else {
            throw ModelError("\(name): \(found.count) files, and one is read here; name it, such as \(found[0].path)")
        }
        return found[0]
    }

    /// The files of activations, in the order in which they are read.
    public static func vectors(_ name: String) throws -> [URL] { try find(name, .vectors, DataShards.isVectors) }

    /// The folder of an activation store, or of probes.
    public static func folder(_ name: String) throws -> URL {
        guard isOnHub(name), let found = try ModelLocation.find(name, .store)?.first else {
            return URL(fileURLWithPath: name)
        }
        return found
    }

    private static func find(
        _ name: String, _ need: ModelLocation.Need, _ holds: (String) -> Bool
    ) throws -> [URL] {
        let found: [URL]
        if isOnHub(name), let named = try ModelLocation.find(name, need) {
            found = named
        } else {
            found = try local(name, holds)
        }
        if found.count > 1 {
            let names = found.map(\.lastPathComponent)
            listener.withLock { $0 }?("\(name): \(found.count) files as one, \(names[0]) … \(names[names.count - 1])")
        }
        return found
    }

    /// The files that a path means: itself, those of a folder that are one data set, or those that a pattern matches.
    private static func local(_ name: String, _ holds: (String) -> Bool) throws -> [URL] {
        var isFolder: ObjCBool = false
        let isThere = FileManager.default.fileExists(atPath: name, isDirectory: &isFolder)
        if !isThere, let pattern = PathPattern(name) {
            let folder = pattern.folder.isEmpty && !name.hasPrefix("/") ? "." : pattern.folder + "/"
            let prefix = folder == "." ? "" : folder
            let matched = paths(in: folder).map { prefix + $0 }.filter(pattern.matches)
            let files = matched.filter(holds)
            guard !files.isEmpty else {
                throw ModelError(
                    "\(name): no such file; \(matched.isEmpty ? "nothing matches the pattern" : "what the pattern matches holds nothing that can be read here, such as \(matched[0])")"
                )
            }
            if case .files(let ordered) = DataShards.choose(among: files) { return ordered.map(url) }
            return files.map(url)
        }
        guard isFolder.boolValue else { return [url(name)] }
        let inside = paths(in: name).filter(holds), prefix = name.hasSuffix("/") ? name : name + "/"
        switch DataShards.choose(among: inside) {
        case .files(let files): return files.map { url(prefix + $0) }
        case .none: throw ModelError("\(name): a folder without a file that can be read here (Parquet, JSON Lines)")
        case .incomplete(let missing):
            throw ModelError("\(name): \(missing) is not there, and belongs to the files that are")
        case .several(let names):
            let some = names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
            throw ModelError(
                "\(name): a folder with several data sets (\(some)); name one, such as \(prefix)\(names[0]), or all with a pattern, such as '\(prefix)**/*.jsonl'"
            )
        }
    }

    private static func url(_ path: String) -> URL { URL(fileURLWithPath: path) }

    /// Paths of the files in a folder and below it, hidden ones left out, in order.
    private static func paths(in folder: String) -> [String] {
        let top = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
        guard let walk = FileManager.default.enumerator(atPath: top) else { return [] }
        var found: [String] = []
        for case let path as String in walk {
            let isHidden = (path as NSString).lastPathComponent.hasPrefix(".")
            let isFolder = walk.fileAttributes?[.type] as? FileAttributeType == .typeDirectory
            if isHidden, isFolder { walk.skipDescendants() }
            if !isHidden, !isFolder { found.append(path) }
        }
        return found.sorted()
    }

    /// Whether a name is one on the hub. What is there is a path, and so is `folder/texts.jsonl`: its ending says that a file is meant.
    static func isOnHub(_ name: String) -> Bool {
        guard !FileManager.default.fileExists(atPath: name) else { return false }
        if name.hasPrefix("hf://") { return true }
        // A file of a repository stands behind a colon.
        let repository = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
        let id = String(repository.prefix { $0 != "@" })
        let endings = ["jsonl", "json", "parquet", "safetensors", "txt", "csv", "yaml", "gz", "zst"]
        guard !endings.contains((id as NSString).pathExtension.lowercased()) else { return false }
        return ModelLocation.isRepository(id.hasPrefix("datasets/") ? String(id.dropFirst("datasets/".count)) : id)
    }
}
