import JSON

/// A value in a template, with Python's meaning.
enum TemplateValue {
    /// What a missing name or attribute gives; the text says what is missing.
    case undefined(String)
    case none
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    /// Text that needs no more escaping, which the filters `safe` and `escape` make.
    case markup(String)
    case list(TemplateSequence)
    case tuple(TemplateSequence)
    /// A generator or an iterator: can be looped over, but has neither length nor indices.
    case iterator(TemplateSequence)
    /// A range, or what a dictionary's methods give: can be looped over and counted, and remembers what it is.
    case view(TemplateView)
    case mapping(TemplateMapping)
    case namespace(TemplateNamespace)
    case loop(TemplateLoop)
    case callable(TemplateCallable)

    static let deepest = 640

    /// How many containers lie within one another here.
    ///
    /// Limited to `deepest`, since templates could otherwise nest lists until freeing them overflows the stack.
    /// Namespaces and macros do not count: the renderer keeps them and takes them apart at the end.
    var depth: Int {
        switch self {
        case .list(let sequence), .tuple(let sequence), .iterator(let sequence): sequence.depth
        case .view(let view): view.sequence.depth
        case .mapping(let mapping): mapping.depth
        case .loop(let loop): loop.items.depth + 1
        case .callable(.method(let receiver, _)): receiver.value.depth + 1
        default: 0
        }
    }
}

extension TemplateValue {
    /// How much work it is to write, compare or hash the value: one per value inside, and one per 16 bytes of text.
    ///
    /// A list that holds another one twice counts it twice. The sum would overflow soon if lists were doubled over and
    /// over, so it stops at `Int.max`.
    var weight: Int {
        switch self {
        case .string(let text), .markup(let text): 1 + text.utf8.count / 16
        case .list(let sequence), .tuple(let sequence), .iterator(let sequence): sequence.weight
        case .view(let view): view.sequence.weight
        case .mapping(let mapping): mapping.weight
        case .loop(let loop): loop.items.weight
        default: 1
        }
    }

    static func sum(_ left: Int, _ right: Int) -> Int {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }
}

/// The elements of a list, tuple or iterator.
struct TemplateSequence {
    let elements: [TemplateValue]
    let depth: Int
    let weight: Int

    init(_ elements: [TemplateValue]) throws {
        self.elements = elements
        depth = 1 + elements.reduce(0) { max($0, $1.depth) }
        weight = elements.reduce(1) { TemplateValue.sum($0, $1.weight) }
        try TemplateFailure.checkDepth(depth)
    }
}

/// The elements of a range or of a dictionary's `items()`, `keys()` or `values()`.
struct TemplateView {
    enum Kind: String {
        case items = "dict_items"
        case keys = "dict_keys"
        case values = "dict_values"
        case range
    }

    let kind: Kind
    let sequence: TemplateSequence
    /// Where a range begins and ends, and its step.
    var bounds = (start: 0, stop: 0, step: 1)

    init(_ kind: Kind, _ elements: [TemplateValue]) throws {
        self.kind = kind
        sequence = try TemplateSequence(elements)
    }

    /// A range of so many numbers.
    init(from start: Int, to stop: Int, by step: Int) throws {
        try self.init(.range, stride(from: start, to: stop, by: step).map { .integer($0) })
        bounds = (start, stop, step)
    }

    /// The part of a range between two positions, which is a range too.
    ///
    /// - Throws: `TemplateFailure` where a bound or the step is larger than our integers, which wrapped around could be 0.
    func slice(from start: Int, to stop: Int, by step: Int) throws -> TemplateView {
        func scaled(_ factor: Int, from origin: Int) throws -> Int {
            let (product, isTooLarge) = factor.multipliedReportingOverflow(by: bounds.step)
            let (sum, overflow) = origin.addingReportingOverflow(product)
            guard !isTooLarge, !overflow else { throw TemplateFailure("the integer result is too large") }
            return sum
        }
        return try TemplateView(
            from: try scaled(start, from: bounds.start), to: try scaled(stop, from: bounds.start),
            by: try scaled(step, from: 0))
    }
}

/// A dictionary in order of insertion.
struct TemplateMapping {
    private(set) var keys: [TemplateValue] = []
    private(set) var values: [TemplateValue] = []
    private var index: [TemplateKey: Int] = [:]
    private(set) var depth = 1
    private(set) var weight = 1

    var count: Int { keys.count }

    /// Looks a key up. Keys that cannot be hashed are nowhere to be found.
    subscript(_ key: TemplateValue) -> TemplateValue? {
        guard let hashable = try? TemplateKey(key) else { return nil }
        return index[hashable].map { values[$0] }
    }

    subscript(_ key: String) -> TemplateValue? {
        index[.string(Array(key.utf8))].map { values[$0] }
    }

    mutating func set(_ key: TemplateValue, _ value: TemplateValue) throws {
        let hashable = try TemplateKey(key)
        if let position = index[hashable] {
            values[position] = value
        } else {
            index[hashable] = keys.count
            keys.append(key)
            values.append(value)
        }
        depth = max(depth, value.depth + 1, key.depth + 1)
        // Values that are replaced keep counting, which errs on the safe side.
        weight = TemplateValue.sum(weight, TemplateValue.sum(key.weight, value.weight))
        try TemplateFailure.checkDepth(depth)
    }

