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

/// Memory that was used keeps its pages for the next tensor of the same size: a training step asks for the same sizes every
/// time, and fresh pages cost more than the arithmetic of small layers.
final class MemoryPool: @unchecked Sendable {
    static let shared = MemoryPool()

    private let lock = NSLock()
    private var free: [Int: [UnsafeMutableRawPointer]] = [:]
    private var freeBytes = 0
    /// Free memory beyond this returns to the system.
    private let limit = 3 << 30
    private static let hugePage = 2 << 20

    /// Sizes are rounded up so that nearly equal ones share a list.
    private static func rounded(_ byteCount: Int) -> Int {
        let step = byteCount >= 1 << 20 ? 1 << 18 : byteCount >= 1 << 14 ? 4096 : 256
        return (max(byteCount, 1) + step - 1) / step * step
    }

    func take(_ byteCount: Int) -> UnsafeMutableRawPointer {
        let size = MemoryPool.rounded(byteCount)
        lock.lock()
        if let address = free[size]?.popLast() {
            freeBytes -= size
            lock.unlock()
            return address
        }
        lock.unlock()
        let alignment = size >= MemoryPool.hugePage ? MemoryPool.hugePage : 64
        var address: UnsafeMutableRawPointer?
        guard posix_memalign(&address, alignment, size) == 0, let address else {
            trap("out of memory: \(size) bytes wanted")
        }
        #if os(Linux)
            if size >= MemoryPool.hugePage { madvise(address, size, MADV_HUGEPAGE) }
        #endif
        return address
    }

    func give(_ address: UnsafeMutableRawPointer, _ byteCount: Int) {
        let size = MemoryPool.rounded(byteCount)
        lock.lock()
        guard freeBytes + size <= limit else {
            lock.unlock()
            Foundation.free(address)
            return
        }
        free[size, default: []].append(address)
        freeBytes += size
        lock.unlock()
    }

    /// Returns all free memory to the system.
    func empty() {
        lock.lock()
        let lists = free
        free = [:]
        freeBytes = 0
        lock.unlock()
        for address in lists.values.joined() { Foundation.free(address) }
    }
}

extension Machine {
    /// Gives memory that no tensor uses back to the system, for instance between two phases of different size.
    public static func releaseUnusedMemory() {
        MemoryPool.shared.empty()
        ck_trim_memory()
    }
}
