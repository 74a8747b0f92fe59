/// Values in the order of tables, each with a key for programs and a title for people. In a file they are an object of those that
/// there are.
package struct NamedValues<Value: Codable & Sendable>: Codable, Sendable {
    /// A value under its names.
    struct Entry: Sendable {
        let key: String
        let title: String
        /// Nil where nothing was measured.
        let value: Value?

        /// A value; without a title the key is the title.
        init(_ key: String, _ title: String? = nil, _ value: Value?) {
            self.key = key
            self.title = title ?? key
            self.value = value
        }
    }

    var entries: [Entry]

    init(_ entries: [Entry]) { self.entries = entries }

    /// The value of a key.
    subscript(_ key: String) -> Value? { entries.first { $0.key == key }?.value }

    /// Those that were measured.
    var present: [(key: String, title: String, value: Value)] {
        entries.compactMap { entry in entry.value.map { (entry.key, entry.title, $0) } }
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Reads an object, in no order, for that of a file is lost. Keys that hold something else are another struct's.
    package init(from decoder: any Decoder) throws {
        let object = try decoder.container(keyedBy: Key.self)
        entries = object.allKeys.compactMap { key in
            (try? object.decode(Value.self, forKey: key)).map { Entry(key.stringValue, nil, $0) }
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: Key.self)
        for entry in entries { try object.encodeIfPresent(entry.value, forKey: Key(stringValue: entry.key)) }
    }

    /// Rows of a table with a column for each of several: what something is called, and what each column has of it.
    ///
    /// What no column has is left out.
    ///
    /// - Parameter title: turns titles into text of the table's kind; `cell` does so for values.
    static func rows(
        _ columns: [NamedValues], title: (String) -> String = { $0 }, cell: (Value) -> String
    ) -> [[String]] {
        var seen: Set<String> = []
        return columns.flatMap(\.entries).filter { seen.insert($0.key).inserted }.compactMap { entry in
            let values = columns.map { $0[entry.key] }
            guard values.contains(where: { $0 != nil }) else { return nil }
            return [title(entry.title)] + values.map { $0.map(cell) ?? "–" }
        }
    }
}

/// Two structs in one object, each of which knows its own keys.
package struct Joined<First: Codable & Sendable, Second: Codable & Sendable>: Codable, Sendable {
    let first: First
    let second: Second

    init(_ first: First, _ second: Second) {
        self.first = first
        self.second = second
    }

    package init(from decoder: any Decoder) throws {
        first = try First(from: decoder)
        second = try Second(from: decoder)
    }

    package func encode(to encoder: any Encoder) throws {
        try first.encode(to: encoder)
        try second.encode(to: encoder)
    }
}
