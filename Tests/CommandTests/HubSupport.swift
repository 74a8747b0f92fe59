import Foundation
import ScriptedHub
import TestSupport

extension Repository {
    /// A repository with the files of a folder.
    init(_ id: String, kind: String = "models", folder: URL) throws {
        self.init(id, kind: kind, try Repository.files(folder))
    }

    /// The files of a folder and of those in it, by their paths.
    static func files(_ folder: URL) throws -> [File] {
        let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
        return try paths.compactMap { path in
            let url = folder.appending(path: path)
            guard try url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true else { return nil }
            return File(path, Array(try Data(contentsOf: url)), isLarge: path.hasSuffix(".safetensors"))
        }
    }
}

/// Calls `body` with a hub that has these repositories, a folder, and the environment in which commands ask that hub and keep what comes
/// in that folder.
func withHub(
    _ repositories: [Repository],
    _ body: (_ hub: ScriptedHub, _ folder: URL, _ environment: [String: String]) throws -> Void
) async throws {
    try await ScriptedHub.run { server in
        for repository in repositories { server.add(repository) }
        try withScratch { folder in
            try body(
                server, folder, ["HF_HOME": folder.appending(path: "hub-home").path, "HF_ENDPOINT": server.endpoint])
        }
    }
}

/// No address answers there: what a command then finds is in the cache.
func offline(_ environment: [String: String]) -> [String: String] {
    environment.merging(["HF_ENDPOINT": "http://127.0.0.1:1", "HF_HUB_OFFLINE": "1"]) { $1 }
}
