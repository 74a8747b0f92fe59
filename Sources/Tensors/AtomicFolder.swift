import Foundation

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
        func failure() -> TensorFileError {
            TensorFileError("\(url.path): cannot write: \(String(cString: strerror(errno)))")
        }
        guard mkdir(partial.path, 0o755) == 0 else { throw failure() }
        do {
            try body(partial)
            try synchronize(partial)
            guard rename(partial.path, url.path) == 0 else { throw failure() }
        } catch {
            try? FileManager.default.removeItem(at: partial)
            throw error
        }
        try synchronize(parent)
    }

    /// Makes the names in a folder durable. Throws ``TensorFileError``.
    public static func synchronize(_ folder: URL) throws {
        let descriptor = open(folder.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw TensorFileError("\(folder.path): cannot open: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        // Some file systems cannot do this for folders, and say EINVAL.
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw TensorFileError("\(folder.path): cannot write: \(String(cString: strerror(errno)))")
        }
    }
}
