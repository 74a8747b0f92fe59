/// GPT-2's alphabet: a printable character for each of the 256 bytes, so that vocabularies can be written as text.
enum ByteAlphabet {
    /// The UTF-8 of each byte's character: the first byte in the lower half, the second, or 0, in the upper.
    private static let spelling: [UInt16] = {
        characters.map { character in
            let utf8 = Array(String(character).utf8)
            return UInt16(utf8[0]) | (utf8.count > 1 ? UInt16(utf8[1]) << 8 : 0)
        }
    }()

    /// Each byte's character: itself where it prints, otherwise the next free one from U+0100.
    private static let characters: [Unicode.Scalar] = {
        var next: UInt8 = 0
        return (UInt8.min...UInt8.max).map { byte in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)
            default:
                defer { next += 1 }
                return Unicode.Scalar(0x100 + UInt32(next)) ?? "\u{FFFD}"
            }
        }
    }()

    /// The 256 characters by code point, the order in which a trained vocabulary begins.
    static var sortedCharacters: [Unicode.Scalar] { characters.sorted() }

    /// The byte of each character below U+0144, or -1.
    private static let byteOfCharacter: [Int16] = {
        var table = [Int16](repeating: -1, count: 0x144)
        for (byte, character) in characters.enumerated() { table[Int(character.value)] = Int16(byte) }
        return table
    }()

    /// The length of a byte's character in UTF-8.
    static func length(of byte: UInt8) -> Int { spelling[Int(byte)] > 0xFF ? 2 : 1 }

    /// Writes a byte's character at `count` and moves that on.
    @inline(__always)
    static func append(_ byte: UInt8, to output: UnsafeMutableBufferPointer<UInt8>, _ count: inout Int) {
        let spelling = spelling[Int(byte)]
        output[count] = UInt8(truncatingIfNeeded: spelling)
        count += 1
        if spelling > 0xFF {
            output[count] = UInt8(spelling >> 8)
            count += 1
        }
    }

    /// Appends a byte's character.
    static func append(_ byte: UInt8, to output: inout [UInt8]) {
        let spelling = spelling[Int(byte)]
        output.append(UInt8(truncatingIfNeeded: spelling))
        if spelling > 0xFF { output.append(UInt8(spelling >> 8)) }
    }

    /// Appends the bytes that a piece spells, or, where it has characters outside the alphabet, its own UTF-8.
    static func appendBytes(of piece: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
        let start = bytes.count
        var position = 0
        while position < piece.count {
            let (scalar, end) = UTF8Scalar.decode(piece, at: position)
            guard scalar.value < 0x144, byteOfCharacter[Int(scalar.value)] >= 0 else {
                bytes.removeLast(bytes.count - start)
                bytes.append(contentsOf: piece)
                return
            }
            bytes.append(UInt8(byteOfCharacter[Int(scalar.value)]))
            position = end
        }
    }
}
