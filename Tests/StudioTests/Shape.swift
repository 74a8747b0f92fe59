import JSON
import Tensors

/// What JSON may look like: enough to describe requests and answers, to check one, and to make one up.
indirect enum Shape: Sendable {
    case null
    case bool
    /// A whole number in a range.
    case integer(ClosedRange<Int>)
    /// A finite number in a range.
    case number(ClosedRange<Double>)
    /// Text of at most so many characters.
    case string(Int)
    /// One of a few texts.
    case word([String])
    case list(Shape, ClosedRange<Int>)
    /// Fields that are known; others may stand beside them.
    case object([Field])
    /// Anything that one of these describes.
    case either([Shape])

    struct Field: Sendable {
        let name: String
        let shape: Shape
        let isRequired: Bool

        static func required(_ name: String, _ shape: Shape) -> Field {
            Field(name: name, shape: shape, isRequired: true)
        }
        static func optional(_ name: String, _ shape: Shape) -> Field {
            Field(name: name, shape: shape, isRequired: false)
        }
    }

    static let anyInteger = Shape.integer(Int.min...Int.max)
    static let anyNumber = Shape.number(-Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude)
    static let anyString = Shape.string(Int.max)
    static func orNull(_ shape: Shape) -> Shape { .either([shape, .null]) }
    static func list(_ shape: Shape) -> Shape { .list(shape, 0...Int.max) }
}

extension Shape {
    /// What is wrong with a value, and where; nil if nothing.
    func problem(_ value: JSONValue, at path: String = "$") -> String? {
        switch (self, value) {
        case (.null, .null), (.bool, .bool): return nil
        case (.integer(let range), _):
            guard let number = value.int, value.double != nil else { return "\(path): no whole number" }
            return range.contains(number) ? nil : "\(path): \(number) is outside \(range)"
        case (.number(let range), _):
            guard let number = value.double, number.isFinite else { return "\(path): no finite number" }
            return range.contains(number) ? nil : "\(path): \(number) is outside \(range)"
        case (.string(let limit), .string(let text)):
            return text.unicodeScalars.count <= limit ? nil : "\(path): longer than \(limit) characters"
        case (.word(let words), .string(let text)):
            return words.contains(text) ? nil : "\(path): \(text) is none of \(words)"
        case (.list(let shape, let counts), .array(let elements)):
            guard counts.contains(elements.count) else { return "\(path): \(elements.count) elements" }
            return elements.enumerated().lazy.compactMap { shape.problem($1, at: "\(path)[\($0)]") }.first
        case (.object(let fields), .object(let object)):
            return fields.lazy.compactMap { field -> String? in
                guard let value = object[field.name] else {
                    return field.isRequired ? "\(path): has no \(field.name)" : nil
                }
                return field.shape.problem(value, at: "\(path).\(field.name)")
            }.first
        case (.either(let shapes), _):
            let problems = shapes.map { $0.problem(value, at: path) }
            return problems.contains { $0 == nil } ? nil : problems.compactMap { $0 }.joined(separator: ", or ")
        default: return "\(path): \(value.serialized().prefix(60)) is no \(self.name)"
        }
    }

    private var name: String { String("\(self)".prefix { $0 != "(" }) }
}

// MARK: - Made-up values

extension Shape {
    /// A value, usually small, that fits the shape.
    func sample(_ random: inout Random) -> JSONValue {
        switch self {
        case .null: return .null
        case .bool: return .bool(Bool.random(using: &random))
        case .integer(let range):
            let low = max(range.lowerBound, -20), high = min(range.upperBound, 12)
            return .integer(low <= high ? Int.random(in: low...high, using: &random) : range.lowerBound)
        case .number(let range):
            let low = max(range.lowerBound, -50), high = min(range.upperBound, 50)
            return .number(low + (high - low) * random.uniform())
        case .string(let limit): return .string(Shape.text(&random, limit: limit))
        case .word(let words): return .string(words.randomElement(using: &random) ?? "")
        case .list(let shape, let counts):
            let high = min(counts.upperBound, counts.lowerBound + 4)
            return .array(
                (0..<Int.random(in: counts.lowerBound...high, using: &random)).map { _ in shape.sample(&random) })
        case .object(let fields):
            return .object(
                JSONObject(
                    fields.filter { $0.isRequired || random.uniform() < 0.4 }.map {
                        ($0.name, $0.shape.sample(&random))
                    }))
        case .either(let shapes): return shapes.randomElement(using: &random)?.sample(&random) ?? .null
        }
    }

    /// Words, and now and then characters that make trouble.
    static func text(_ random: inout Random, limit: Int) -> String {
        let pieces = [
            "Long", " ago", " Hester", " worked", ".", "\n", "京", "é", "e\u{301}", "\u{FFFD}", "😀", "\u{0}",
            "<|im_end|>",
            "㈎", "<concept>", "</explanation>", "\u{202E}", "  ", "\\", "\"", "{{", "%}", "user",
        ]
        var text = ""
        for _ in 0..<Int.random(in: 0...12, using: &random) {
            let next = pieces.randomElement(using: &random) ?? ""
            if (text + next).unicodeScalars.count <= limit { text += next }
        }
        return text
    }

    /// Any JSON at all.
    static func anything(_ random: inout Random, depth: Int = 0) -> JSONValue {
        switch Int.random(in: 0..<(depth < 3 ? 10 : 8), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .integer([0, -1, 1, 2, 5, 512, 513, 4097, Int.max, Int.min].randomElement(using: &random) ?? 0)
        case 3: return .number([0.5, -0.0, 1e300, 1e-300, 3.0, .infinity, .nan].randomElement(using: &random) ?? 0)
        case 4, 5, 6, 7: return .string(text(&random, limit: 40))
        case 8:
            return .array((0..<Int.random(in: 0...4, using: &random)).map { _ in anything(&random, depth: depth + 1) })
        default:
            let keys = ["text", "role", "content", "", "a"]
            return .object(
                JSONObject(
                    (0..<Int.random(in: 0...3, using: &random)).map { _ in
                        (keys.randomElement(using: &random) ?? "", anything(&random, depth: depth + 1))
                    }))
        }
    }
}
