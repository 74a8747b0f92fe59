import JSON

/// Python's meaning of truth, text, equality and order.
extension TemplateValue {
    /// Python's name of the type.
    var typeName: String {
        switch self {
        case .undefined: "Undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .integer: "int"
        case .number: "float"
        case .string: "str"
        case .markup: "Markup"
        case .list: "list"
        case .tuple: "tuple"
        case .iterator: "generator"
        case .view(let view): view.kind.rawValue
        case .mapping: "dict"
        case .namespace: "Namespace"
        case .loop: "LoopContext"
        case .callable(.macro): "Macro"
        case .callable: "function"
        }
    }

    /// What error messages about missing attributes call the value.
    var describedType: String {
        if case .none = self { "None" } else { "\(typeName) object" }
    }

    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .number(let value): value != 0
        case .string(let value), .markup(let value): !value.isEmpty
        case .list(let sequence), .tuple(let sequence): !sequence.elements.isEmpty
        case .view(let view): !view.sequence.elements.isEmpty
        case .mapping(let mapping): mapping.count > 0
        case .iterator, .namespace, .loop, .callable: true
        }
    }

    /// The value without the mark that it needs no escaping.
    var unmarked: TemplateValue {
        if case .markup(let text) = self { .string(text) } else { self }
    }

    var isUndefined: Bool {
        if case .undefined = self { true } else { false }
    }

    /// `str(value)`.
    var text: String {
        switch self {
        case .undefined: ""
        case .string(let value), .markup(let value): value
        default: representation
        }
    }

    /// `repr(value)`.
    var representation: String {
        switch self {
        case .undefined: "Undefined"
        case .none: "None"
        case .bool(let value): value ? "True" : "False"
        case .integer(let value): String(value)
        case .number(let value): value.pythonRepresentation
        case .string(let value): Self.quoted(value)
        case .markup(let value): "Markup(\(Self.quoted(value)))"
        case .list(let sequence): "[" + sequence.elements.map(\.representation).joined(separator: ", ") + "]"
        case .tuple(let sequence):
            "(" + sequence.elements.map(\.representation).joined(separator: ", ")
                + (sequence.elements.count == 1 ? ",)" : ")")
        case .mapping(let mapping):
            "{"
                + zip(mapping.keys, mapping.values).map { "\($0.representation): \($1.representation)" }
                .joined(separator: ", ") + "}"
        case .view(let view) where view.kind == .range:
            "range(\(view.bounds.start), \(view.bounds.stop)\(view.bounds.step == 1 ? "" : ", \(view.bounds.step)"))"
        case .view(let view): "\(typeName)(\(Self.list(view.sequence).representation))"
        case .loop(let loop): "<LoopContext \(loop.position + 1)/\(loop.items.elements.count)>"
        case .callable(.macro(let macro)):
            macro.definition.isCaller
                ? "<Macro anonymous>" : "<Macro \(Self.quoted(macro.definition.name))>"
        case .iterator, .namespace, .callable: "<\(typeName)>"
        }
    }

    /// What in the value Python would print with its address in memory, or not at all if it held itself: the type's name.
    var unprintableType: String? {
        switch self {
        case .iterator, .namespace, .callable(.function), .callable(.method): typeName
        case .list(let sequence), .tuple(let sequence):
            sequence.elements.lazy.compactMap(\.unprintableType).first
        case .view(let view): view.sequence.elements.lazy.compactMap(\.unprintableType).first
        case .mapping(let mapping): mapping.values.lazy.compactMap(\.unprintableType).first
        default: nil
        }
    }

    private static func quoted(_ string: String) -> String {
        let scalars = string.unicodeScalars
        let quote: Unicode.Scalar = scalars.contains("'") && !scalars.contains("\"") ? "\"" : "'"
        var output = String(quote)
        for scalar in scalars {
            switch scalar {
            case "\\", quote: output += "\\" + String(scalar)
            case "\n": output += "\\n"
            case "\r": output += "\\r"
            case "\t": output += "\\t"
            case _ where isPrintable(scalar): output.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16)
                let (prefix, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
                output += "\\" + prefix + String(repeating: "0", count: width - digits.count) + digits
            }
        }
        output.unicodeScalars.append(quote)
        return output
    }

    /// `str.isprintable` of one character.
    static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return (0x20..<0x7F).contains(scalar.value) }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            return false
        default: return true
        }
    }
}

// MARK: - Equality and order

