/// A dictionary that keeps the order in which keys first came, as Python's `dict` does.
///
/// Keys are compared by their UTF-8 bytes. Small objects are searched linearly; larger ones carry a hash index, so a
/// lookup takes constant time on average.
public struct JSONObject: Sendable {
    /// The keys, in order.
    public private(set) var keys: [String] = []
    /// The values, in the order of `keys`.
    public private(set) var values: [JSONValue] = []
    /// Where each key stands; nil while the object is small enough to search linearly.
    private var index: [ByteKey: Int]?

    private static let largestUnindexedCount = 12

    /// Makes an empty object.
    public init() {}

    /// Makes an object from pairs; of equal keys the first gives the place and the last the value.
    public init(_ pairs: some Sequence<(String, JSONValue)>) {
        for (key, value) in pairs { self[key] = value }
    }

    /// How many keys there are.
    public var count: Int { keys.count }

    /// Whether there are no keys.
    public var isEmpty: Bool { keys.isEmpty }

    /// The value of a key. Setting nil removes the key, in time proportional to the object's size.
    public subscript(_ key: String) -> JSONValue? {
        get { position(of: key).map { values[$0] } }
        set {
            switch (position(of: key), newValue) {
            case (let position?, let value?): values[position] = value
            case (let position?, nil): remove(at: position)
            case (nil, let value?): append(key, value)
            case (nil, nil): break
            }
        }
    }

    private func position(of key: String) -> Int? {
        if let index { return index[ByteKey(string: key)] }
        return keys.firstIndex { $0.utf8.elementsEqual(key.utf8) }
    }

    private mutating func append(_ key: String, _ value: JSONValue) {
        keys.append(key)
        values.append(value)
        if index != nil {
            index?[ByteKey(string: key)] = keys.count - 1
        } else if keys.count > Self.largestUnindexedCount {
            rebuildIndex()
        }
    }

    private mutating func remove(at position: Int) {
        keys.remove(at: position)
        values.remove(at: position)
        if index != nil { rebuildIndex() }
    }

    private mutating func rebuildIndex() {
        var index: [ByteKey: Int] = [:]
        index.reserveCapacity(keys.count * 2)
        for (position, key) in keys.enumerated() { index[ByteKey(string: key)] = position }
        self.index = index
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    /// Makes an object with its keys in the order given; the last of equal keys wins.
    public init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}

extension JSONObject: Sequence {
    /// Iterates over the pairs in order.
    public func makeIterator() -> Zip2Sequence<[String], [JSONValue]>.Iterator {
        zip(keys, values).makeIterator()
    }
}

extension JSONObject: Equatable {
    /// Objects are equal when they hold the same keys with equal values, in whatever order.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.count == right.count && left.allSatisfy { key, value in right[key] == value }
    }
}

/// A string as a dictionary key that compares bytes rather than canonical equivalence.
private struct ByteKey: Hashable {
    let string: String

    static func == (left: ByteKey, right: ByteKey) -> Bool {
        left.string.utf8.elementsEqual(right.string.utf8)
    }

    func hash(into hasher: inout Hasher) {
        var copy = string
        copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
