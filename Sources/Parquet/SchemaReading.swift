/// A line of the schema as the footer has it: the tree in the order in which one walks through it.
struct SchemaElement {
    enum Repetition: Int { case required, optional, repeated }
    /// What the older annotation of groups says.
    enum Group { case list, map }

    var name = ""
    var storage: ParquetLeaf.Storage?
    var length = 0
    var repetition = Repetition.required
    var childCount = 0
    var converted: Int?
    var scale = 0, precision = 0
    var logical: ParquetLeaf.Meaning?
    var group: Group?

    init(_ reader: inout ThriftReader) throws {
        var element = self
        try reader.structure { reader, id, kind in
            switch id {
            case 1:
                let number = try reader.integer(kind)
                guard let storage = ParquetLeaf.Storage(rawValue: number) else {
                    throw Fault(
                        refused: "a column of the unknown type \(number); write it as a newer reader's common types")
                }
                element.storage = storage
            case 2: element.length = try reader.integer(kind)
            case 3:
                let number = try reader.integer(kind)
                guard let repetition = Repetition(rawValue: number) else {
                    throw Fault("a repetition of kind \(number)")
                }
                element.repetition = repetition
            case 4: element.name = try reader.text(kind)
            case 5: element.childCount = try reader.count(kind, "the number of a group's columns")
            case 6: element.converted = try reader.integer(kind)
            case 7: element.scale = try reader.integer(kind)
            case 8: element.precision = try reader.integer(kind)
            case 10: try element.readLogicalType(&reader)
            default: return false
            }
            return true
        }
        self = element
        switch converted {
        case 1, 2: group = group ?? .map
        case 3: group = group ?? .list
        default: break
        }
    }

    private mutating func readLogicalType(_ reader: inout ThriftReader) throws {
        var element = self
        try reader.structure { reader, id, kind in
            switch id {
            case 1: element.logical = .string
            case 2: element.group = .map
            case 3: element.group = .list
            case 4: element.logical = .enumeration
            case 5:
                var scale = 0, precision = 0
                try reader.structure { reader, id, kind in
                    switch id {
                    case 1: scale = try reader.integer(kind)
                    case 2: precision = try reader.integer(kind)
                    default: return false
                    }
                    return true
                }
                element.logical = .decimal(precision: precision, scale: scale)
                return true
            case 6: element.logical = .date
            case 7:
                element.logical = .time(try SchemaElement.unit(&reader))
                return true
            case 8:
                element.logical = .timestamp(try SchemaElement.unit(&reader))
                return true
            case 10:
                var bits = 0, isSigned = true
                try reader.structure { reader, id, kind in
                    switch id {
                    case 1: bits = try reader.integer(kind)
                    case 2: isSigned = try reader.bool(kind)
                    default: return false
                    }
                    return true
                }
                element.logical = .integer(bits: bits, isSigned: isSigned)
                return true
            case 11: element.logical = .null
            case 12: element.logical = .json
            case 13: element.logical = .other("BSON")
            case 14: element.logical = .uuid
            case 15: element.logical = .float16
            case 16: element.logical = .other("variant")
            case 17: element.logical = .other("geometry")
            case 18: element.logical = .other("geography")
            default: element.logical = .other("unknown logical type \(id)")
            }
            return false
        }
        self = element
    }

    private static func unit(_ reader: inout ThriftReader) throws -> ParquetLeaf.TimeUnit {
        var unit = ParquetLeaf.TimeUnit.milliseconds
        try reader.structure { reader, id, kind in
            guard id == 2 else { return false }
            try reader.structure { _, id, _ in
                guard let known = ParquetLeaf.TimeUnit(rawValue: id) else { throw Fault("a time in an unknown unit") }
                unit = known
                return false
            }
            return true
        }
        return unit
    }

    /// The leaf that this is. Throws where annotation and storage do not go together.
    func leaf() throws -> ParquetLeaf {
        guard let storage else {
            throw Fault("the column \(name.debugDescription) has neither a type nor columns below it")
        }
        let meaning = logical ?? convertedMeaning
        let fits =
            switch meaning {
            case .plain, .null, .other: true
            case .string, .json, .enumeration: storage == .byteArray
            case .integer(let bits, _):
                [8, 16, 32].contains(bits) && storage == .int32 || bits == 64 && storage == .int64
            case .float16: storage == .fixedLengthByteArray && length == 2
            case .decimal: [.int32, .int64, .byteArray, .fixedLengthByteArray].contains(storage)
            case .date: storage == .int32
            case .time(let unit): storage == (unit == .milliseconds ? .int32 : .int64)
            case .timestamp: storage == .int64
            case .uuid: storage == .fixedLengthByteArray && length == 16
            }
        guard fits else { throw Fault("the column \(name.debugDescription) is annotated as what its type cannot be") }
        guard storage == .fixedLengthByteArray else { return ParquetLeaf(storage, meaning: meaning) }
        guard (1...1 << 24).contains(length) else {
            throw Fault("the column \(name.debugDescription) has values of \(length) bytes")
        }
        return ParquetLeaf(storage, length: length, meaning: meaning)
    }

