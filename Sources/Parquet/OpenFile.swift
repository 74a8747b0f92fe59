import Foundation

/// A file that is open for reading. It is read, not mapped: a file that somebody cuts short meanwhile is then an error and no crash.
final class OpenFile: Sendable {
    let path: String
    /// Length in bytes when it was opened.
    let size: Int
    private let descriptor: Int32

    init(_ path: String) throws {
        self.path = path
        var status = stat()
        // Looked at before it is opened: a pipe that is opened and closed again has lost its writer.
        guard stat(path, &status) == 0 else {
            throw ParquetError(path, "cannot be read: \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ParquetError(path, "is no file; Parquet is read from files, not from folders or pipes")
        }
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ParquetError(path, "cannot be read: \(String(cString: strerror(errno)))")
        }
        guard fstat(descriptor, &status) == 0 else {
            close(descriptor)
            throw ParquetError(path, "cannot be read: \(String(cString: strerror(errno)))")
        }
        size = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// Reads exactly as many bytes as `target` has.
    func read(_ target: UnsafeMutableRawBufferPointer, at offset: Int) throws {
        var done = 0
        while done < target.count {
            let count = pread(descriptor, target.baseAddress! + done, target.count - done, off_t(offset + done))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw Fault(refused: "cannot be read: \(String(cString: strerror(errno)))")
            }
            guard count > 0 else { throw Fault.end }
            done += count
        }
    }
}
