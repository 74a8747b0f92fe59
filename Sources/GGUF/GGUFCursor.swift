/// Reads the parts of a GGUF file one after another, and never beyond its end. Whatever a file claims, what is allocated is bounded by
/// the file, and the time grows with what was read.
struct GGUFCursor {
    let bytes: UnsafeRawBufferPointer
    let source: String
    /// The place of the next byte.
    private(set) var offset = 0

    init(_ bytes: UnsafeRawBufferPointer, source: String, offset: Int = 0) {
        self.bytes = bytes
        self.source = source
        self.offset = offset
    }

    /// Bytes that are left.
    var left: Int { bytes.count - offset }

    func fail(_ reason: String) -> GGUFError { GGUFError("\(source): \(reason)") }

    func truncated(_ what: String) -> GGUFError {
        fail("the file ends in \(what), at byte \(offset) of \(bytes.count); it is truncated, download it again")
    }

    /// The next little-endian number.
    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type, _ what: String) throws -> Number {
        let size = MemoryLayout<Number>.size
        guard left >= size else { throw truncated(what) }
        defer { offset += size }
        return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
    }

    /// A count whose items take at least `size` bytes each, all of which must still be there.
    mutating func count(of what: String, size: Int) throws -> Int {
        let count = try number(UInt64.self, what)
        guard count <= UInt64(left / size) else {
            throw fail(
                "\(what): \(count) are claimed, the file has \(bytes.count) bytes; it is damaged, download it again")
        }
        return Int(count)
    }

    /// The bytes of the next text, whose length stands before them.
    mutating func text(_ what: String) throws -> UnsafeRawBufferPointer {
        let length = try count(of: "the length of \(what)", size: 1)
        defer { offset += length }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
    }

    /// The next text as a name, which must be UTF-8 and no longer than ggml allows.
    mutating func name(_ what: String, limit: Int) throws -> String {
        let bytes = try text(what)
        guard bytes.count <= limit else { throw fail("\(what) has \(bytes.count) bytes, more than \(limit)") }
        guard let name = String(validating: bytes, as: UTF8.self) else { throw fail("\(what) is no UTF-8") }
        return name
    }

    /// The next value. Lists are passed over, not read.
    mutating func value(_ type: GGUFValueType, _ key: String) throws -> GGUFValue {
        switch type {
        case .uint8: .integer(Int(try number(UInt8.self, key)))
        case .int8: .integer(Int(try number(Int8.self, key)))
        case .uint16: .integer(Int(try number(UInt16.self, key)))
        case .int16: .integer(Int(try number(Int16.self, key)))
        case .uint32: .integer(Int(try number(UInt32.self, key)))
        case .int32: .integer(Int(try number(Int32.self, key)))
        case .int64: .integer(Int(try number(Int64.self, key)))
        case .uint64: try GGUFCursor.whole(number(UInt64.self, key))
        case .float32: .number(Double(Float(bitPattern: try number(UInt32.self, key))))
        case .float64: .number(Double(bitPattern: try number(UInt64.self, key)))
        case .bool: .bool(try number(UInt8.self, key) != 0)
        case .string: .string(String(validating: try text(key), as: UTF8.self))
        case .array: .array(try array(key, depth: 0))
        }
    }

    private static func whole(_ number: UInt64) -> GGUFValue {
        Int(exactly: number).map { .integer($0) } ?? .number(Double(number))
    }

    /// Passes over a list. Lists in lists go no deeper than eight.
    private mutating func array(_ key: String, depth: Int) throws -> GGUFArray {
        guard depth < 8 else { throw fail("\(key): lists in lists go too deep") }
        let type = try self.type(key)
        let count = try count(of: key, size: type.byteCount)
        let start = offset
        switch type {
        case .string: for _ in 0..<count { _ = try text(key) }
        case .array: for _ in 0..<count { _ = try array(key, depth: depth + 1) }
        default: offset += count * type.byteCount
        }
        return GGUFArray(type: type, count: count, range: start..<offset)
    }

    /// The next type of a value.
    mutating func type(_ key: String) throws -> GGUFValueType {
        let number = try number(UInt32.self, key)
        guard let type = GGUFValueType(rawValue: number) else {
            throw fail("\(key): unknown type of value \(number); the file is damaged, or newer than this program")
        }
        return type
    }
}

extension String {
    /// The text of UTF-8 bytes; nil where they are none.
    init?(validating bytes: UnsafeRawBufferPointer, as encoding: UTF8.Type) {
        guard let text = bytes.withMemoryRebound(to: UInt8.self, { String(validating: $0, as: UTF8.self) }) else {
            return nil
        }
        self = text
    }
}