    private var convertedMeaning: ParquetLeaf.Meaning {
        switch converted {
        case 0: .string
        case 4: .enumeration
        case 5: .decimal(precision: precision, scale: scale)
        case 6: .date
        case 7: .time(.milliseconds)
        case 8: .time(.microseconds)
        case 9: .timestamp(.milliseconds)
        case 10: .timestamp(.microseconds)
        case .some(let number) where (11...14).contains(number): .integer(bits: 8 << (number - 11), isSigned: false)
        case .some(let number) where (15...18).contains(number): .integer(bits: 8 << (number - 15), isSigned: true)
        case 19: .json
        case 20: .other("BSON")
        case 21: .other("interval")
        default: .plain
        }
    }
}

/// Makes the tree of fields from the footer's lines, with the rules for lists that older writers laid out in other ways.
struct SchemaTree {
    private let elements: [SchemaElement]
    private var next = 0

    /// The fields at the top, from all lines, the first of which is the root.
    static func fields(_ elements: [SchemaElement]) throws -> [ParquetField] {
        var tree = SchemaTree(elements: elements)
        guard let root = tree.take(), root.storage == nil else { throw Fault("the schema has no root") }
        let fields = try tree.fields(root.childCount, depth: 1)
        guard tree.next == elements.count else { throw Fault("the schema has lines that belong to nothing") }
        return fields
    }

    private init(elements: [SchemaElement]) { self.elements = elements }

    private mutating func take() -> SchemaElement? {
        guard next < elements.count else { return nil }
        defer { next += 1 }
        return elements[next]
    }

    private mutating func fields(_ count: Int, depth: Int) throws -> [ParquetField] {
        guard count <= elements.count - next else { throw Fault("the schema ends in the middle of a group") }
        return try (0..<count).map { _ in try field(depth: depth) }
    }

    /// A node with what is below it. What is repeated without being in a list is one.
    private mutating func field(depth: Int) throws -> ParquetField {
        guard depth <= 48 else { throw Fault("the schema is nested too deep") }
        guard let element = take() else { throw Fault("the schema ends in the middle of a group") }
        let type = try content(element, depth: depth)
        guard element.repetition == .repeated else {
            return ParquetField(element.name, type, isOptional: element.repetition == .optional)
        }
        return ParquetField(
            element.name, .list(ParquetField("element", type, isOptional: false)), isOptional: false)
    }

    private mutating func content(_ element: SchemaElement, depth: Int) throws -> ParquetType {
        if element.storage != nil {
            guard element.childCount == 0 else {
                throw Fault("the column \(element.name.debugDescription) has columns below it")
            }
            return .leaf(try element.leaf())
        }
        guard element.childCount > 0 else {
            throw Fault(refused: "the structure \(element.name.debugDescription) has no fields; leave the column out")
        }
        if element.childCount == 1, next < elements.count, elements[next].repetition == .repeated {
            switch element.group {
            case .list: return try list(element, depth: depth)
            case .map:
                if let map = try map(depth: depth) { return map }
            case nil: break
            }
        }
        return .group(try fields(element.childCount, depth: depth + 1))
    }

    /// The type of a group marked as a list, whose only child is repeated: that child holds the element, or is the element.
    private mutating func list(_ element: SchemaElement, depth: Int) throws -> ParquetType {
        guard let repeated = take() else { throw Fault("the schema ends in the middle of a group") }
        func isElement() -> Bool {
            guard repeated.storage == nil, repeated.childCount == 1, next < elements.count else { return true }
            return repeated.name == "array" || repeated.name == element.name + "_tuple"
                || repeated.group != nil || elements[next].repetition == .repeated
        }
        if isElement() {
            let type = try content(repeated, depth: depth + 1)
            return .list(ParquetField("element", type, isOptional: false))
        }
        let inner = try field(depth: depth + 2)
        return .list(ParquetField("element", inner.type, isOptional: inner.isOptional))
    }

    /// The type of a group marked as a map, whose only child is repeated; nil where that is no pair.
    private mutating func map(depth: Int) throws -> ParquetType? {
        guard next < elements.count, elements[next].storage == nil, elements[next].childCount == 2 else { return nil }
        next += 1
        let key = try field(depth: depth + 2)
        let value = try field(depth: depth + 2)
        return .map(key: key, value: value)
    }
}
