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
///
/// What is kept never makes the process larger than the most that was in use at once, by more than a little: before it grows
/// beyond that, free memory of other sizes goes back to the system.
final class MemoryPool: @unchecked Sendable {
    static let shared = MemoryPool()

    private let lock = NSLock()
    private var free: [Int: [UnsafeMutableRawPointer]] = [:]
    private var freeBytes = 0
    /// Bytes in use, and the most that ever were.
    private var usedBytes = 0, mostUsedBytes = 0
    /// Free memory beyond this returns to the system.
    private let limit = 3 << 30
    /// What may be free beside the most that was ever in use.
    private let slack = 256 << 20
    private static let hugePage = 2 << 20

    /// Sizes are rounded up so that nearly equal ones share a list.
    private static func rounded(_ byteCount: Int) -> Int {
        let step = byteCount >= 1 << 20 ? 1 << 18 : byteCount >= 1 << 14 ? 4096 : 256
        return (max(byteCount, 1) + step - 1) / step * step
    }

    func take(_ byteCount: Int) -> UnsafeMutableRawPointer {
        let size = MemoryPool.rounded(byteCount)
        lock.lock()
        usedBytes += size
        mostUsedBytes = max(mostUsedBytes, usedBytes)
        if let address = free[size]?.popLast() {
            freeBytes -= size
            lock.unlock()
            return address
        }
        let surplus = evict(usedBytes + freeBytes - mostUsedBytes - slack)
        lock.unlock()
        for address in surplus { Foundation.free(address) }
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

    /// Takes free memory of at least `byteCount` bytes out of the lists, the largest pieces first; of it the pieces.
    private func evict(_ byteCount: Int) -> [UnsafeMutableRawPointer] {
        guard byteCount > 0, freeBytes > 0 else { return [] }
        var pieces: [UnsafeMutableRawPointer] = [], left = byteCount
        for size in free.keys.sorted(by: >) {
            while left > 0, let address = free[size]?.popLast() {
                pieces.append(address)
                freeBytes -= size
                left -= size
            }
            if free[size]?.isEmpty == true { free[size] = nil }
            if left <= 0 { break }
        }
        return pieces
    }

    func give(_ address: UnsafeMutableRawPointer, _ byteCount: Int) {
        let size = MemoryPool.rounded(byteCount)
        lock.lock()
        usedBytes -= size
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
