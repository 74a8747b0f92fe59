/// Reads single characters (Unicode scalars) out of valid UTF-8.
enum UTF8Scalar {
    /// The length of the sequence that this byte leads.
    @inline(__always)
    static func length(_ lead: UInt8) -> Int {
        lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    }

    /// The scalar at `start` and where the next one begins.
    @inline(__always)
    static func decode(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int) -> (scalar: Unicode.Scalar, end: Int) {
        let lead = bytes[start]
        if lead < 0x80 { return (Unicode.Scalar(lead), start + 1) }
        let length = length(lead)
        guard start + length <= bytes.count else { return ("\u{FFFD}", bytes.count) }
        var value = UInt32(lead) & (0x7F >> UInt32(length))
        for offset in 1..<length { value = value << 6 | UInt32(bytes[start + offset] & 0x3F) }
        return (Unicode.Scalar(value) ?? "\u{FFFD}", start + length)
    }

    /// Where the scalar that ends at `end` begins.
    static func start(before end: Int, in bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var start = end - 1
        while start > 0, bytes[start] & 0xC0 == 0x80 { start -= 1 }
        return start
    }
}

extension Unicode.Scalar {
    /// Rust's `char::is_whitespace`, and `\s` in Oniguruma.
    var isWhitespace: Bool {
        isASCII ? value == 0x20 || (0x09...0x0D).contains(value) : properties.isWhitespace
    }

    /// `\w` in Rust's regex crate.
    var isWord: Bool {
        isASCII ? isASCIIAlphanumeric || self == "_" : CharacterTable.words.contains(self)
    }

    /// Rust's `char::is_numeric`: digits, letters that are numbers, and other numbers.
    var isNumeric: Bool {
        isASCII ? (0x30...0x39).contains(value) : CharacterTable.numeric.contains(self)
    }

    /// Punctuation as BERT counts it: everything ASCII that is neither letter nor digit, and Unicode's punctuation.
    var isPunctuation: Bool {
        isASCII ? (0x21...0x7E).contains(value) && !isASCIIAlphanumeric : CharacterTable.punctuation.contains(self)
    }

    /// Whether this is a combining mark, spacing or not.
    var isMark: Bool { value >= 0x300 && CharacterTable.marks.contains(self) }

    private var isASCIIAlphanumeric: Bool {
        (0x30...0x39).contains(value) || (0x41...0x5A).contains(value) || (0x61...0x7A).contains(value)
    }
}
