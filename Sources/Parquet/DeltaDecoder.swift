/// Reads integers stored as differences, in blocks of miniblocks of packed bits (DELTA_BINARY_PACKED).
struct DeltaDecoder {
    private let memory: PageMemory
    private var position: Int
    private let blockSize: Int
    private let miniblocks: Int
    /// Values in all.
    let count: Int
    private var done = 0
    private var last: UInt64
    private var smallest: UInt64 = 0
    /// Bits of a difference in each miniblock of the block.
    private var widths: [Int]
    private var miniblock: Int
    private var leftInMiniblock = 0
    private var bit = 0
    private let mostBits: Int

    /// A decoder of what begins at `start`.
    ///
    /// - Parameter bits: of the integers, 32 or 64.
    init(_ memory: PageMemory, _ start: Int, bits: Int) throws {
        self.memory = memory
        position = start
        mostBits = bits
        var reader = ThriftReader(memory.bytes(start..<memory.count))
        let block = try reader.varint(), parts = try reader.varint(), count = try reader.varint()
        guard block > 0, block <= 1 << 16, block % 128 == 0, parts > 0, parts <= block, block % parts == 0,
            (block / parts) % 8 == 0
        else { throw Fault("differences in blocks of \(block) values in \(parts) parts") }
        guard count <= UInt64(Int32.max) else { throw Fault("\(count) differences in a page") }
        (blockSize, miniblocks, self.count) = (Int(block), Int(parts), Int(count))
        last = UInt64(bitPattern: try reader.zigzag())
        position = start + reader.position
        widths = Array(repeating: 0, count: miniblocks)
        miniblock = miniblocks
    }

    /// The next value, of which the lower bits count. Sums wrap around, as they do where they are written.
    mutating func next() throws -> UInt64 {
        guard done < count else { throw Fault.end }
        done += 1
        if done == 1 { return last }
        if leftInMiniblock == 0 { try advance() }
        leftInMiniblock -= 1
        let width = widths[miniblock]
        var difference: UInt64 = 0
        if width > 0 {
            var taken = 0
            while taken < width {
                let byte = UInt64(memory.base.load(fromByteOffset: bit >> 3, as: UInt8.self))
                let shift = bit & 7, count = min(8 - shift, width - taken)
                difference |= ((byte >> UInt64(shift)) & (1 << UInt64(count) - 1)) << UInt64(taken)
                taken += count
                bit += count
            }
        }
        last = last &+ smallest &+ difference
        return last
    }

    /// Begins the next miniblock.
    private mutating func advance() throws {
        miniblock += 1
        if miniblock >= miniblocks {
            var reader = ThriftReader(memory.bytes(position..<memory.count))
            smallest = UInt64(bitPattern: try reader.zigzag())
            for index in widths.indices {
                // Widths of miniblocks that are not needed may be anything.
                widths[index] = Int(try reader.byte())
            }
            position += reader.position
            miniblock = 0
        }
        let width = widths[miniblock], size = blockSize / miniblocks
        guard width <= mostBits else { throw Fault("differences of \(width) bits") }
        let bytes = size / 8 * width
        let wanted = min(size, count - done + 1)
        // Some writers leave out the padding behind the last value.
        guard (wanted * width + 7) / 8 <= memory.count - position else { throw Fault.end }
        bit = position * 8
        position += min(bytes, memory.count - position)
        leftInMiniblock = size
    }

    /// Reads all values, each of which must be a length, and says where they end.
    static func lengths(_ memory: PageMemory, _ start: Int, most: Int) throws -> (lengths: [Int32], end: Int) {
        var decoder = try DeltaDecoder(memory, start, bits: 32)
        guard decoder.count <= most else { throw Fault("\(decoder.count) lengths for \(most) values") }
        var lengths: [Int32] = []
        for _ in 0..<decoder.count {
            let length = Int32(truncatingIfNeeded: try decoder.next())
            guard length >= 0 else { throw Fault("a value of negative length") }
            lengths.append(length)
        }
        return (lengths, decoder.position)
    }
}
