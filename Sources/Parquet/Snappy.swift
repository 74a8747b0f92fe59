/// Snappy's raw format: a length, then pieces that are bytes of their own or copies of what came before.
package enum Snappy {
    private static let damaged = "a page is no Snappy of its length"

    /// Expands `input` into `output`, all of which it must fill.
    package static func expand(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws {
        var from = 0, to = 0
        var length: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard from < input.count, shift < 35 else { throw Fault(damaged) }
            let byte = input[from]
            from += 1
            length |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { break }
            shift += 7
        }
        guard length == UInt64(output.count) else { throw Fault(damaged) }
        guard let source = input.baseAddress, let target = output.baseAddress else { return }
        while from < input.count {
            let tag = Int(input[from])
            from += 1
            if tag & 3 == 0 {
                var count = tag >> 2 + 1
                if count > 60 {
                    let bytes = count - 60
                    guard input.count - from >= bytes else { throw Fault(damaged) }
                    count = 0
                    for index in 0..<bytes { count |= Int(input[from + index]) << (8 * index) }
                    count += 1
                    from += bytes
                }
                guard count <= input.count - from, count <= output.count - to else { throw Fault(damaged) }
                (target + to).copyMemory(from: source + from, byteCount: count)
                from += count
                to += count
                continue
            }
            let count: Int, back: Int
            switch tag & 3 {
            case 1:
                guard input.count - from >= 1 else { throw Fault(damaged) }
                count = (tag >> 2) & 7 + 4
                back = (tag >> 5) << 8 | Int(input[from])
                from += 1
            case 2:
                guard input.count - from >= 2 else { throw Fault(damaged) }
                count = tag >> 2 + 1
                back = Int(input[from]) | Int(input[from + 1]) << 8
                from += 2
            default:
                guard input.count - from >= 4 else { throw Fault(damaged) }
                count = tag >> 2 + 1
                back = (0..<4).reduce(0) { $0 | Int(input[from + $1]) << (8 * $1) }
                from += 4
            }
            guard back > 0, back <= to, count <= output.count - to else { throw Fault(damaged) }
            copyBack(target + to, back, count)
            to += count
        }
        guard to == output.count else { throw Fault(damaged) }
    }

    /// Repeats what stands `back` bytes before `place`; both may overlap, as in a run.
    @inline(__always)
    static func copyBack(_ place: UnsafeMutableRawPointer, _ back: Int, _ count: Int) {
        if back >= count {
            place.copyMemory(from: place - back, byteCount: count)
        } else {
            for index in 0..<count {
                place.storeBytes(of: (place - back + index).load(as: UInt8.self), toByteOffset: index, as: UInt8.self)
            }
        }
    }

    // MARK: Writing

    /// Compresses bytes. Greedy, with a table of the places where four bytes were last seen, block by block of 64 KiB.
    package static func compress(_ input: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(input.count / 2 + 32)
        var rest = input.count
        while rest >= 0x80 {
            output.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        output.append(UInt8(rest))
        var table = [UInt16](repeating: 0, count: 1 << 14)
        input.withUnsafeBytes { input in
            for start in stride(from: 0, to: input.count, by: 1 << 16) {
                let block = UnsafeRawBufferPointer(rebasing: input[start..<min(start + 1 << 16, input.count)])
                compress(block: block, &table, &output)
            }
        }
        return output
    }

    private static func compress(block: UnsafeRawBufferPointer, _ table: inout [UInt16], _ output: inout [UInt8]) {
        func word(_ place: Int) -> UInt32 { block.loadUnaligned(fromByteOffset: place, as: UInt32.self) }
        for index in table.indices { table[index] = 0 }
        var place = 1, unwritten = 0, misses = 32
        while place + 4 <= block.count {
            let four = word(place)
            let slot = Int((four &* 0x1E35_A7BD) >> 18)
            let earlier = Int(table[slot])
            table[slot] = UInt16(place)
            guard earlier < place, word(earlier) == four else {
                // Where nothing repeats, look less and less often.
                place += misses >> 5
                misses += 1
                continue
            }
            misses = 32
            literal(block, unwritten..<place, &output)
            var length = 4
            while place + length < block.count, block[earlier + length] == block[place + length] { length += 1 }
            copy(back: place - earlier, length, &output)
            place += length
            unwritten = place
        }
        literal(block, unwritten..<block.count, &output)
    }

    private static func literal(_ block: UnsafeRawBufferPointer, _ range: Range<Int>, _ output: inout [UInt8]) {
        guard !range.isEmpty else { return }
        let count = range.count - 1
        switch count {
        case 0..<60: output.append(UInt8(count << 2))
        case 60..<256: output += [60 << 2, UInt8(count)]
        default: output += [61 << 2, UInt8(count & 255), UInt8(count >> 8)]
        }
        output.append(contentsOf: block[range])
    }

    private static func copy(back: Int, _ length: Int, _ output: inout [UInt8]) {
        var rest = length
        while rest > 0 {
            let count = min(rest, 64)
            output += [UInt8((count - 1) << 2 | 2), UInt8(back & 255), UInt8(back >> 8)]
            rest -= count
        }
    }
}
