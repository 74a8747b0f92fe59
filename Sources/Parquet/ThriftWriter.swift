/// Writes Thrift's compact protocol.
struct ThriftWriter {
    private(set) var bytes: [UInt8] = []
    private var last = 0

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private mutating func zigzag(_ value: Int) {
        let value = Int64(value)
        varint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    private mutating func header(_ id: Int, _ kind: ThriftReader.Kind) {
        precondition(id > last && id - last < 16, "fields in order, close together")
        bytes.append(UInt8(id - last) << 4 | kind.rawValue)
        last = id
    }

    mutating func int32(_ id: Int, _ value: Int) {
        header(id, .int32)
        zigzag(value)
    }

    mutating func int64(_ id: Int, _ value: Int) {
        header(id, .int64)
        zigzag(value)
    }

    mutating func byte(_ id: Int, _ value: Int) {
        header(id, .byte)
        bytes.append(UInt8(truncatingIfNeeded: value))
    }

    mutating func bool(_ id: Int, _ value: Bool) { header(id, value ? .isTrue : .isFalse) }

    mutating func binary(_ id: Int, _ value: some Collection<UInt8>) {
        header(id, .binary)
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    mutating func text(_ id: Int, _ value: String) { binary(id, value.utf8) }

    mutating func structure(_ id: Int, _ body: (inout ThriftWriter) -> Void) {
        header(id, .structure)
        nested(body)
    }

    private mutating func nested(_ body: (inout ThriftWriter) -> Void) {
        let outer = last
        last = 0
        body(&self)
        bytes.append(0)
        last = outer
    }

    private mutating func listHeader(_ id: Int, _ kind: ThriftReader.Kind, _ count: Int) {
        header(id, .list)
        if count < 15 {
            bytes.append(UInt8(count) << 4 | kind.rawValue)
        } else {
            bytes.append(0xF0 | kind.rawValue)
            varint(UInt64(count))
        }
    }

    mutating func structures<Element>(_ id: Int, _ elements: [Element], _ body: (inout ThriftWriter, Element) -> Void) {
        listHeader(id, .structure, elements.count)
        for element in elements { nested { body(&$0, element) } }
    }

    mutating func integers(_ id: Int, _ elements: [Int]) {
        listHeader(id, .int32, elements.count)
        for element in elements { zigzag(element) }
    }

    mutating func texts(_ id: Int, _ elements: [String]) {
        listHeader(id, .binary, elements.count)
        for element in elements {
            varint(UInt64(element.utf8.count))
            bytes.append(contentsOf: element.utf8)
        }
    }

    /// The bytes of one structure.
    static func structure(_ body: (inout ThriftWriter) -> Void) -> [UInt8] {
        var writer = ThriftWriter()
        writer.nested(body)
        return writer.bytes
    }
}
