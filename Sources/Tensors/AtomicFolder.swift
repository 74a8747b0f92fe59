import Foundation
import JSON

/// A folder that appears under its name only when it is complete and on disk.
public enum AtomicFolder {
    /// How names of unfinished folders end; they begin with a dot. One that a killed process left behind may be deleted.
    public static let unfinishedSuffix = ".partial"

    /// Creates a folder beside `url`, lets `body` fill it, makes it durable and renames it. `body` makes its files durable
    /// itself, as ``AtomicFile`` and `SafetensorsFile.write` do. On an error nothing is left behind.
    ///
    /// - Throws: ``TensorFileError``, or what `body` throws. `url` must not exist, or be an empty folder.
    public static func write(to url: URL, _ body: (_ partial: URL) throws -> Void) throws {
        let parent = url.deletingLastPathComponent()
        let partial = parent.appendingPathComponent(
            ".\(url.lastPathComponent).\(getpid())-\(UInt32.random(in: 0...UInt32.max))\(unfinishedSuffix)")
        do {
            try Disk.makeFolder(partial, withMissing: false)
            do {
                try body(partial)
                try Disk.synchronize(folder: partial)
                try Disk.rename(partial.path, to: url)
            } catch {
                try? FileManager.default.removeItem(at: partial)
                throw error
            }
        } catch let error as Disk.Failure {
            throw TensorFileError(
                error.description.replacing(partial.lastPathComponent, with: url.lastPathComponent))
        }
    }
}
