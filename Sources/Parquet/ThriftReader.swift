/// Reads Thrift's compact protocol, in which Parquet's footer and page headers are written.
///
/// Every length is checked against the bytes that are left before anything is made of it.
struct ThriftReader {
    /// The types of the compact protocol.
    enum Kind: UInt8 {
        case isTrue = 1, isFalse, byte, int16, int32, int64, double, binary, list, set, map, structure, uuid
    }

    private let bytes: UnsafeRawBufferPointer
    private(set) var position = 0
    private var depth = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var remaining: Int { bytes.count - position }

    mutating func byte() throws -> UInt8 {
        guard position < bytes.count else { throw Fault.end }
        defer { position += 1 }
        return bytes[position]
    }

    /// An unsigned number of at most 64 bits, seven in a byte.
    mutating func varint() throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            let next = try byte()
            guard shift < 63 || next <= 1 else { break }
            value |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return value }
        }
        throw Fault("a number of more than 64 bits")
    }

    mutating func zigzag() throws -> Int64 {
        let value = try varint()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    /// The fields of a structure. `body` reads the value of a field it knows and returns true; others are passed over.
    mutating func structure(_ body: (inout ThriftReader, _ id: Int, Kind) throws -> Bool) throws {
        try enter()
        var id = 0
        while true {
            let header = try byte()
            if header == 0 { break }
            let step = Int(header >> 4)
            id = step == 0 ? Int(try zigzag()) : id + step
            guard (Int(Int16.min)...Int(Int16.max)).contains(id) else { throw Fault("a field with the number \(id)") }
            guard let kind = Kind(rawValue: header & 15) else { throw Fault("a field of unknown kind") }
            if try !body(&self, id, kind) { try skip(kind) }
        }
        depth -= 1
    }

    private mutating func enter() throws {
        depth += 1
        guard depth <= 24 else { throw Fault("metadata nested too deep") }
    }

    // MARK: Values of fields

    func bool(_ kind: Kind) throws -> Bool {
        guard kind == .isTrue || kind == .isFalse else { throw Fault("metadata of another kind than expected") }
        return kind == .isTrue
    }

    /// An integer of any width.
    mutating func integer(_ kind: Kind) throws -> Int {
        switch kind {
        case .int16, .int32, .int64: return Int(try zigzag())
        case .byte: return Int(Int8(bitPattern: try byte()))
        default: throw Fault("metadata of another kind than expected")
        }
    }

    /// An integer that must not be negative, or beyond what a 32-bit number holds.
    mutating func count(_ kind: Kind, _ name: String) throws -> Int {
        let value = try integer(kind)
        guard (0...Int(Int32.max)).contains(value) else { throw Fault("\(name) is \(value)") }
        return value
    }

    mutating func binary(_ kind: Kind) throws -> UnsafeRawBufferPointer {
        guard kind == .binary else { throw Fault("metadata of another kind than expected") }
        let length = try varint()
        guard length <= UInt64(bytes.count) else { throw Fault.end }
        guard Int(length) <= remaining else { throw Fault.end }
        defer { position += Int(length) }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + Int(length)])
    }

    mutating func text(_ kind: Kind) throws -> String { String(decoding: try binary(kind), as: UTF8.self) }

    /// The elements of a list. Each takes a byte at least, which bounds their number.
    mutating func list<Element>(
        _ kind: Kind, _ body: (inout ThriftReader, Kind) throws -> Element
    ) throws -> [Element] {
        guard kind == .list || kind == .set else { throw Fault("metadata of another kind than expected") }
        let (element, count) = try listHeader()
        var result: [Element] = []
        for _ in 0..<count { result.append(try body(&self, element)) }
        return result
    }

    private mutating func listHeader() throws -> (Kind, Int) {
        let header = try byte()
        let count = header >> 4 == 15 ? try varint() : UInt64(header >> 4)
        guard let kind = Kind(rawValue: header & 15) else { throw Fault("a list of unknown kind") }
        guard count <= UInt64(remaining) else { throw Fault.end }
        return (kind, Int(count))
    }

    /// Passes over a value.
    private mutating func skip(_ kind: Kind, isElement: Bool = false) throws {
        switch kind {
        case .isTrue, .isFalse: if isElement { _ = try byte() }
        case .byte: _ = try byte()
        case .int16, .int32, .int64: _ = try varint()
        case .double: try advance(8)
        case .uuid: try advance(16)
        case .binary: _ = try binary(.binary)
        case .structure: try structure { _, _, _ in false }
        case .list, .set:
            try enter()
            let (element, count) = try listHeader()
            for _ in 0..<count { try skip(element, isElement: true) }
            depth -= 1
        case .map:
            try enter()
            let count = try varint()
            guard count <= UInt64(remaining) else { throw Fault.end }
            if count > 0 {
                let kinds = try byte()
                guard let key = Kind(rawValue: kinds >> 4), let value = Kind(rawValue: kinds & 15) else {
                    throw Fault("a map of unknown kind")
                }
                for _ in 0..<count {
                    try skip(key, isElement: true)
                    try skip(value, isElement: true)
                }
            }
            depth -= 1
        }
    }

    private mutating func advance(_ count: Int) throws {
        guard remaining >= count else { throw Fault.end }
        position += count
    }
}
