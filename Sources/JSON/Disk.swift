import Foundation
import Synchronization

/// How what is written gets to the disk, and stays there when the power fails: the one place that every file, folder and link that is to
/// outlive the process goes through.
///
/// A file's bytes are on disk once it was synchronized, its name once its folder was. So a file is written aside, synchronized and
/// renamed, and then its folder is synchronized; of a new folder the folder that it lies in is.
public enum Disk {
    /// What could not be done, in one line.
    public struct Failure: Error, CustomStringConvertible, Sendable {
        /// The line.
        public let description: String

        init(describing description: String) { self.description = description }

        /// What ended the writing of a file: a failure as it is, or an error of Foundation's.
        public init(_ error: any Error, writing path: String) {
            self =
                error as? Failure
                ?? Failure(describing: "\(path): cannot write: \(error.localizedDescription)")
        }

        /// What failed at a path, for the reason in `errno`.
        init(_ path: String, _ what: String = "cannot write", _ code: Int32 = errno) {
            description = "\(path): \(what): \(String(cString: strerror(code)))"
        }
    }

    /// What was done, in the order in which it was done.
    package enum Event: Equatable, Sendable {
        /// The bytes of an open file are on disk.
        case file(String)
        /// The names in a folder are on disk.
        case folder(String)
        /// A folder was made.
        case made(String)
        /// Something got its name.
        case renamed(from: String, to: String)
    }
    private struct Observer: Sendable {
        let folder: String
        let hear: @Sendable (Event) -> Void
    }
    private static let observers = Mutex<[UUID: Observer]>([:])

    /// Tells of what is done to things in a folder while `body` runs, in whatever thread: for tests.
    package static func observing<Result>(
        _ folder: URL, _ hear: @escaping @Sendable (Event) -> Void, _ body: () throws -> Result
    ) rethrows -> Result {
        let key = UUID(), observer = Observer(folder: folder.path, hear: hear)
        observers.withLock { $0[key] = observer }
        defer { _ = observers.withLock { $0.removeValue(forKey: key) } }
        return try body()
    }

    private static func tell(_ event: Event, of path: String) {
        let interested = observers.withLock {
            $0.values.filter { path == $0.folder || path.hasPrefix($0.folder + "/") }
        }
        for observer in interested { observer.hear(event) }
    }

    // MARK: Files

    /// Writes a file aside, makes it durable and gives it its name. On an error nothing is left behind.
    ///
    /// - Parameter body: writes through the descriptor.
    /// - Throws: a ``Failure``, or what `body` throws.
    public static func write(to url: URL, _ body: (_ descriptor: Int32) throws -> Void) throws {
        let temporary = url.path + ".\(getpid())-\(UInt32.random(in: 0...UInt32.max)).partial"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Failure(url.path) }
        do {
            defer { close(descriptor) }
            try body(descriptor)
            try synchronize(descriptor, url.path)
        } catch {
            unlink(temporary)
            throw error
        }
        do { try rename(temporary, to: url) } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Writes a file of these bytes. Throws a ``Failure``.
    public static func write(_ data: Data, to url: URL) throws {
        try write(to: url) { descriptor in try data.withUnsafeBytes { try write($0, descriptor, url.path) } }
    }

    /// Writes bytes to an open file, all of them. Throws a ``Failure`` that names `path`.
    public static func write(_ bytes: UnsafeRawBufferPointer, _ descriptor: Int32, _ path: String) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest)
            let written = Foundation.write(descriptor, part.baseAddress, min(part.count, 1 << 30))
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw Failure(path) }
            rest = rest.dropFirst(written)
        }
    }

    /// Waits until the bytes of an open file are on disk. Throws a ``Failure`` that names `path`.
    public static func synchronize(_ descriptor: Int32, _ path: String) throws {
        guard fsync(descriptor) == 0 else { throw Failure(path) }
        tell(.file(path), of: path)
    }

    /// Copies a file, or a folder with all that is in it, and waits until the copy is on disk, but for the name it gets. Throws a one-line
    /// error.
    public static func copy(_ source: URL, to url: URL) throws {
        do { try FileManager.default.copyItem(at: source, to: url) } catch {
            throw Failure(describing: "\(url.path): cannot copy \(source.path): \(error.localizedDescription)")
        }
        try synchronizeAll(url)
    }

    private static func synchronizeAll(_ url: URL) throws {
        var status = stat()
        guard lstat(url.path, &status) == 0 else { throw Failure(url.path) }
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            for name in (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? [] {
                try synchronizeAll(url.appendingPathComponent(name))
            }
            try synchronize(folder: url)
        case S_IFREG:
            let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw Failure(url.path) }
            defer { close(descriptor) }
            try synchronize(descriptor, url.path)
        default: break
        }
    }

    /// Free bytes of the disk that a folder lies on, or would lie on; nil where that cannot be told.
    package static func freeSpace(_ folder: URL) -> Int? {
        var url = folder
        while true {
            var status = statvfs()
            if statvfs(url.path, &status) == 0 {
                return Int(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize))
            }
            let parent = url.deletingLastPathComponent()
            if parent.path == url.path { return nil }
            url = parent
        }
    }

    // MARK: Names

    /// Gives a file, link or folder its name, in place of what had it. Throws a ``Failure``.
    public static func rename(_ path: String, to url: URL) throws {
        guard Foundation.rename(path, url.path) == 0 else { throw Failure(url.path) }
        tell(.renamed(from: path, to: url.path), of: url.path)
        try synchronize(folder: url.deletingLastPathComponent())
    }

    /// Makes a folder, and those on the way to it that are missing, unless `withMissing` is false. One that is there stays. Throws a
    /// ``Failure``.
    public static func makeFolder(_ url: URL, withMissing: Bool = true) throws {
        func isFolder() -> Bool {
            var status = stat()
            return stat(url.path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        }
        if isFolder() { return }
        let parent = url.deletingLastPathComponent()
        if withMissing, parent.path != url.path { try makeFolder(parent) }
        guard mkdir(url.path, 0o755) == 0 else {
            let code = errno
            if code == EEXIST, isFolder() { return }
            throw Failure(url.path, "cannot make the folder", code)
        }
        tell(.made(url.path), of: url.path)
        try synchronize(folder: parent)
    }

    /// Waits until the names in a folder are on disk. Throws a ``Failure``.
    public static func synchronize(folder: URL) throws {
        let descriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            // A folder that may be written to but not be listed cannot be opened for this either.
            if errno == EACCES { return }
            throw Failure(folder.path)
        }
        defer { close(descriptor) }
        // Some file systems cannot do this for folders, and say EINVAL.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw Failure(folder.path) }
        tell(.folder(folder.path), of: folder.path)
    }
}
