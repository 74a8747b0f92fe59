import JSON

extension JSONValue {
    /// Text, or null.
    init(_ text: String?) { self = text.map { .string($0) } ?? .null }
    /// A whole number, or null.
    init(_ number: Int?) { self = number.map { .integer($0) } ?? .null }
    /// A number, or null.
    init(_ number: Double?) { self = number.map { .number($0) } ?? .null }
}
