/// A value of a GGUF file's metadata.
package enum GGUFValue: Sendable {
    /// A whole number of any width. Those above `Int.max` are kept as `number`.
    case integer(Int)
    /// A number of 32 or 64 bits.
    case number(Double)
    case bool(Bool)
    /// A text; nil where its bytes are no UTF-8.
    case string(String?)
    /// A list, which stays in the file: ``GGUFHeader/strings(_:)`` and its sisters read it.
    case array(GGUFArray)

    /// What it is, for messages: `a text`.
    var kind: String {
        switch self {
        case .integer: "a whole number"
        case .number: "a number"
        case .bool: "true or false"
        case .string(let text): text == nil ? "a text that is no UTF-8" : "a text"
        case .array(let array): "a list of \(array.count)"
        }
    }
}

/// A list in a GGUF file's metadata: what its elements are, and where they lie.
package struct GGUFArray: Sendable {
    /// The type of the elements.
    let type: GGUFValueType
    /// How many there are.
    package let count: Int
    /// Their bytes, in the file.
    let range: Range<Int>

    /// Whether the elements are texts.
    package var holdsStrings: Bool { type == .string }
}

/// The types of values, by their number in the file (`gguf_type` in gguf.h).
enum GGUFValueType: UInt32, Sendable {
    case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

    /// The bytes of one value; for texts and lists the fewest, those of their length.
    var byteCount: Int {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64, .string: 8
        case .array: 12
        }
    }
}
