import Foundation

/// A piece of memory with one owner: allocated here, reserved here, or a file mapped read-only.
///
/// Only the kernels of this module read and write it. A buffer is written by the operation that makes it, or in place by one
/// that holds the only use of it; after that it is read. This is what makes it safe to share between threads.
final class Buffer: @unchecked Sendable {
    let address: UnsafeMutableRawPointer
    let byteCount: Int
    private let owner: Owner

    private enum Owner {
        case pool
        case reservation
        case file
    }

    /// Uninitialized memory.
    init(byteCount: Int) {
        self.byteCount = byteCount
        address = MemoryPool.shared.take(byteCount)
        owner = .pool
    }

    /// Zeros that take no memory until they are written, page by page; nil where the system has no addresses for so many.
    init?(reserving byteCount: Int) {
        #if canImport(Glibc)
            let flags = MAP_PRIVATE | MAP_ANON | Int32(MAP_NORESERVE)
        #else
            let flags = MAP_PRIVATE | MAP_ANON
        #endif
        guard let mapped = mmap(nil, max(byteCount, 1), PROT_READ | PROT_WRITE, flags, -1, 0), mapped != MAP_FAILED
        else { return nil }
        address = mapped
        self.byteCount = max(byteCount, 1)
        owner = .reservation
    }

    /// Gives the memory of whole pages among these bytes of a reservation back to the system. What they held is lost.
    func forget(_ bytes: Range<Int>) {
        guard case .reservation = owner else { return }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let begin = (bytes.lowerBound + page - 1) / page * page, end = bytes.upperBound / page * page
        guard begin < end else { return }
        #if canImport(Glibc)
            madvise(address + begin, end - begin, Int32(MADV_DONTNEED))
        #else
            madvise(address + begin, end - begin, MADV_FREE)
        #endif
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

    /// Some of the bytes, copied.
    func bytes(_ range: Range<Int>) -> [UInt8] { withBytes(range) { Array($0) } }

    /// Reads some of the bytes in place: for the headers of files.
    func withBytes<Result>(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        require(range.lowerBound >= 0 && range.upperBound <= byteCount, "bytes \(range) of \(byteCount)")
        return try withExtendedLifetime(self) {
            try body(UnsafeRawBufferPointer(start: address + range.lowerBound, count: range.count))
        }
    }

    /// All bytes in place, as `Data` that holds on to the buffer: for a header that is read part by part.
    var data: Data {
        Data(bytesNoCopy: address, count: byteCount, deallocator: .custom { _, _ in withExtendedLifetime(self) {} })
    }

    deinit {
        switch owner {
        case .pool: MemoryPool.shared.give(address, byteCount)
        case .reservation, .file: munmap(address, byteCount)
        }
    }
}
