import JSON

// SQLite ends a text at U+0000, and a client or a model may write it.

extension String {
    /// The same in words that the library can keep.
    var keepable: String { utf8.contains(0) ? replacing("\0", with: "\u{FFFD}") : self }
}

extension JSONValue {
    /// Whether any text or key in it holds U+0000.
    var holdsNull: Bool {
        switch self {
        case .string(let text): text.utf8.contains(0)
        case .array(let values): values.contains(where: \.holdsNull)
        case .object(let object): object.contains { key, value in key.utf8.contains(0) || value.holdsNull }
        default: false
        }
    }
}
