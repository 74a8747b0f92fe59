import JSON

/// Jinja's filters, with transformers' own `tojson`.
enum TemplateFilters {
    /// The filters, each with its parameters; nil where all arguments are passed on.
    private static let parameters: [String: [String]?] = [
        "abs": [], "attr": ["name"], "batch": ["linecount", "fill_with"], "capitalize": [], "count": [],
        "d": ["default_value", "boolean"], "default": ["default_value", "boolean"],
        "dictsort": ["case_sensitive", "by", "reverse"], "e": [], "escape": [], "first": [],
        "float": ["default"],
        "forceescape": [], "groupby": ["attribute", "default", "case_sensitive"],
        "indent": ["width", "first", "blank"],
        "int": ["default", "base"], "items": [], "join": ["d", "attribute"], "last": [], "length": [],
        "list": [],
        "lower": [], "map": nil, "max": ["case_sensitive", "attribute"],
        "min": ["case_sensitive", "attribute"],
        "reject": nil, "rejectattr": nil, "replace": ["old", "new", "count"], "reverse": [],
        "round": ["precision", "method"], "safe": [], "select": nil, "selectattr": nil,
        "sort": ["reverse", "case_sensitive", "attribute"], "string": [],
        "sum": ["attribute", "start"], "title": [],
        "tojson": ["ensure_ascii", "indent", "separators", "sort_keys"], "trim": ["chars"],
        "unique": ["case_sensitive", "attribute"], "upper": [], "wordcount": [],
    ]

    static let names = Set(parameters.keys)

    /// Filters whose result may need no escaping because the input does not.
    private static let keepingMark: Set<String> = [
        "safe", "escape", "e", "string", "default", "d", "trim", "upper", "lower", "capitalize", "indent", "attr",
    ]

    private static func checkArguments(of name: String, _ arguments: TemplateCallArguments) throws {
        guard let known = parameters[name] else {
            throw TemplateFailure("the filter \(name.debugDescription) is unknown or not supported")
        }
        guard let known else { return }
        try arguments.check(for: "the filter \(name.debugDescription)", count: known.count, names: known)
    }

    static func apply(
        _ name: String, to value: TemplateValue, _ arguments: TemplateCallArguments, _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        try checkArguments(of: name, arguments)
        // A filter looks at its input once, so that is what it costs; sorting counts comparisons besides.
        try renderer.charge(value.weight)
        let value = keepingMark.contains(name) ? value : value.unmarked
        switch name {
        case "default", "d":
            let isMissing = value.isUndefined || (arguments.value(1, "boolean")?.isTrue ?? false) && !value.isTrue
            return isMissing ? arguments.value(0, "default_value") ?? .string("") : value
        case "length", "count": return .integer(try value.length())
        case "string":
            if case .markup = value { return value }
            return .string(try renderer.text(of: value))
        case "safe": return .markup(try renderer.text(of: value))
        case "escape", "e":
            if case .markup = value { return value }
            return .markup(PythonText.escape(try renderer.text(of: value)))
        case "forceescape": return .markup(PythonText.escape(try renderer.text(of: value)))
        case "tojson": return .string(try json(value, arguments, renderer))
        case "int", "float", "abs", "round": return try number(name, value, arguments)
        case "attr": return try renderer.attribute(arguments.value(0, "name")?.text ?? "", of: value)
        case "trim", "upper", "lower", "capitalize", "title", "replace", "indent", "wordcount":
            let result = try text(name, try renderer.text(of: value), arguments, renderer)
            if case .markup = value, case .string(let text) = result, name != "title", name != "replace" {
                return .markup(text)
            }
            return result
        default:
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
        case "lower": return .string(PythonText.lower(text))
        case "capitalize": return .string(PythonText.capitalize(text))
        case "title": return .string(PythonText.titleOfWords(text))
        case "wordcount":
            var count = 0
            var wasWord = false
            for scalar in text.unicodeScalars {
                // `\w` in Python's `re`.
                let isWord = scalar == "_" || TemplateMethods.isLetterOrNumber(scalar)
                if isWord, !wasWord { count += 1 }
                wasWord = isWord
            }
            return .integer(count)
        case "replace":
            guard let old = arguments.value(0, "old"), let new = arguments.value(1, "new") else {
                throw TemplateFailure("the filter \"replace\" needs what to replace and what with")
            }
            var named = TemplateCallArguments(positional: [.string(old.text), .string(new.text)])
            if let count = arguments.value(2, "count"), case .integer = count { named.positional.append(count) }
            return try TemplateMethods.call("replace", of: .string(text), named, renderer)
        default: return .string(try indented(text, arguments, renderer))
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
        let indent = arguments.value(1, "indent")
        if case .string? = indent { throw TemplateFailure("tojson's indent as text is not supported; give a number") }
        format.indent = indent?.whole.map { min($0, 100) }
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
            case .number(let number):
                if number.isNaN { return fallback }
                return .integer(try whole(number))
            case .string(let text):
                let base = arguments.value(1, "base")?.whole ?? 10
                if let value = PythonText.integer(text, base: base) { return .integer(value) }
                guard let number = PythonText.number(text), number.isFinite else { return fallback }
                return .integer(try whole(number))
            default: return value.whole.map { .integer($0) } ?? fallback
            }
        case "float":
            if case .string(let text) = value, let number = PythonText.number(text) {
                return .number(number)
            }
            return value.numeric.map { .number($0) } ?? arguments.value(0, "default") ?? .number(0)
        case "abs":
            if let whole = value.whole {
                guard whole > .min else { throw TemplateFailure("the integer result is too large") }
                return .integer(abs(whole))
            }
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

    /// A number without its fraction. Python's integers have no end, ours do.
    private static func whole(_ number: Double) throws -> Int {
        guard let whole = Int(exactly: number.rounded(.towardZero)) else {
            throw TemplateFailure("\(number) as an integer is too large")
        }
        return whole
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
        // Python's `ceil` and `floor` give integers, which know no negative zero.
        if method != "common", result == 0 { return .number(0) }
        // Rounding a whole number keeps it whole unless a rule is named.
        if isWhole, method == "common", let whole = Int(exactly: result) { return .integer(whole) }
        return .number(result.isFinite ? result : number)
    }
}
