/// Reads small unsigned numbers stored as runs of one number and groups of eight packed bits: levels and places in a dictionary.
package struct HybridDecoder {
    private let memory: PageMemory
    private var position: Int
    private let end: Int
    /// Bits of a number, 0...32.
    let width: Int
    /// Numbers left of the present run.
    private var left = 0
    private var value: UInt32 = 0
    /// For packed bits: where the next number begins, in bits from the page's beginning. Negative in a run.
    private var bit = -1

    /// A decoder of the bytes in `range`.
    package init(_ memory: PageMemory, _ range: Range<Int>, width: Int) throws {
        guard (0...32).contains(width) else { throw Fault("numbers of \(width) bits") }
        guard range.upperBound <= memory.count else { throw Fault.end }
        self.memory = memory
        position = range.lowerBound
        end = range.upperBound
        self.width = width
    }

    /// Levels in the older encoding: packed bits alone, the highest first. They are turned into what the other decoder reads.
    static func levels(
        packedHighestFirst memory: PageMemory, _ start: Int, count: Int, width: Int
    ) throws -> (
        decoder: HybridDecoder, end: Int
    ) {
        let length = (count * width + 7) / 8
        guard length <= memory.count - start else { throw Fault.end }
        let groups = (count + 7) / 8
        let turned = try PageMemory(count: groups * width)
        turned.base.initializeMemory(as: UInt8.self, repeating: 0, count: turned.count)
        for index in 0..<count * width where memory.bit(8 * start + index / 8 * 8 + 7 - index % 8) {
            // Bit b of number n stands at n·width + width − 1 − b.
            let number = index / width, bit = number * width + width - 1 - index % width
            let byte = turned.base.load(fromByteOffset: bit / 8, as: UInt8.self)
            turned.base.storeBytes(of: byte | 1 << (bit % 8), toByteOffset: bit / 8, as: UInt8.self)
        }
        var decoder = try HybridDecoder(turned, 0..<turned.count, width: width)
        decoder.left = groups * 8
        decoder.bit = 0
        return (decoder, start + length)
    }

    /// Begins the next run.
    private mutating func advance() throws {
        var header: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard position < end else { throw Fault.end }
            let byte = memory.base.load(fromByteOffset: position, as: UInt8.self)
            position += 1
            guard shift < 35 else { throw Fault("a run of impossible length") }
            header |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { break }
            shift += 7
        }
        let count = Int(header >> 1)
        guard count > 0 else { throw Fault("a run of no length") }
        if header & 1 == 0 {
            let bytes = (width + 7) / 8
            guard bytes <= end - position else { throw Fault.end }
            value = 0
            for index in 0..<bytes {
                value |= UInt32(memory.base.load(fromByteOffset: position + index, as: UInt8.self)) << (8 * index)
            }
            position += bytes
            left = count
            bit = -1
        } else {
            // Some writers leave out the padding of the last group.
            let available = end - position
            let bytes = min(count * width, available)
            left = bytes == count * width ? count * 8 : bytes * 8 / width
            guard left > 0 else { throw Fault.end }
            bit = position * 8
            position += bytes
        }
    }

    /// Reads `target.count` numbers. Those that a target's element cannot hold are cut off, so the element must have `width` bits.
    @inline(__always)
    package mutating func read<Number: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
        _ target: UnsafeMutableBufferPointer<Number>
    ) throws {
        var done = 0
        if width == 0 {
            target.update(repeating: 0)
            return
        }
        while done < target.count {
            if left == 0 { try advance() }
            let count = min(left, target.count - done)
            if bit < 0 {
                UnsafeMutableBufferPointer(rebasing: target[done..<done + count])
                    .update(repeating: Number(truncatingIfNeeded: value))
            } else {
                unpack(UnsafeMutableBufferPointer(rebasing: target[done..<done + count]))
            }
            left -= count
            done += count
        }
    }

    @inline(__always)
    private mutating func unpack<Number: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
        _ target: UnsafeMutableBufferPointer<Number>
    ) {
        let mask: UInt64 = 1 << UInt64(width) - 1
        var place = bit
        var index = 0
        if width == 1, MemoryLayout<Number>.size == 1, place & 7 == 0 {
            // Eight at once: each byte keeps its own bit, and anything but zero becomes one.
            while index + 8 <= target.count {
                let byte = UInt64(memory.base.load(fromByteOffset: place >> 3, as: UInt8.self))
                let own = (byte &* 0x0101_0101_0101_0101) & 0x8040_2010_0804_0201
                let ones = ((own &+ 0x7F7F_7F7F_7F7F_7F7F) >> 7) & 0x0101_0101_0101_0101
                UnsafeMutableRawPointer(target.baseAddress! + index).storeBytes(of: ones.littleEndian, as: UInt64.self)
                index += 8
                place += 8
            }
        }
        let safe = memory.count - 8
        while index < target.count {
            let byte = place >> 3
            let word: UInt64
            if byte <= safe {
                word = UInt64(littleEndian: memory.base.loadUnaligned(fromByteOffset: byte, as: UInt64.self))
            } else {
                var sum: UInt64 = 0
                for offset in 0..<min(8, memory.count - byte) {
                    sum |= UInt64(memory.base.load(fromByteOffset: byte + offset, as: UInt8.self)) << UInt64(8 * offset)
                }
                word = sum
            }
            target[index] = Number(truncatingIfNeeded: word >> UInt64(place & 7) & mask)
            place += width
            index += 1
        }
        bit = place
    }
}

extension PageMemory {
    /// A bit, counted from the lowest of the first byte.
    func bit(_ index: Int) -> Bool {
        base.load(fromByteOffset: index >> 3, as: UInt8.self) >> UInt8(index & 7) & 1 == 1
    }
}
