/// A column, or a part of one: a name with a type.
public struct ParquetField: Sendable, Equatable {
    /// Its name; the elements of a list are called `element`.
    public let name: String
    /// Whether values may be missing.
    public let isOptional: Bool
    /// What the values are.
    public let type: ParquetType

    /// A field.
    public init(_ name: String, _ type: ParquetType, isOptional: Bool = true) {
        self.name = name
        self.isOptional = isOptional
        self.type = type
    }
}

/// What the values of a field are.
public indirect enum ParquetType: Sendable, Equatable {
    /// One value.
    case leaf(ParquetLeaf)
    /// A list of any length. `length` is for writing: Arrow's fixed-size list, all of whose lists have this length.
    case list(ParquetField, length: Int? = nil)
    /// Pairs of a key and a value.
    case map(key: ParquetField, value: ParquetField)
    /// Fields side by side: a structure.
    case group([ParquetField])

    /// Truth values.
    public static let boolean = ParquetType.leaf(ParquetLeaf(.boolean))
    /// Integers of 32 bits.
    public static let int32 = ParquetType.leaf(ParquetLeaf(.int32))
    /// Integers of 64 bits.
    public static let int64 = ParquetType.leaf(ParquetLeaf(.int64))
    /// Numbers of 32 bits.
    public static let float = ParquetType.leaf(ParquetLeaf(.float))
    /// Numbers of 64 bits.
    public static let double = ParquetType.leaf(ParquetLeaf(.double))
    /// UTF-8 text.
    public static let string = ParquetType.leaf(ParquetLeaf(.byteArray, meaning: .string))
    /// A list of numbers of 32 bits, none of them missing; with a length Arrow's fixed-size list.
    public static func floats(length: Int? = nil) -> ParquetType {
        .list(ParquetField("element", .float, isOptional: false), length: length)
    }
    /// A conversation: a list of `{role, content}`.
    public static let messages = ParquetType.list(
        ParquetField("element", .group([ParquetField("role", .string), ParquetField("content", .string)])))

    /// What this is called in messages.
    public var name: String {
        switch self {
        case .leaf(let leaf): leaf.name
        case .list(let element, _): "list of \(element.type.name)"
        case .map(let key, let value): "map of \(key.type.name) to \(value.type.name)"
        case .group(let fields): "structure of \(fields.prefix(8).map(\.name).joined(separator: ", "))"
        }
    }

    /// The leaves below, in order.
    var leaves: [ParquetLeaf] {
        switch self {
        case .leaf(let leaf): [leaf]
        case .list(let element, _): element.type.leaves
        case .map(let key, let value): key.type.leaves + value.type.leaves
        case .group(let fields): fields.flatMap(\.type.leaves)
        }
    }
}

/// One value's type: how it is stored, and what it means.
public struct ParquetLeaf: Sendable, Equatable {
    /// How a value is stored.
    public enum Storage: Int, Sendable {
        case boolean, int32, int64, int96, float, double, byteArray, fixedLengthByteArray
    }

    /// The unit of times.
    public enum TimeUnit: Int, Sendable {
        case milliseconds = 1, microseconds, nanoseconds
    }

    /// What a stored value stands for.
    public enum Meaning: Sendable, Equatable {
        /// Itself.
        case plain
        /// UTF-8 text, a JSON document, one of a few names.
        case string, json, enumeration
        /// An integer of fewer bits, or without a sign.
        case integer(bits: Int, isSigned: Bool)
        /// A number of 16 bits in two bytes.
        case float16
        /// A number with `scale` digits behind the point.
        case decimal(precision: Int, scale: Int)
        /// Days since 1970.
        case date
        /// Since midnight.
        case time(TimeUnit)
        /// Since 1970.
        case timestamp(TimeUnit)
        /// Sixteen bytes.
        case uuid
        /// Nothing but missing values.
        case null
        /// Something that is kept as bytes: `BSON`, `interval`, …
        case other(String)
    }

    /// How it is stored.
    public let storage: Storage
    /// Bytes of a value of `fixedLengthByteArray`; 0 for others.
    public let length: Int
    /// What it stands for.
    public let meaning: Meaning

    init(_ storage: Storage, length: Int = 0, meaning: Meaning = .plain) {
        self.storage = storage
        self.length = length
        self.meaning = meaning
    }

    /// What this is called in messages.
    public var name: String {
        switch meaning {
        case .string: "string"
        case .json: "JSON"
        case .enumeration: "enum"
        case .integer(let bits, let isSigned): "\(isSigned ? "" : "unsigned ")integer of \(bits) bits"
        case .float16: "float16"
        case .decimal(let precision, let scale): "decimal(\(precision), \(scale))"
        case .date: "date"
        case .time: "time"
        case .timestamp: "timestamp"
        case .uuid: "UUID"
        case .null: "null"
        case .other(let name): name
        case .plain:
            switch storage {
            case .boolean: "boolean"
            case .int32: "int32"
            case .int64: "int64"
            case .int96: "int96"
            case .float: "float"
            case .double: "double"
            case .byteArray: "binary"
            case .fixedLengthByteArray: "binary of \(length) bytes"
            }
        }
    }

    /// Bytes of a value where all have the same number.
    var fixedLength: Int? {
        switch storage {
        case .int96: 12
        case .fixedLengthByteArray: length
        default: nil
        }
    }
}
