/// Writes small unsigned numbers as runs of one number and groups of eight packed bits; see ``HybridDecoder``.
package enum HybridEncoder {
    /// Appends numbers of `width` bits.
    package static func append<Number: FixedWidthInteger & UnsignedInteger>(
        _ numbers: [Number], width: Int, to bytes: inout [UInt8]
    ) {
        numbers.withUnsafeBufferPointer { numbers in
            var packed = 0, place = 0
            while place < numbers.count {
                var end = place + 1
                while end < numbers.count, numbers[end] == numbers[place] { end += 1 }
                // Groups are of eight: what lacks is taken from the run.
                let fill = (8 - (place - packed) % 8) % 8
                guard end - place >= fill + 8 else {
                    place = end
                    continue
                }
                pack(numbers[packed..<place + fill], width: width, to: &bytes)
                varint((end - place - fill) << 1, to: &bytes)
                for byte in 0..<(width + 7) / 8 {
                    bytes.append(UInt8(truncatingIfNeeded: UInt32(numbers[place]) >> UInt32(8 * byte)))
                }
                (packed, place) = (end, end)
            }
            pack(numbers[packed...], width: width, to: &bytes)
        }
    }

    private static func pack<Number: FixedWidthInteger & UnsignedInteger>(
        _ numbers: Slice<UnsafeBufferPointer<Number>>, width: Int, to bytes: inout [UInt8]
    ) {
        guard !numbers.isEmpty else { return }
        let groups = (numbers.count + 7) / 8
        varint(groups << 1 | 1, to: &bytes)
        let end = bytes.count + groups * width
        var held: UInt64 = 0, bits = 0
        for number in numbers {
            held |= UInt64(number) << UInt64(bits)
            bits += width
            while bits >= 8 {
                bytes.append(UInt8(truncatingIfNeeded: held))
                held >>= 8
                bits -= 8
            }
        }
        if bits > 0 { bytes.append(UInt8(truncatingIfNeeded: held)) }
        bytes.append(contentsOf: repeatElement(0, count: end - bytes.count))
    }

    private static func varint(_ value: Int, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
