import JSON

extension ParquetColumn {
    /// A column from JSON values: objects for structures, arrays for lists, `null` or an absent key for what is missing.
    ///
    /// - Throws: a ``ParquetError`` that names the row where a value is of another type, or missing where none may be.
    public init(_ field: ParquetField, rows: [JSONValue]) throws {
        do { self = try ParquetColumn.make(field, rows) } catch let fault as Fault {
            throw ParquetError("Parquet", column: field.name, fault.reason)
        }
    }

    private static func make(_ field: ParquetField, _ rows: [JSONValue]) throws -> ParquetColumn {
        let validity = rows.contains(where: \.isNull) ? rows.map { !$0.isNull } : nil
        if !field.isOptional, let missing = rows.firstIndex(where: \.isNull) {
            throw Fault(refused: "value \(missing) is missing; every row needs one")
        }
        return ParquetColumn(field, try content(field, rows), validity: validity)
    }

    private static func content(_ field: ParquetField, _ rows: [JSONValue]) throws -> Content {
        func values<Value>(_ missing: Value, _ read: (JSONValue) -> Value?) throws -> [Value] {
            try rows.enumerated().map { index, row in
                if row.isNull { return missing }
                guard let value = read(row) else {
                    throw Fault(
                        refused: "value \(index), \(row.serialized().abridged.onOneLine), is no \(field.type.name)")
                }
                return value
            }
        }
        switch field.type {
        case .list(let element, let length):
            let lists = try values([JSONValue]()) { $0.array }
            var offsets = [0]
            for (index, list) in lists.enumerated() {
                if let length, list.count != length, !rows[index].isNull {
                    throw Fault(refused: "value \(index) has \(list.count) elements, not \(length)")
                }
                offsets.append(offsets[index] + list.count)
            }
            return .lists(offsets: offsets, elements: try make(element, lists.flatMap { $0 }))
        case .group(let fields):
            let objects = try values(JSONObject()) { $0.object }
            return .groups(
                try fields.map { field in
                    // Fields of a structure that is missing are never looked at, and may be anything.
                    let inner = zip(rows, objects).map { row, object in
                        row.isNull && !field.isOptional ? filler(field.type) : object[field.name] ?? .null
                    }
                    return try make(field, inner)
                })
        case .map: throw Fault(refused: "maps are read and not written")
        case .leaf(let leaf):
            switch leaf.storage {
            case .boolean: return .booleans(try values(false) { $0.bool })
            case .int32: return .int32(try values(0) { $0.int.flatMap(Int32.init(exactly:)) })
            case .int64: return .int64(try values(0) { $0.int.map(Int64.init) })
            case .float: return .floats(try values(0) { $0.double.map { Float($0) } })
            case .double: return .doubles(try values(0) { $0.double })
            case .byteArray: return .bytes(ByteStrings(try values("") { $0.string }))
            case .int96, .fixedLengthByteArray: throw Fault(refused: "\(leaf.name) is read and not written")
            }
        }
    }

    private static func filler(_ type: ParquetType) -> JSONValue {
        switch type {
        case .list(let element, let length): .array(Array(repeating: filler(element.type), count: length ?? 0))
        case .map: .array([])
        case .group(let fields):
            .object(JSONObject(fields.map { ($0.name, $0.isOptional ? .null : filler($0.type)) }))
        case .leaf(let leaf):
            switch leaf.storage {
            case .boolean: .bool(false)
            case .byteArray: .string("")
            default: .integer(0)
            }
        }
    }
}
