import Foundation

/// A page's values, expanded.
struct Page {
    let header: PageHeader
    let memory: PageMemory
    /// Where repetition and definition levels stand in pages of version 2, and where the values begin.
    let repetitions: Range<Int>
    let definitions: Range<Int>
    let values: Int
}

/// Reads the pages of a column chunk one after another, holding one at a time.
struct PageReader {
    private let file: OpenFile
    private let compression: ParquetCompression
    /// Where the next page's header begins, and where pages must end.
    private var offset: Int
    private let end: Int
    /// Bytes of the file that were read to find headers, and where they begin.
    private var window: [UInt8] = []
    private var windowStart = 0

    init(_ file: OpenFile, from offset: Int, to end: Int, _ compression: ParquetCompression) throws {
        guard offset >= 4, offset < end else { throw Fault("its pages begin at byte \(offset), outside the file") }
        self.file = file
        self.offset = offset
        self.end = end
        self.compression = compression
    }

    /// The next page.
    mutating func next() throws -> Page {
        let header = try nextHeader()
        offset += header.length
        guard header.compressedSize <= end - offset else { throw Fault.end }
        guard header.uncompressedSize <= Codec.mostBytes(of: header.compressedSize, compression) else {
            throw Fault("a page of \(header.compressedSize) bytes that says it is \(header.uncompressedSize) expanded")
        }
        let body = try PageMemory(count: header.compressedSize)
        try read(into: UnsafeMutableRawBufferPointer(start: body.base, count: body.count))
        offset += header.compressedSize
        if let checksum = header.checksum, Codec.checksum(body.bytes(0..<body.count)) != checksum {
            throw Fault("a page's checksum is wrong")
        }
        return try expand(body, header)
    }

    private func expand(_ body: PageMemory, _ header: PageHeader) throws -> Page {
        let levels = header.kind == .dataV2 ? header.repetitionLength + header.definitionLength : 0
        guard levels <= header.compressedSize, levels <= header.uncompressedSize else {
            throw Fault("a page whose levels are longer than itself")
        }
        let repetitions = 0..<(header.kind == .dataV2 ? header.repetitionLength : 0)
        func page(_ memory: PageMemory) -> Page {
            Page(
                header: header, memory: memory, repetitions: repetitions, definitions: repetitions.upperBound..<levels,
                values: levels)
        }
        let isCompressed = compression != .none && (header.kind != .dataV2 || header.isCompressed)
        guard isCompressed else {
            guard header.compressedSize == header.uncompressedSize else {
                throw Fault("a page of \(header.compressedSize) bytes that says \(header.uncompressedSize)")
            }
            return page(body)
        }
        let memory = try PageMemory(count: header.uncompressedSize)
        memory.base.copyMemory(from: body.base, byteCount: levels)
        let output = UnsafeMutableRawBufferPointer(start: memory.base + levels, count: memory.count - levels)
        // What has no bytes may be compressed to none.
        if !(output.isEmpty && body.count == levels) {
            try Codec.expand(body.bytes(levels..<body.count), compression, into: output)
        }
        return page(memory)
    }

    /// Reads the header at `offset`; a longer piece of the file is taken where it does not fit into what is there.
    private mutating func nextHeader() throws -> PageHeader {
        var wanted = 1 << 14
        while true {
            guard offset < end else { throw Fault.end }
            let reachesEnd = windowStart + window.count >= end
            if offset >= windowStart, offset < windowStart + window.count {
                do {
                    let from = offset - windowStart
                    return try window.withUnsafeBytes { try PageHeader(UnsafeRawBufferPointer(rebasing: $0[from...])) }
                } catch let fault as Fault where fault.isEnd && !reachesEnd && wanted <= 1 << 24 {
                    wanted = window.count - (offset - windowStart) < wanted ? wanted : wanted * 4
                }
            }
            let count = min(wanted, end - offset), file = file, offset = offset
            window = try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                try file.read(UnsafeMutableRawBufferPointer(buffer), at: offset)
                initialized = count
            }
            windowStart = offset
            wanted *= 4
        }
    }

    /// Reads bytes of the file at `offset`, from the window as far as it reaches.
    private func read(into target: UnsafeMutableRawBufferPointer) throws {
        let known = max(0, min(target.count, windowStart + window.count - offset))
        if known > 0 {
            let from = offset - windowStart
            window.withUnsafeBytes {
                target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[from..<from + known]))
            }
        }
        guard known < target.count else { return }
        try file.read(UnsafeMutableRawBufferPointer(rebasing: target[known...]), at: offset + known)
    }
}
