/// Jinja's tests: what may follow `is`.
enum TemplateTests {
    static func test(
        _ name: String, _ value: TemplateValue, _ arguments: [TemplateValue], _ renderer: TemplateRenderer
    ) throws -> Bool {
        try renderer.charge(arguments.reduce(1) { TemplateValue.sum($0, min($1.weight, value.weight)) })
        if name == "in" { try renderer.charge(arguments.first?.weight ?? 1) }
        if name == "upper" || name == "lower" { try renderer.charge(value.weight) }
        func argument() throws -> TemplateValue {
            guard let argument = arguments.first else {
                throw TemplateFailure("the test \"\(name)\" needs an argument")
            }
            return argument
        }
        switch name {
        case "defined": return !value.isUndefined
        case "undefined": return value.isUndefined
        case "none": if case .none = value { return true } else { return false }
        case "boolean": if case .bool = value { return true } else { return false }
        case "true": if case .bool(true) = value { return true } else { return false }
        case "false": if case .bool(false) = value { return true } else { return false }
        case "integer": if case .integer = value { return true } else { return false }
        case "float": if case .number = value { return true } else { return false }
        case "number": return value.numeric != nil
        case "string":
            switch value {
            case .string, .markup: return true
            default: return false
            }
        case "mapping": if case .mapping = value { return true } else { return false }
        case "callable":
            // Loops can be called where they are recursive, and what is undefined can be to say so.
            switch value {
            case .callable, .undefined, .loop: return true
            default: return false
            }
        case "iterable": return isIterable(value)
        case "sequence": return isSequence(value)
        case "odd": return try remainder(value, 2, renderer) == 1
        case "even": return try remainder(value, 2, renderer) == 0
        case "divisibleby":
            guard let divisor = try argument().whole, divisor != 0 else {
                throw TemplateFailure("integer modulo by zero")
            }
            return try remainder(value, divisor, renderer) == 0
        case "eq", "==", "equalto": return TemplateValue.areEqual(value, try argument())
        case "ne", "!=": return !TemplateValue.areEqual(value, try argument())
        case "lt", "<", "lessthan": return try TemplateValue.isLess(value, try argument())
        case "gt", ">", "greaterthan": return try TemplateValue.isLess(try argument(), value, symbol: ">")
        case "le", "<=":
            return try TemplateValue.isLess(value, try argument(), symbol: "<=")
                || TemplateValue.areEqual(value, try argument())
        case "ge", ">=":
            return try TemplateValue.isLess(try argument(), value, symbol: ">=")
                || TemplateValue.areEqual(value, try argument())
        case "in": return try argument().contains(value)
        case "sameas": return isSame(value, try argument())
        case "lower": return isInCase(value.text, \.lowercaseMapping)
        case "upper": return isInCase(value.text, \.uppercaseMapping)
        case "filter": return TemplateFilters.names.contains(value.text)
        case "test": return names.contains(value.text)
        case "escaped": if case .markup = value { return true } else { return false }
        default: throw TemplateFailure("the test \(name.debugDescription) is unknown or not supported")
        }
    }

    private static let names: Set<String> = [
        "defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string", "mapping",
        "callable", "iterable", "sequence", "odd", "even", "divisibleby", "eq", "==", "equalto", "ne", "!=", "lt", "<",
        "lessthan", "gt", ">", "greaterthan", "le", "<=", "ge", ">=", "in", "sameas", "lower", "upper", "filter",
        "test",
        "escaped",
    ]

    private static func isIterable(_ value: TemplateValue) -> Bool {
        switch value {
        case .undefined, .string, .markup, .list, .tuple, .iterator, .view, .mapping, .loop: true
        default: false
        }
    }

    private static func isSequence(_ value: TemplateValue) -> Bool {
        switch value {
        case .undefined, .string, .markup, .list, .tuple, .mapping: true
        case .view(let view): view.kind == .range
        default: false
        }
    }

    private static func remainder(
        _ value: TemplateValue, _ divisor: Int, _ renderer: TemplateRenderer
    ) throws -> Double? {
        try TemplateArithmetic.apply(.remainder, value, .integer(divisor), renderer).numeric
    }

    /// `is` in Python: for what is compared by identity there, equality of values of one type comes closest.
    private static func isSame(_ left: TemplateValue, _ right: TemplateValue) -> Bool {
        left.typeName == right.typeName && TemplateValue.areEqual(left, right)
    }

    /// `str.islower` and `str.isupper`.
    static func isInCase(_ text: String, _ mapping: KeyPath<Unicode.Scalar.Properties, String>) -> Bool {
        let cased = text.unicodeScalars.filter(\.properties.isCased)
        return !cased.isEmpty && cased.allSatisfy { $0.properties[keyPath: mapping] == String($0) }
    }
}
