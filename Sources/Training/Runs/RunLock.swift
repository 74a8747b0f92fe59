import Foundation

/// Held by the one process that may write to a run folder; the system lets go of it when the process ends, however it ends.
final class RunLock {
    private let descriptor: Int32

    /// Takes the lock, or throws a ``TrainingError`` that names the process which has it.
    init(_ url: URL, of folder: URL) throws {
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
                "\(folder.path): process \(owner ?? "(unknown)") is training in this folder; wait for it, or name another"
            )
        }
        self.descriptor = descriptor
        ftruncate(descriptor, 0)
        let text = "\(getpid())\n"
        // Only for the message above: the lock itself needs no content.
        _ = write(descriptor, text, text.utf8.count)
    }

    deinit { close(descriptor) }
}
