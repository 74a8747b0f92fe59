import Foundation
import JSON
import LanguageModel
import Runs
import Tensors

/// A long file of lines as it is made, in parts that lie in `OUTPUT.parts` until all are there: what was stopped goes on behind the last
/// whole part, and comes to the same file.
package final class PartFolder {
    private let output: URL
    private let folder: URL
    private let lock: FileLock

    /// Takes hold of the parts of a file, new or of an earlier run.
    ///
    /// - Parameter settings: everything that the parts follow from.
    /// - Throws: a one-line error if another process is at it, or if there are parts that other settings made.
    package init(of output: URL, settings: JSONValue) throws {
        self.output = output
        folder = URL(fileURLWithPath: output.path + ".parts")
        try Disk.makeFolder(folder)
        lock = try FileLock("lock", in: folder, for: "writing to")
        let file = folder.appending(path: "settings.json"), text = settings.serialized(indent: 2) + "\n"
        guard let known = FileManager.default.contents(atPath: file.path) else {
            try AtomicFile.write(text, to: file)
            return
        }
        guard String(decoding: known, as: UTF8.self) == text else {
            throw ModelError(
                "\(folder.path): parts of a run with another model, other inputs or options; go on with those, or remove the folder"
            )
        }
    }

    private func place(_ index: Int) -> URL {
        let digits = String(index)
        return folder.appending(
            path: "part-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".jsonl")
    }

    /// Writes a part, unless it is there.
    ///
    /// - Parameter lines: makes it, line ends included.
    package func write(_ index: Int, _ lines: () throws -> String) throws {
        guard !FileManager.default.fileExists(atPath: place(index).path) else { return }
        try AtomicFile.write(try lines(), to: place(index))
    }

    /// Joins the first `count` parts, which are then removed.
    package func finish(_ count: Int) throws {
        try Disk.write(to: output) { descriptor in
            for index in 0..<count {
                guard let data = FileManager.default.contents(atPath: place(index).path) else {
                    throw ModelError("\(place(index).path): missing; the same command makes it again")
                }
                try data.withUnsafeBytes { try Disk.write($0, descriptor, output.path) }
            }
        }
        try? FileManager.default.removeItem(at: folder)
    }
}
