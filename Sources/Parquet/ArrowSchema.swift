import Foundation

/// The schema in Arrow's own words, which pyarrow looks for in a Parquet file's notes: Parquet itself cannot say that lists have one length.
///
/// It is a message of Arrow's interprocess format: a FlatBuffer, here written from front to back, each table before what it refers to.
struct ArrowSchema {
    private var bytes: [UInt8] = []

    /// The note under `ARROW:schema`.
    static func note(_ fields: [ParquetField]) -> String {
        var schema = ArrowSchema()
        schema.message(fields)
        var message: [UInt8] = [255, 255, 255, 255]
        while schema.bytes.count % 8 != 0 { schema.bytes.append(0) }
        withUnsafeBytes(of: UInt32(schema.bytes.count).littleEndian) { message.append(contentsOf: $0) }
        return Data(message + schema.bytes).base64EncodedString()
    }

    /// A member of a table: its number, bytes, and where it refers to what follows.
    private enum Member {
        case byte(UInt8), short(UInt16), int(UInt32), long(UInt64), reference

        var size: Int {
            switch self {
            case .byte: 1
            case .short: 2
            case .int, .reference: 4
            case .long: 8
            }
        }
    }

    private mutating func message(_ fields: [ParquetField]) {
        // The root's place comes first.
        let root = place()
        // Version 5 of the format, a schema, no body.
        let message = table([(0, .short(4)), (1, .byte(1)), (2, .reference), (3, .long(0))])
        point(root, at: message.start)
        let schema = table([(0, .short(0)), (1, .reference)])
        point(message.references[0], at: schema.start)
        list(schema.references[0], fields)
    }

    private mutating func list(_ reference: Int, _ fields: [ParquetField]) {
        align(4)
        point(reference, at: bytes.count)
        append(UInt32(fields.count))
        let places = fields.map { _ in place() }
        for (field, place) in zip(fields, places) { self.field(place, field) }
    }

    private mutating func field(_ reference: Int, _ field: ParquetField) {
        let (kind, members, children) = ArrowSchema.type(field.type)
        let table = table([
            (0, .reference), (1, .byte(field.isOptional ? 1 : 0)), (2, .byte(kind)), (3, .reference), (5, .reference),
        ])
        point(reference, at: table.start)
        text(table.references[0], field.name)
        let type = self.table(members)
        point(table.references[1], at: type.start)
        list(table.references[2], children)
    }

    /// A type's number in Arrow's union, its members and its children.
    private static func type(_ type: ParquetType) -> (UInt8, [(Int, Member)], [ParquetField]) {
        switch type {
        case .group(let fields): (13, [], fields)
        case .list(let element, let length?): (16, [(0, .int(UInt32(length)))], [element])
        case .list(let element, nil): (12, [], [element])
        case .map(let key, let value):
            (17, [], [ParquetField("entries", .group([key, value]), isOptional: false)])
        case .leaf(let leaf):
            switch leaf.storage {
            case .boolean: (6, [], [])
            case .int32: (2, [(0, .int(32)), (1, .byte(1))], [])
            case .int64: (2, [(0, .int(64)), (1, .byte(1))], [])
            case .float: (3, [(0, .short(1))], [])
            case .double: (3, [(0, .short(2))], [])
            case .byteArray: leaf.meaning == .plain ? (4, [], []) : (5, [], [])
            case .int96, .fixedLengthByteArray: preconditionFailure("\(leaf.name) is not written")
            }
        }
    }

    // MARK: FlatBuffers

    private mutating func align(_ size: Int) { while bytes.count % size != 0 { bytes.append(0) } }

    private mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        align(MemoryLayout<Number>.size)
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Four bytes for a reference to something that comes later.
    private mutating func place() -> Int {
        append(UInt32(0))
        return bytes.count - 4
    }

    private mutating func point(_ place: Int, at target: Int) {
        withUnsafeBytes(of: UInt32(target - place).littleEndian) { distance in
            bytes.replaceSubrange(place..<place + 4, with: distance)
        }
    }

    private mutating func text(_ reference: Int, _ text: String) {
        align(4)
        point(reference, at: bytes.count)
        append(UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
        bytes.append(0)
    }

    /// Writes a table behind the list of where its members stand, and says where its references are, in order.
    private mutating func table(_ members: [(number: Int, member: Member)]) -> (start: Int, references: [Int]) {
        let slots = (members.map(\.number).max() ?? -1) + 1
        // Members of eight bytes first, so that all of them are aligned where the table is.
        var offsets = [UInt16](repeating: 0, count: slots)
        var size = 8
        for (number, member) in members.sorted(by: { $0.member.size > $1.member.size }) {
            offsets[number] = UInt16(size)
            size += member.size
        }
        align(2)
        let list = bytes.count
        append(UInt16(4 + 2 * slots))
        append(UInt16(size))
        for offset in offsets { append(offset) }
        align(8)
        let start = bytes.count
        append(Int32(start - list))
        bytes.append(contentsOf: repeatElement(0, count: size - 4))
        var references: [Int] = []
        for (number, member) in members {
            let place = start + Int(offsets[number])
            func put<Number: FixedWidthInteger>(_ number: Number) {
                withUnsafeBytes(of: number.littleEndian) { new in
                    bytes.replaceSubrange(place..<place + new.count, with: new)
                }
            }
            switch member {
            case .byte(let value): put(value)
            case .short(let value): put(value)
            case .int(let value): put(value)
            case .long(let value): put(value)
            case .reference: references.append(place)
            }
        }
        return (start, references)
    }
}
