import JSON

/// Jinja's filters, with transformers' own `tojson`.
enum TemplateFilters {
    static let names: Set<String> = [
        "abs", "attr", "batch", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float",
        "forceescape", "groupby", "indent", "int", "items", "join", "last", "length", "list", "lower", "map", "max",
        "min",
        "reject", "rejectattr", "replace", "reverse", "round", "safe", "select", "selectattr", "sort", "string", "sum",
        "title", "tojson", "trim", "unique", "upper", "wordcount",
    ]

    static func apply(
        _ name: String, to value: TemplateValue, _ arguments: TemplateCallArguments, _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        // A filter looks at its input once, so that is what it costs; sorting counts comparisons besides.
        try renderer.charge(value.weight)
        switch name {
        case "default", "d":
            let isMissing = value.isUndefined || (arguments.value(1, "boolean")?.isTrue ?? false) && !value.isTrue
            return isMissing ? arguments.value(0, "default_value") ?? .string("") : value
        case "length", "count": return .integer(try value.length())
        case "string": return .string(try renderer.text(of: value))
        case "safe": return value
        case "tojson": return .string(try json(value, arguments, renderer))
        case "int", "float", "abs", "round": return try number(name, value, arguments)
        case "attr": return try renderer.attribute(arguments.value(0, "name")?.text ?? "", of: value)
        case "trim", "upper", "lower", "capitalize", "title", "replace", "indent", "escape", "e", "forceescape",
            "wordcount":
            return try text(name, try renderer.text(of: value), arguments, renderer)
        default:
            guard names.contains(name) else {
                throw TemplateFailure("the filter \(name.debugDescription) is unknown or not supported")
            }
            return try TemplateSequenceFilters.apply(name, to: value, arguments, renderer)
        }
    }

    private static func text(
        _ name: String, _ text: String, _ arguments: TemplateCallArguments, _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        switch name {
        case "trim":
            if case .string(let characters)? = arguments.value(0, "chars") {
                return .string(PythonText.strip(text, characters))
            }
            return .string(PythonText.strip(text))
        case "upper": return .string(text.uppercased())
        case "lower": return .string(text.lowercased())
        case "capitalize": return .string(PythonText.capitalize(text))
        case "title": return .string(PythonText.titleOfWords(text))
        case "wordcount":
            var count = 0
            var wasWord = false
            for scalar in text.unicodeScalars {
                if scalar.isWord, !wasWord { count += 1 }
                wasWord = scalar.isWord
            }
            return .integer(count)
        case "replace":
            guard let old = arguments.value(0, "old"), let new = arguments.value(1, "new") else {
                throw TemplateFailure("the filter \"replace\" needs what to replace and what with")
            }
            var named = TemplateCallArguments(positional: [.string(old.text), .string(new.text)])
            if let count = arguments.value(2, "count"), case .integer = count { named.positional.append(count) }
            return try TemplateMethods.call("replace", of: .string(text), named, renderer)
        case "indent": return .string(try indented(text, arguments, renderer))
        default: return .string(PythonText.escape(text))
        }
    }

    private static func indented(
        _ text: String, _ arguments: TemplateCallArguments, _ renderer: TemplateRenderer
    ) throws -> String {
        let width = arguments.value(0, "width")
        let indent: String
        if case .string(let text)? = width {
            indent = text
        } else {
            indent = String(repeating: " ", count: min(max(width?.whole ?? 4, 0), 1000))
        }
        let indentsFirst = arguments.value(1, "first")?.isTrue ?? false
        let indentsBlank = arguments.value(2, "blank")?.isTrue ?? false
        // Jinja appends a line break, so that text that ends with one gets another line.
        let lines = PythonText.lines(text + "\n")
        try renderer.charge(bytes: lines.count * (indent.utf8.count + 1))
        var output = (indentsFirst ? indent : "") + (lines.first ?? "")
        for line in lines.dropFirst() {
            output += "\n" + (line.isEmpty && !indentsBlank ? "" : indent) + line
        }
        return output
    }

    private static func json(
        _ value: TemplateValue, _ arguments: TemplateCallArguments, _ renderer: TemplateRenderer
    ) throws -> String {
        var format = JSONFormat()
        format.escapesNonASCII = arguments.value(0, "ensure_ascii")?.isTrue ?? false
        format.indent = arguments.value(1, "indent")?.whole.map { min($0, 100) }
        if case let separators? = arguments.value(2, "separators"), let pair = try? separators.elements(),
            pair.count == 2
        {
            format.itemSeparator = pair[0].text
            format.keySeparator = pair[1].text
        }
        format.sortedKeys = arguments.value(3, "sort_keys")?.isTrue ?? false
        let text = try value.json().serialized(format)
        try renderer.charge(bytes: text.utf8.count)
        return text
    }

    private static func number(
        _ name: String, _ value: TemplateValue, _ arguments: TemplateCallArguments
    ) throws -> TemplateValue {
        if case .undefined(let message) = value, name == "abs" || name == "round" { throw TemplateFailure(message) }
        switch name {
        case "int":
            let fallback = arguments.value(0, "default") ?? .integer(0)
            switch value {
            case .number(let number): return Int(exactly: number.rounded(.towardZero)).map { .integer($0) } ?? fallback
            case .string(let text):
                let digits = PythonText.strip(text)
                let base = arguments.value(1, "base")?.whole ?? 10
                if (2...36).contains(base), let value = Int(digits, radix: base) { return .integer(value) }
                return Double(digits).flatMap { Int(exactly: $0.rounded(.towardZero)) }.map { .integer($0) } ?? fallback
            default: return value.whole.map { .integer($0) } ?? fallback
            }
        case "float":
            if case .string(let text) = value, let number = Double(PythonText.strip(text)) { return .number(number) }
            return value.numeric.map { .number($0) } ?? arguments.value(0, "default") ?? .number(0)
        case "abs":
            if let whole = value.whole { return whole == .min ? .number(0x1p63) : .integer(abs(whole)) }
            guard case .number(let number) = value else {
                throw TemplateFailure("bad operand type for abs(): '\(value.typeName)'")
            }
            return .number(number.magnitude)
        default:
            guard let number = value.numeric else {
                throw TemplateFailure("type \(value.typeName) doesn't define __round__ method")
            }
            let precision = min(max(arguments.value(0, "precision")?.whole ?? 0, -300), 300)
            let method = arguments.value(1, "method")?.text ?? "common"
            return try rounded(number, isWhole: value.whole != nil, precision: precision, method: method)
        }
    }

    private static func rounded(
        _ number: Double, isWhole: Bool, precision: Int, method: String
    ) throws -> TemplateValue {
        let rule: FloatingPointRoundingRule
        switch method {
        case "common": rule = .toNearestOrEven
        case "ceil": rule = .up
        case "floor": rule = .down
        default: throw TemplateFailure("method must be common, ceil or floor")
        }
        let scale = (0..<abs(precision)).reduce(1.0) { scale, _ in scale * 10 }
        let result = precision < 0 ? (number / scale).rounded(rule) * scale : (number * scale).rounded(rule) / scale
        // Rounding a whole number keeps it whole unless a rule is named.
        if isWhole, method == "common", let whole = Int(exactly: result) { return .integer(whole) }
        return .number(result.isFinite ? result : number)
    }
}
