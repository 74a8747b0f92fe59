import Foundation

/// A lock file that one process at a time holds, for a folder or a file that only one may write to; the system lets go of it when the
/// process ends, however it ends.
package final class FileLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock of a folder, or throws a ``TrainingError`` that names the process which has it.
    ///
    /// - Parameters:
    ///   - name: of the lock's file in the folder.
    ///   - work: what its owner does there, for the message: "training in".
    package convenience init(_ name: String, in folder: URL, for work: String) throws {
        try self.init(folder.appending(path: name)) {
            "\(folder.path): process \($0) is \(work) this folder; wait for it, or name another"
        }
    }

    /// Takes a lock, or throws a ``TrainingError``.
    ///
    /// - Parameters:
    ///   - url: the lock's file, which is made if it is not there.
    ///   - permissions: of a file that is made.
    ///   - message: says that the process with a number has the lock.
    package init(_ url: URL, permissions: mode_t = 0o644, takenBy message: (_ owner: String) -> String) throws {
        let descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC, permissions)
        guard descriptor >= 0 else {
            throw TrainingError("\(url.path): cannot write: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let isTaken = errno == EWOULDBLOCK, reason = String(cString: strerror(errno))
            close(descriptor)
            guard isTaken else { throw TrainingError("\(url.path): cannot lock: \(reason)") }
            let owner = (try? String(contentsOf: url, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
            throw TrainingError(message(owner ?? "(unknown)"))
        }
        self.descriptor = descriptor
        ftruncate(descriptor, 0)
        let text = "\(getpid())\n"
        // Only for the message above: the lock itself needs no content.
        _ = write(descriptor, text, text.utf8.count)
    }

    deinit { close(descriptor) }
}
