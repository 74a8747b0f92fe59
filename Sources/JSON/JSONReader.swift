/// A cursor over the bytes of a document.
///
/// `JSONValue.parse` builds trees with it. Readers of very large documents use it directly, so that a vocabulary of
/// 150,000 tokens need not become 150,000 strings first. It borrows the bytes: it must not outlive them.
package struct JSONReader {
    /// Containers within containers, beyond which a document is refused rather than risking the stack.
    package static let depthLimit = 512

    package let bytes: UnsafeBufferPointer<UInt8>
    package private(set) var position = 0
    private var depth = 0
    /// Where strings with escapes are put together; kept to save allocations.
    private var scratch: [UInt8] = []

    package init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        // Windows editors put a byte order mark before the document.
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { position = 3 }
    }

    package func error(_ reason: String, at offset: Int? = nil) -> JSONError {
        JSONError(reason: reason, offset: offset ?? position, in: bytes)
    }

    /// The next byte that is not white space, without consuming it; nil at the end.
    package mutating func peek() -> UInt8? {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            case let byte: return byte
            }
        }
        return nil
    }

    private mutating func expect(_ byte: UInt8, _ name: String) throws {
        guard let next = peek() else { throw error("the document ends where \(name) is expected") }
        guard next == byte else { throw error("\(name) is expected here") }
        position += 1
    }

    /// Refuses anything but white space after the document.
    package mutating func expectEnd() throws {
        if peek() != nil { throw error("there is something after the end of the document") }
    }
}

// MARK: - Containers

extension JSONReader {
    /// Reads an object, calling `body` at each value with the bytes of its key; `body` must consume that value.
    ///
    /// The key's bytes are lent for the call.
    package mutating func readObject(
        _ body: (inout JSONReader, UnsafeBufferPointer<UInt8>) throws -> Void
    ) throws {
        try enter(UInt8(ascii: "{"), "an object")
        defer { depth -= 1 }
        if peek() == UInt8(ascii: "}") {
            position += 1
            return
        }
        while true {
            guard peek() == UInt8(ascii: "\"") else { throw error("a key in double quotes is expected here") }
            let range = try scanString()
            if range.hasEscapes {
                let key = try unescaped(range)
                try key.withUnsafeBufferPointer { key in
                    try expect(UInt8(ascii: ":"), "a colon")
                    try body(&self, key)
                }
            } else {
                try expect(UInt8(ascii: ":"), "a colon")
                try body(&self, UnsafeBufferPointer(rebasing: bytes[range.start..<range.end]))
            }
            if try !continues(until: UInt8(ascii: "}"), "a comma or the object's end") { return }
        }
    }

    /// Reads an array, calling `body` at each element; `body` must consume it.
    package mutating func readArray(_ body: (inout JSONReader) throws -> Void) throws {
        try enter(UInt8(ascii: "["), "an array")
        defer { depth -= 1 }
        if peek() == UInt8(ascii: "]") {
            position += 1
            return
        }
        while true {
            try body(&self)
            if try !continues(until: UInt8(ascii: "]"), "a comma or the array's end") { return }
        }
    }

    private mutating func enter(_ byte: UInt8, _ name: String) throws {
        try expect(byte, name)
        guard depth < Self.depthLimit else {
            throw error("more than \(Self.depthLimit) containers lie within one another", at: position - 1)
        }
        depth += 1
    }

    private mutating func continues(until end: UInt8, _ name: String) throws -> Bool {
        guard let next = peek() else { throw error("the document ends where \(name) is expected") }
        guard next == UInt8(ascii: ",") || next == end else { throw error("\(name) is expected here") }
        position += 1
        return next != end
    }
}

// MARK: - Strings

extension JSONReader {
    /// Where a string's contents lie.
    package struct StringRange {
        package let start: Int
        package let end: Int
        package let hasEscapes: Bool
    }

    /// Calls `body` with the bytes of the string that stands here, which are lent for the call.
    package mutating func readString<Result>(
        _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
    ) throws -> Result {
        guard peek() == UInt8(ascii: "\"") else { throw error("a string is expected here") }
        let range = try scanString()
        guard range.hasEscapes else { return try body(UnsafeBufferPointer(rebasing: bytes[range.start..<range.end])) }
        return try unescaped(range).withUnsafeBufferPointer(body)
    }

    package mutating func readString() throws -> String {
        let start = position
        guard let string = try readString({ String(validating: $0, as: UTF8.self) }) else {
            throw error("this string is not valid UTF-8", at: start)
        }
        return string
    }