extension TemplateValue {
    /// Numbers and truth values, which Python compares and adds as one kind.
    var numeric: Double? {
        switch self {
        case .bool(let value): value ? 1 : 0
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// Whole numbers and truth values.
    var whole: Int? {
        switch self {
        case .bool(let value): value ? 1 : 0
        case .integer(let value): value
        default: nil
        }
    }

    /// `left == right`.
    static func areEqual(_ left: TemplateValue, _ right: TemplateValue) -> Bool {
        if let left = left.whole, let right = right.whole { return left == right }
        if let left = left.numeric, let right = right.numeric { return left == right }
        switch (left.unmarked, right.unmarked) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.string(let left), .string(let right)): return left.utf8.elementsEqual(right.utf8)
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            return left.elements.count == right.elements.count
                && zip(left.elements, right.elements).allSatisfy(areEqual)
        case (.mapping(let left), .mapping(let right)):
            return left.count == right.count
                && zip(left.keys, left.values).allSatisfy { key, value in
                    right[key].map { areEqual(value, $0) } ?? false
                }
        case (.view(let left), .view(let right)): return areEqual(left, right)
        case (.namespace(let left), .namespace(let right)): return left === right
        case (.loop(let left), .loop(let right)): return left === right
        case (.callable(.macro(let left)), .callable(.macro(let right))): return left === right
        default: return false
        }
    }

    /// Ranges are equal if they hold the same numbers, keys and items if they are the same set; values never are.
    private static func areEqual(_ left: TemplateView, _ right: TemplateView) -> Bool {
        let (first, second) = (left.sequence.elements, right.sequence.elements)
        guard first.count == second.count else { return false }
        switch (left.kind, right.kind) {
        case (.range, .range): return zip(first, second).allSatisfy(areEqual)
        case (.keys, .keys), (.items, .keys):
            let keys = Set(second.compactMap { try? TemplateKey($0) })
            return first.allSatisfy { (try? TemplateKey($0)).map(keys.contains) ?? false }
        case (.items, .items):
            var values: [TemplateKey: TemplateValue] = [:]
            for item in second { if let (key, value) = keyAndValue(item) { values[key] = value } }
            return first.allSatisfy { item in
                guard let (key, value) = keyAndValue(item), let other = values[key] else { return false }
                return areEqual(value, other)
            }
        case (.keys, .items): return areEqual(right, left)
        default: return false
        }
    }

    /// The halves of an item of a dictionary.
    private static func keyAndValue(_ item: TemplateValue) -> (key: TemplateKey, value: TemplateValue)? {
        guard case .tuple(let pair) = item, pair.elements.count == 2, let key = try? TemplateKey(pair.elements[0])
        else { return nil }
        return (key, pair.elements[1])
    }

    /// Whether `left < right`.
    ///
    /// - Throws: `TemplateFailure` where Python has no order.
    static func isLess(_ left: TemplateValue, _ right: TemplateValue, symbol: String = "<") throws -> Bool {
        if let left = left.whole, let right = right.whole { return left < right }
        if let left = left.numeric, let right = right.numeric { return left < right }
        switch (left.unmarked, right.unmarked) {
        case (.undefined(let message), _), (_, .undefined(let message)): throw TemplateFailure(message)
        case (.string(let left), .string(let right)): return left.utf8.lexicographicallyPrecedes(right.utf8)
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            for (left, right) in zip(left.elements, right.elements) where !areEqual(left, right) {
                return try isLess(left, right, symbol: symbol)
            }
            return left.elements.count < right.elements.count
        default:
            throw TemplateFailure(
                "'\(symbol)' not supported between instances of '\(left.typeName)' and '\(right.typeName)'")
        }
    }
}

// MARK: - Elements

extension TemplateValue {
    /// What a loop over the value visits.
    ///
    /// - Throws: `TemplateFailure` where Python cannot iterate.
    func elements() throws -> [TemplateValue] {
        switch self {
        case .undefined: return []
        case .string(let value), .markup(let value): return value.unicodeScalars.map { .string(String($0)) }
        case .list(let sequence), .tuple(let sequence), .iterator(let sequence): return sequence.elements
        case .view(let view): return view.sequence.elements
        case .mapping(let mapping): return mapping.keys
        default: throw TemplateFailure("'\(typeName)' object is not iterable")
        }
    }

    /// `len(value)`.
    func length() throws -> Int {
        switch self {
        case .undefined: return 0
        case .string(let value), .markup(let value): return value.unicodeScalars.count
        case .list(let sequence), .tuple(let sequence): return sequence.elements.count
        case .view(let view): return view.sequence.elements.count
        case .mapping(let mapping): return mapping.count
        case .loop(let loop): return loop.items.elements.count
        default: throw TemplateFailure("object of type '\(typeName)' has no len()")
        }
    }

    /// `element in value`.
    func contains(_ element: TemplateValue) throws -> Bool {
        let element = element.unmarked
        switch self {
        case .string(let value), .markup(let value):
            guard case .string(let part) = element else {
                if case .undefined(let message) = element { throw TemplateFailure(message) }
                throw TemplateFailure(
                    "'in <string>' requires string as left operand, not \(element.typeName)")
            }
            return part.isEmpty || PythonText.range(of: part, in: value) != nil
        case .mapping(let mapping):
            _ = try TemplateKey(element)
            return mapping[element] != nil
        case .none, .bool, .integer, .number, .namespace, .callable:
            throw TemplateFailure("argument of type '\(typeName)' is not iterable")
        default: return try elements().contains { Self.areEqual($0, element) }
        }
    }
}
