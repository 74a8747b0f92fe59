import CKernels
import Foundation

/// A piece of memory with one owner: allocated here, or a file mapped read-only.
///
/// Only the kernels of this module read and write it. A buffer is written by the operation that makes it, or in place by one
/// that holds the only use of it; after that it is read. This is what makes it safe to share between threads.
final class Buffer: @unchecked Sendable {
    let address: UnsafeMutableRawPointer
    let byteCount: Int
    private let owner: Owner

    private enum Owner {
        case pool
        case file
    }

    /// Uninitialized memory.
    init(byteCount: Int) {
        self.byteCount = byteCount
        address = MemoryPool.shared.take(byteCount)
        owner = .pool
    }

    /// A file that is mapped, read-only, as long as the buffer lives. Throws a one-line message.
    init(mapping url: URL) throws {
        // Without blocking, for opening a pipe would wait for a writer.
        let descriptor = open(url.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw TensorFileError("\(url.path): cannot open: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, (status.st_mode & S_IFMT) == S_IFREG else {
            throw TensorFileError("\(url.path): not a regular file")
        }
        guard status.st_size > 0 else { throw TensorFileError("\(url.path): the file is empty") }
        guard let mapped = mmap(nil, Int(status.st_size), PROT_READ, MAP_SHARED, descriptor, 0), mapped != MAP_FAILED
        else {
            throw TensorFileError("\(url.path): cannot map: \(String(cString: strerror(errno)))")
        }
        address = mapped
        byteCount = Int(status.st_size)
        owner = .file
    }

    /// A copy of bytes.
    convenience init(copying bytes: UnsafeRawBufferPointer) {
        self.init(byteCount: bytes.count)
        if let base = bytes.baseAddress { address.copyMemory(from: base, byteCount: bytes.count) }
    }

    deinit {
        switch owner {
        case .pool: MemoryPool.shared.give(address, byteCount)
        case .file: munmap(address, byteCount)
        }
    }
}