    private mutating func scanString() throws -> StringRange {
        let start = position + 1
        var hasEscapes = false
        var cursor = start
        while cursor < bytes.count {
            let byte = bytes[cursor]
            if byte == UInt8(ascii: "\"") {
                position = cursor + 1
                return StringRange(start: start, end: cursor, hasEscapes: hasEscapes)
            }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                cursor += 1
            } else if byte < 0x20 {
                throw error("a control character stands unescaped in a string", at: cursor)
            }
            cursor += 1
        }
        throw error("the document ends inside the string that begins here", at: start - 1)
    }

    private mutating func unescaped(_ range: StringRange) throws -> [UInt8] {
        scratch.removeAll(keepingCapacity: true)
        var cursor = range.start
        while cursor < range.end {
            let byte = bytes[cursor]
            cursor += 1
            guard byte == UInt8(ascii: "\\") else {
                scratch.append(byte)
                continue
            }
            // `scanString` saw to it that a byte follows every backslash.
            let escape = bytes[cursor]
            cursor += 1
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): scratch.append(escape)
            case UInt8(ascii: "b"): scratch.append(0x08)
            case UInt8(ascii: "f"): scratch.append(0x0C)
            case UInt8(ascii: "n"): scratch.append(0x0A)
            case UInt8(ascii: "r"): scratch.append(0x0D)
            case UInt8(ascii: "t"): scratch.append(0x09)
            case UInt8(ascii: "u"): try appendUnicodeEscape(&cursor, end: range.end)
            default: throw error("a backslash before this character means nothing", at: cursor - 1)
            }
        }
        return scratch
    }

    /// Reads `XXXX`, or `XXXX\uXXXX` for a surrogate pair; a lone surrogate becomes U+FFFD.
    private mutating func appendUnicodeEscape(_ cursor: inout Int, end: Int) throws {
        guard var scalar = hexadecimal(at: cursor, end: end) else {
            throw error("four hexadecimal digits must follow \\u", at: cursor)
        }
        cursor += 4
        if (0xD800..<0xDC00).contains(scalar), cursor + 6 <= end, bytes[cursor] == UInt8(ascii: "\\"),
            bytes[cursor + 1] == UInt8(ascii: "u"), let low = hexadecimal(at: cursor + 2, end: end),
            (0xDC00..<0xE000).contains(low)
        {
            scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
            cursor += 6
        }
        scratch.append(contentsOf: String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8)
    }

    private func hexadecimal(at start: Int, end: Int) -> UInt32? {
        guard start + 4 <= end else { return nil }
        var value: UInt32 = 0
        for byte in bytes[start..<start + 4] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - 0x30)
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt32(byte - 0x61 + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt32(byte - 0x41 + 10)
            default: return nil
            }
        }
        return value
    }
}

// MARK: - Scalars and whole values

extension JSONReader {
    /// Consumes `word` if it stands here.
    package mutating func readKeyword(_ word: StaticString) -> Bool {
        guard peek() != nil, bytes.count - position >= word.utf8CodeUnitCount else { return false }
        for offset in 0..<word.utf8CodeUnitCount where bytes[position + offset] != word.utf8Start[offset] {
            return false
        }
        position += word.utf8CodeUnitCount
        return true
    }

    /// Reads a number, as an integer where it is written as one and fits.
    package mutating func readNumber() throws -> JSONValue {
        guard peek() != nil else { throw error("the document ends where a number is expected") }
        let start = position
        let isNegative = bytes[position] == UInt8(ascii: "-")
        var cursor = position + (isNegative ? 1 : 0)
        let integerStart = cursor
        var magnitude = 0
        var overflowed = false
        while cursor < bytes.count, let digit = digit(at: cursor) {
            let (product, first) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, second) =
                isNegative
                ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
            overflowed = overflowed || first || second
            magnitude = sum
            cursor += 1
        }
        guard cursor > integerStart else { throw error("a value is expected here") }
        if bytes[integerStart] == UInt8(ascii: "0"), cursor > integerStart + 1 {
            throw error("a number may not begin with a zero", at: integerStart)
        }
        var isIntegral = true
        if cursor < bytes.count, bytes[cursor] == UInt8(ascii: ".") {
            isIntegral = false
            cursor = try skipDigits(from: cursor + 1)
        }
        if cursor < bytes.count, bytes[cursor] | 0x20 == UInt8(ascii: "e") {
            isIntegral = false
            cursor += 1
            if cursor < bytes.count, bytes[cursor] == UInt8(ascii: "+") || bytes[cursor] == UInt8(ascii: "-") {
                cursor += 1
            }
            cursor = try skipDigits(from: cursor)
        }
        position = cursor
        if isIntegral, !overflowed { return .integer(magnitude) }
        guard let value = Double(String(decoding: bytes[start..<cursor], as: UTF8.self)) else {
            throw error("this number cannot be read", at: start)
        }
        return .number(value)
    }

    private func digit(at cursor: Int) -> Int? {
        let digit = bytes[cursor] &- UInt8(ascii: "0")
        return digit < 10 ? Int(digit) : nil
    }

    private func skipDigits(from start: Int) throws -> Int {
        var cursor = start
        while cursor < bytes.count, digit(at: cursor) != nil { cursor += 1 }
        guard cursor > start else { throw error("a digit is expected here", at: start) }
        return cursor
    }

    /// Consumes whatever value stands here, checking it as `readValue` does but building nothing.
    package mutating func skipValue() throws {
        switch peek() {
        case UInt8(ascii: "{"): try readObject { reader, _ in try reader.skipValue() }
        case UInt8(ascii: "["): try readArray { try $0.skipValue() }
        case UInt8(ascii: "\""): try readString { _ in }
        default: _ = try readValue()
        }
    }

    /// Reads whatever value stands here into a tree.
    package mutating func readValue() throws -> JSONValue {
        guard let next = peek() else { throw error("the document ends where a value is expected") }
        switch next {
        case UInt8(ascii: "{"):
            var object = JSONObject()
            try readObject { reader, key in
                guard let key = String(validating: key, as: UTF8.self) else {
                    throw reader.error("the key before this is not valid UTF-8")
                }
                object[key] = try reader.readValue()
            }
            return .object(object)
        case UInt8(ascii: "["):
            var elements: [JSONValue] = []
            try readArray { elements.append(try $0.readValue()) }
            return .array(elements)
        case UInt8(ascii: "\""):
            return .string(try readString())
        default:
            if readKeyword("true") { return .bool(true) }
            if readKeyword("false") { return .bool(false) }
            if readKeyword("null") { return .null }
            if readKeyword("NaN") { return .number(.nan) }
            if readKeyword("Infinity") { return .number(.infinity) }
            if readKeyword("-Infinity") { return .number(-.infinity) }
            return try readNumber()
        }
    }
}
