import JSON

/// Named numbers of a step or of an evaluation, in the order in which they are shown.
public struct Metrics: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    /// The numbers.
    public private(set) var values: [(name: String, value: Double)] = []

    /// No numbers.
    public init() {}

    public init(dictionaryLiteral elements: (String, Double)...) {
        for (name, value) in elements { self[name] = value }
    }

    /// A number by its name. Setting nil removes it.
    public subscript(_ name: String) -> Double? {
        get { values.first { $0.name == name }?.value }
        set {
            let index = values.firstIndex { $0.name == name }
            switch (index, newValue) {
            case (let index?, let value?): values[index].value = value
            case (let index?, nil): values.remove(at: index)
            case (nil, let value?): values.append((name, value))
            case (nil, nil): break
            }
        }
    }

    /// Adds others behind these; of equal names the later value counts.
    public mutating func merge(_ other: Metrics) {
        for (name, value) in other.values { self[name] = value }
    }

    public static func == (left: Metrics, right: Metrics) -> Bool {
        left.values.elementsEqual(right.values) { $0.name == $1.name && $0.value == $1.value }
    }

    /// As a JSON object.
    public var json: JSONValue { .object(JSONObject(members)) }

    /// As members of a JSON object.
    var members: [(String, JSONValue)] {
        values.map { name, value in
            let whole = Int(exactly: value).flatMap { $0.magnitude < 1 << 53 ? $0 : nil }
            return (name, whole.map { .integer($0) } ?? .number(value))
        }
    }
}
