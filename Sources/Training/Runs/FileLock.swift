import Foundation

/// A lock file that one process at a time holds, for a folder that only one may write to; the system lets go of it when the
/// process ends, however it ends.
package final class FileLock {
    private let descriptor: Int32

    /// Takes the lock, or throws a ``TrainingError`` that names the process which has it.
    ///
    /// - Parameters:
    ///   - name: of the lock's file in the folder.
    ///   - work: what its owner does there, for the message: "training in".
    package init(_ name: String, in folder: URL, for work: String) throws {
        let url = folder.appending(path: name)
        let descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw TrainingError("\(url.path): cannot write: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let isTaken = errno == EWOULDBLOCK, reason = String(cString: strerror(errno))
            close(descriptor)
            guard isTaken else { throw TrainingError("\(url.path): cannot lock: \(reason)") }
            let owner = (try? String(contentsOf: url, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
            throw TrainingError(
                "\(folder.path): process \(owner ?? "(unknown)") is \(work) this folder; wait for it, or name another")
        }
        self.descriptor = descriptor
        ftruncate(descriptor, 0)
        let text = "\(getpid())\n"
        // Only for the message above: the lock itself needs no content.
        _ = write(descriptor, text, text.utf8.count)
    }

    deinit { close(descriptor) }
}