    /// Keys with values, as tuples.
    func items() throws -> [TemplateValue] {
        try zip(keys, values).map { .tuple(try TemplateSequence([$0, $1])) }
    }
}

/// A dictionary key: numbers that are equal are one key, as in Python.
enum TemplateKey: Hashable {
    case none
    case integer(Int)
    case number(Double)
    case string([UInt8])
    case tuple([TemplateKey])

    private static let heaviest = 100_000

    init(_ value: TemplateValue) throws {
        guard value.weight <= Self.heaviest else { throw TemplateFailure("a dictionary key is too large") }
        switch value {
        case .none: self = .none
        case .bool(let value): self = .integer(value ? 1 : 0)
        case .integer(let value): self = .integer(value)
        case .number(let value): self = Int(exactly: value).map { .integer($0) } ?? .number(value)
        case .string(let value), .markup(let value): self = .string(Array(value.utf8))
        case .tuple(let sequence): self = .tuple(try sequence.elements.map { try TemplateKey($0) })
        default: throw TemplateFailure("unhashable type: '\(value.typeName)'")
        }
    }
}

/// Variables that loops can set for what comes after them.
final class TemplateNamespace {
    var attributes = TemplateMapping()
}

/// The variable `loop`.
final class TemplateLoop {
    let items: TemplateSequence
    var position = 0
    var lastChangedValue: TemplateValue?

    init(_ items: TemplateSequence) throws {
        self.items = items
        try TemplateFailure.checkDepth(items.depth + 1)
    }

    func attribute(_ name: String) -> TemplateValue? {
        let count = items.elements.count
        switch name {
        case "index": return .integer(position + 1)
        case "index0": return .integer(position)
        case "revindex": return .integer(count - position)
        case "revindex0": return .integer(count - position - 1)
        case "first": return .bool(position == 0)
        case "last": return .bool(position == count - 1)
        case "length": return .integer(count)
        // Jinja counts recursions of one loop here, which are not supported, rather than loops around it.
        case "depth": return .integer(1)
        case "depth0": return .integer(0)
        case "previtem":
            return position > 0 ? items.elements[position - 1] : .undefined("there is no previous item")
        case "nextitem":
            return position + 1 < count ? items.elements[position + 1] : .undefined("there is no next item")
        default: return nil
        }
    }
}

/// What can be called.
enum TemplateCallable {
    case function(String)
    case method(Box, String)
    case macro(TemplateMacro)

    /// A value behind a reference, which an enumeration that the value itself can hold needs.
    final class Box {
        let value: TemplateValue
        init(_ value: TemplateValue) { self.value = value }
    }
}

/// A macro with the variables around its definition.
final class TemplateMacro {
    let definition: TemplateMacroDefinition
    let scope: TemplateScope

    init(_ definition: TemplateMacroDefinition, scope: TemplateScope) {
        self.definition = definition
        self.scope = scope
    }
}

/// Variables, and the scope around them.
final class TemplateScope {
    var variables: [String: TemplateValue] = [:]
    let parent: TemplateScope?

    init(parent: TemplateScope?) {
        self.parent = parent
    }

    func value(of name: String) -> TemplateValue? {
        var scope: TemplateScope? = self
        while let current = scope {
            if let value = current.variables[name] { return value }
            scope = current.parent
        }
        return nil
    }
}

/// What went wrong in a template; the renderer and the parser add the line.
struct TemplateFailure: Error {
    let message: String
    var line: Int?

    init(_ message: String, line: Int? = nil) {
        self.message = message
        self.line = line
    }

    static func checkDepth(_ depth: Int) throws {
        guard depth <= TemplateValue.deepest else {
            throw TemplateFailure("values lie more than \(TemplateValue.deepest) deep within one another")
        }
    }
}

// MARK: - JSON

extension TemplateValue {
    /// The value of a JSON document.
    init(_ json: JSONValue) throws {
        switch json {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .number(let value): self = .number(value)
        case .string(let value): self = .string(value)
        case .array(let elements): self = .list(try TemplateSequence(elements.map { try TemplateValue($0) }))
        case .object(let object):
            var mapping = TemplateMapping()
            for (key, value) in object { try mapping.set(.string(key), TemplateValue(value)) }
            self = .mapping(mapping)
        }
    }

    /// The value as `json.dumps` sees it.
    func json() throws -> JSONValue {
        switch self {
        case .none: return .null
        case .bool(let value): return .bool(value)
        case .integer(let value): return .integer(value)
        case .number(let value): return .number(value)
        case .string(let value), .markup(let value): return .string(value)
        case .list(let sequence), .tuple(let sequence): return .array(try sequence.elements.map { try $0.json() })
        case .mapping(let mapping):
            var object = JSONObject()
            for (key, value) in zip(mapping.keys, mapping.values) {
                switch key {
                case .string(let key), .markup(let key): object[key] = try value.json()
                case .none, .bool, .integer, .number: object[try key.json().serialized()] = try value.json()
                default: throw TemplateFailure("keys must be str, int, float, bool or None, not \(key.typeName)")
                }
            }
            return .object(object)
        default: throw TemplateFailure("Object of type \(typeName) is not JSON serializable")
        }
    }
}
