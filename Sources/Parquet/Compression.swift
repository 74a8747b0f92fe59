import CCompression

/// How pages are compressed.
public enum ParquetCompression: Int, Sendable {
    case none = 0, snappy = 1, gzip = 2, lz4 = 7, zstd = 6
}

/// Compresses and expands pages.
enum Codec {
    /// The compression of a number in the footer. Throws with the name of one that is not read.
    static func named(_ number: Int) throws -> ParquetCompression {
        if let known = ParquetCompression(rawValue: number) { return known }
        let names = [3: "LZO", 4: "Brotli", 5: "LZ4 in Hadoop's frames"]
        throw Fault(
            refused:
                "is compressed with \(names[number] ?? "the unknown method \(number)"), which is not read; write it again with compression=\"zstd\""
        )
    }

    /// Expands a part of a page into `output`, all of which it must fill.
    static func expand(
        _ input: UnsafeRawBufferPointer, _ compression: ParquetCompression, into output: UnsafeMutableRawBufferPointer
    ) throws {
        switch compression {
        case .none:
            guard input.count == output.count else {
                throw Fault("a page of \(input.count) bytes that says \(output.count)")
            }
            output.copyMemory(from: input)
        case .snappy: try Snappy.expand(input, into: output)
        case .lz4: try LZ4.expand(input, into: output)
        case .zstd:
            let count = ZSTD_decompress(output.baseAddress, output.count, input.baseAddress, input.count)
            guard ZSTD_isError(count) == 0, count == output.count else {
                throw Fault("a page is no zstd of its length")
            }
        case .gzip: try inflate(input, into: output)
        }
    }

    /// The most that `count` compressed bytes can become, so that a length that is made up is known before memory is used.
    static func mostBytes(of count: Int, _ compression: ParquetCompression) -> Int {
        switch compression {
        case .none: count
        case .snappy: count * 32 + 64
        case .lz4: count * 256 + 64
        case .gzip: count * 1040 + 64
        case .zstd: count * 65536 + 64
        }
    }

    private static func inflate(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws {
        let damaged = Fault("a page is no gzip of its length")
        var stream = z_stream()
        // 32 recognizes gzip's and zlib's own headers.
        guard inflateInit2_(&stream, 32 + MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw damaged
        }
        defer { inflateEnd(&stream) }
        var spare: UInt8 = 0
        try withUnsafeMutablePointer(to: &spare) { spare in
            stream.next_in = UnsafeMutablePointer(
                mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
            stream.avail_in = UInt32(clamping: input.count)
            stream.next_out = output.isEmpty ? spare : output.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.avail_out = UInt32(clamping: output.count)
            while true {
                let state = CCompression.inflate(&stream, Z_FINISH)
                guard state == Z_STREAM_END else { throw damaged }
                // Some writers put several members behind one another.
                if stream.avail_out == 0 { return }
                guard stream.avail_in > 0, inflateReset(&stream) == Z_OK else { throw damaged }
            }
        }
    }

    /// Compresses bytes for a page.
    static func compress(_ input: [UInt8], _ compression: ParquetCompression, level: Int) -> [UInt8] {
        switch compression {
        case .none: return input
        case .snappy: return Snappy.compress(input)
        case .zstd:
            return [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(input.count)) { buffer, count in
                count = ZSTD_compress(buffer.baseAddress, buffer.count, input, input.count, Int32(level))
                precondition(ZSTD_isError(count) == 0, "zstd cannot compress into a buffer of its own bound")
            }
        case .gzip, .lz4: preconditionFailure("\(compression) is not written")
        }
    }

    /// The CRC-32 of a page's bytes.
    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        UInt32(truncatingIfNeeded: crc32_z(0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
    }
}
