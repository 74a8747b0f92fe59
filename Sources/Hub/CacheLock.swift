import Foundation
import JSON

/// A lock that Python's filelock understands: `flock` on a file below `.locks/`. It ends with the process that holds it, however
/// that ends.
final class CacheLock: Sendable {
    private let descriptor: Int32

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Takes the lock if it is free; nil if somebody holds it.
    static func attempt(_ url: URL) throws -> CacheLock? {
        try Disk.makeFolder(url.deletingLastPathComponent())
        while true {
            let descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o664)
            guard descriptor >= 0 else {
                throw HubError(.disk, "\(url.path): cannot lock: \(String(cString: strerror(errno)))")
            }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let code = errno
                // A file system without locks: what two processes write at once, the hash of the whole file finds out.
                if [ENOLCK, ENOSYS, EOPNOTSUPP].contains(code) { return CacheLock(descriptor) }
                close(descriptor)
                if code == EINTR { continue }
                guard code == EWOULDBLOCK else {
                    throw HubError(.disk, "\(url.path): cannot lock: \(String(cString: strerror(code)))")
                }
                return nil
            }
            // Whoever held it may have removed the file: then this is the lock of nothing.
            var own = stat(), named = stat()
            if fstat(descriptor, &own) == 0, stat(url.path, &named) == 0, own.st_ino == named.st_ino,
                own.st_dev == named.st_dev
            {
                return CacheLock(descriptor)
            }
            close(descriptor)
        }
    }

    /// Waits for the lock.
    ///
    /// - Parameter busy: told once, when it has to be waited for.
    static func take(_ url: URL, _ clock: HubClock, busy: () -> Void) async throws -> CacheLock {
        var hasTold = false
        while true {
            if let lock = try attempt(url) { return lock }
            if !hasTold { busy() }
            hasTold = true
            try await clock.sleep(.milliseconds(200))
        }
    }
}
