import Claims
import JSON

/// Something from outside that cannot be what it should be. One line: where, and what.
struct BorderError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description.onOneLine }
}

/// JSON from outside (a file that somebody imports, a row of the library), read once into types that hold nothing impossible.
///
/// Nothing behind it looks at such JSON again. Messages begin with the file's line or the library's row, and a path:
/// `line 3: tokens[7].token_id: …`.
struct ForeignJSON {
    /// What happens to a part that could be absent, and is there but cannot be.
    enum Attitude: Sendable {
        /// It is an error: somebody brings the file, and can be told.
        case refuses
        /// It counts as absent: it has been stored already, perhaps by an earlier version.
        case mends
    }

    let json: JSONValue
    /// The line, or the row; empty for a whole file.
    let source: String
    let path: String
    let attitude: Attitude

    init(_ json: JSONValue, source: String, path: String = "", _ attitude: Attitude) {
        self.json = json
        self.source = source
        self.path = path
        self.attitude = attitude
    }

    /// An error about this value.
    func problem(_ what: String) -> BorderError {
        BorderError([source, path, what].filter { !$0.isEmpty }.joined(separator: ": "))
    }

    /// An error about one of its fields.
    func problem(_ key: String, _ what: String) -> BorderError { at(.null, key).problem(what) }

    /// A field; nil where it is absent or null.
    func field(_ key: String) -> JSONValue? {
        guard let value = json[key], !value.isNull else { return Optional.none }
        return value
    }

    /// A field that is there but cannot be.
    private func spoilt<Value>(_ key: String, _ what: String) throws -> Value? {
        guard attitude == .mends else { throw problem(key, what) }
        return nil
    }

    // MARK: Fields

    /// Text of at most `limit` characters (Unicode scalars).
    func text(_ key: String, limit: Int = 10_000) throws -> String {
        guard let value = json[key] else { throw problem(key, "missing") }
        guard let text = value.string else { throw problem(key, "no text") }
        return try checked(text, key, limit)
    }

    func optionalText(_ key: String, limit: Int = 10_000) throws -> String? {
        guard let value = field(key) else { return nil }
        guard let text = value.string else { return try spoilt(key, "no text") }
        return try checked(text, key, limit)
    }

    private func checked(_ text: String, _ key: String, _ limit: Int) throws -> String {
        if attitude == .mends { return text.keepable }
        guard !text.isLonger(than: limit) else { throw problem(key, "longer than \(limit) characters") }
        guard !text.utf8.contains(0) else {
            throw problem(key, "holds the character U+0000, which the library cannot keep")
        }
        return text
    }

    /// One of a few words.
    func word(_ key: String, of words: [String]) throws -> String? {
        guard let value = field(key) else { return nil }
        guard let text = value.string, words.contains(text) else {
            return try spoilt(key, "is none of \(words.joined(separator: ", "))")
        }
        return text
    }

    /// A finite number.
    func number(_ key: String) throws -> Double? {
        guard let value = field(key) else { return nil }
        guard let number = value.double, number.isFinite else { return try spoilt(key, "no finite number") }
        return number
    }

    func confidence(_ key: String) throws -> Confidence? {
        guard let value = field(key) else { return nil }
        guard let confidence = value.double.flatMap(Confidence.init) else {
            return try spoilt(key, "\(ForeignJSON.shown(value)) is no probability between 0 and 1")
        }
        return confidence
    }

    func flag(_ key: String) throws -> Bool? {
        guard let value = field(key) else { return nil }
        guard let flag = value.bool else { return try spoilt(key, "neither true nor false") }
        return flag
    }

    /// A whole number of its kind.
    func integer<Kind: IntegerKind>(
        _ key: String, _ kind: BoundedInteger<Kind>.Type = BoundedInteger<Kind>.self
    ) throws
        -> BoundedInteger<Kind>?
    {
        guard let value = field(key) else { return nil }
        guard let integer = value.int.flatMap({ BoundedInteger<Kind>($0) }) else {
            return try spoilt(
                key, "\(ForeignJSON.shown(value)) is no \(Kind.name); those are whole numbers below \(Kind.bound)")
        }
        return integer
    }

    /// A list's elements, at most `limit` of them.
    func list(_ key: String, limit: Int) throws -> [ForeignJSON] {
        guard let value = json[key] else { throw problem(key, "missing") }
        return try at(value, key).elements(limit: limit)
    }

    /// The elements of this value, which is a list.
    func elements(limit: Int) throws -> [ForeignJSON] {
        guard let list = json.array else { throw problem("no list") }
        guard list.count <= limit else { throw problem("\(list.count) elements; at most \(limit) are read") }
        return list.enumerated().map { ForeignJSON($1, source: source, path: "\(path)[\($0)]", attitude) }
    }

    /// A field as a value of its own.
    func at(_ value: JSONValue, _ key: String) -> ForeignJSON {
        ForeignJSON(value, source: source, path: path.isEmpty ? key : "\(path).\(key)", attitude)
    }

    /// A value as messages repeat it.
    private static func shown(_ value: JSONValue) -> String {
        switch value {
        case .array: "a list"
        case .object: "an object"
        default: String(value.serialized().prefix(40))
        }
    }
}
