import Foundation
import JSON
import Tensors

/// What a run reads, by content: a hash for each option that says where something lies.
///
/// It stands in the run's `inputs.json`. With it, inputs and run may be moved together or apart, and a run never goes on from other
/// contents than it began with.
package struct RunInputs: Equatable {
    /// Hashes by the option's name.
    var hashes: [String: String] = [:]

    package static let fileName = "inputs.json"

    /// Nothing.
    package init() {}

    /// Contents by the option's name; those without a hash are not pinned.
    package init(_ hashes: [String: String?]) { self.hashes = hashes.compactMapValues { $0 } }

    /// What a run's folder says; nothing for a folder of an earlier version. Throws a ``TrainingError``.
    package init(folder: URL) throws {
        let file = folder.appending(path: RunInputs.fileName)
        guard let data = FileManager.default.contents(atPath: file.path) else { return }
        guard let object = try? JSONValue.parse(data).object else {
            throw TrainingError("\(file.path): damaged; delete it to believe that the run's inputs are as they were")
        }
        for (name, hash) in zip(object.keys, object.values) { hashes[name] = hash.string }
    }

    /// Writes the file.
    package func write(to folder: URL) throws {
        let object = JSONObject(hashes.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
        try AtomicFile.write(
            JSONValue.object(object).serialized(indent: 2) + "\n", to: folder.appending(path: RunInputs.fileName))
    }

    /// Throws a ``TrainingError`` for an input whose content is now another.
    package func check(_ now: RunInputs, of folder: URL) throws {
        for (name, hash) in hashes.sorted(by: { $0.key < $1.key }) {
            guard let other = now.hashes[name], other != hash else { continue }
            throw TrainingError(
                "\(folder.path): \(name): its content is not what this run began with (\(other.prefix(12)) here, \(hash.prefix(12)) there); name what it began with, or a new folder"
            )
        }
    }
}
