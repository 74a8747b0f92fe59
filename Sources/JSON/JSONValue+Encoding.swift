extension JSONValue {
    /// What a value encodes, with keys in the order in which it encodes them, which `JSONEncoder` does not keep.
    ///
    /// Throws what the value's own encoding throws.
    public init(encoding value: some Encodable) throws {
        let encoder = ValueEncoder()
        try encoder.encode(value)
        self = encoder.value
    }
}

/// An optional that is written as null where it is nil; otherwise its key would be left out.
@propertyWrapper
public struct Nullable<Value: Codable & Sendable>: Codable, Sendable {
    /// The optional itself.
    public var wrappedValue: Value?

    /// An optional.
    public init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

    /// Reads a value or null.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        wrappedValue = container.decodeNil() ? nil : try container.decode(Value.self)
    }

    /// Writes the value or null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue)
    }
}

/// Encodes into one place of a document.
private final class ValueEncoder: Encoder {
    /// What is no object and no array.
    private var single: JSONValue?
    /// The elements of an array; nil where it is none.
    private(set) var elements: [ValueEncoder]?
    /// The places of an object's keys.
    private var entries: [(key: String, place: ValueEncoder)] = []
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    var value: JSONValue {
        single ?? elements.map { .array($0.map(\.value)) }
            ?? .object(JSONObject(entries.map { ($0.key, $0.place.value) }))
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(KeyedValues(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        elements = []
        return ListedValues(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { SingleValue(encoder: self) }

    func encodeNil() { single = .null }

    func encode(_ value: some Encodable) throws {
        switch value {
        case let value as Bool: single = .bool(value)
        case let value as String: single = .string(value)
        case let value as Double: single = .number(value)
        case let value as Float: single = .number(Double(value))
        case let value as any BinaryInteger:
            guard let whole = Int(exactly: value) else {
                throw EncodingError.invalidValue(
                    value, .init(codingPath: [], debugDescription: "\(value) is beyond 64-bit integers"))
            }
            single = .integer(whole)
        default: try value.encode(to: self)
        }
    }

    /// The place of a key. A struct that encodes itself in parts asks for several containers: the keys come together.
    func place(of key: String) -> ValueEncoder {
        let place = ValueEncoder()
        entries.append((key, place))
        return place
    }

    /// The place behind the last element.
    func next() -> ValueEncoder {
        let place = ValueEncoder()
        elements?.append(place)
        return place
    }
}

private struct KeyedValues<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: ValueEncoder
    var codingPath: [any CodingKey] { [] }

    func encodeNil(forKey key: Key) { encoder.place(of: key.stringValue).encodeNil() }
    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        try encoder.place(of: key.stringValue).encode(value)
    }
    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> { encoder.place(of: key.stringValue).container(keyedBy: type) }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        encoder.place(of: key.stringValue).unkeyedContainer()
    }
    func superEncoder() -> any Encoder { encoder.place(of: "super") }
    func superEncoder(forKey key: Key) -> any Encoder { encoder.place(of: key.stringValue) }
}

private struct ListedValues: UnkeyedEncodingContainer {
    let encoder: ValueEncoder
    var codingPath: [any CodingKey] { [] }
    var count: Int { encoder.elements?.count ?? 0 }

    func encodeNil() { encoder.next().encodeNil() }
    func encode<Value: Encodable>(_ value: Value) throws { try encoder.next().encode(value) }
    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        encoder.next().container(keyedBy: type)
    }
    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { encoder.next().unkeyedContainer() }
    func superEncoder() -> any Encoder { encoder.next() }
}

private struct SingleValue: SingleValueEncodingContainer {
    let encoder: ValueEncoder
    var codingPath: [any CodingKey] { [] }

    func encodeNil() { encoder.encodeNil() }
    func encode<Value: Encodable>(_ value: Value) throws { try encoder.encode(value) }
}
