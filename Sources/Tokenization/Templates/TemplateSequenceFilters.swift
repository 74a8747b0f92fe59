/// Filters of lists and dictionaries.
enum TemplateSequenceFilters {
    static func apply(
        _ name: String, to value: TemplateValue, _ arguments: TemplateCallArguments, _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        if name == "items" || name == "dictsort" { return try pairs(name, value, arguments, renderer) }
        let elements = try value.elements()
        try renderer.charge(elements.count)
        switch name {
        case "first": return elements.first ?? .undefined("No first item, sequence was empty.")
        case "last":
            if case .iterator = value { throw TemplateFailure("'generator' object is not reversible") }
            return elements.last ?? .undefined("No last item, sequence was empty.")
        case "list": return .list(try TemplateSequence(elements))
        case "join": return .string(try join(elements, arguments, renderer))
        case "reverse":
            if case .string(let text) = value {
                return .string(String(String.UnicodeScalarView(text.unicodeScalars.reversed())))
            }
            return .iterator(try TemplateSequence(elements.reversed()))
        case "map": return try map(elements, arguments, renderer)
        case "select", "reject", "selectattr", "rejectattr":
            return try select(name, elements, arguments, renderer)
        case "sum":
            let attribute = arguments.value(0, "attribute")
            return try elements.reduce(arguments.value(1, "start") ?? .integer(0)) { sum, element in
                let term = try attribute.map { try self.attribute($0, of: element, renderer) } ?? element
                return try TemplateArithmetic.apply(.add, sum, term, renderer)
            }
        case "batch": return try batch(elements, arguments)
        case "unique", "sort", "min", "max", "groupby": return try order(name, elements, arguments, renderer)
        default: throw TemplateFailure("the filter \(name.debugDescription) is unknown or not supported")
        }
    }

    /// An attribute given by name, by dotted path or by index, as filters take it.
    private static func attribute(
        _ path: TemplateValue, of value: TemplateValue, _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        guard case .string(let path) = path else { return try renderer.element(path, of: value) }
        return try PythonText.split(path, separator: ".").reduce(value) { value, part in
            try renderer.element(Int(part).map { .integer($0) } ?? .string(part), of: value)
        }
    }

    private static func pairs(
        _ name: String, _ value: TemplateValue, _ arguments: TemplateCallArguments, _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        if name == "items", value.isUndefined { return .iterator(try TemplateSequence([])) }
        guard case .mapping(let mapping) = value else {
            throw TemplateFailure("Can only get item pairs from a mapping.")
        }
        let items = try mapping.items()
        guard name == "dictsort" else { return .iterator(try TemplateSequence(items)) }
        let ignoresCase = !(arguments.value(0, "case_sensitive")?.isTrue ?? false)
        let byValue = arguments.value(1, "by")?.text == "value"
        let sorted = try sort(
            zip(items, byValue ? mapping.values : mapping.keys).map { ($0, folded($1, ignoresCase)) },
            descending: arguments.value(2, "reverse")?.isTrue ?? false, renderer)
        return .list(try TemplateSequence(sorted))
    }

    private static func join(
        _ elements: [TemplateValue], _ arguments: TemplateCallArguments, _ renderer: TemplateRenderer
    ) throws -> String {
        let separator = arguments.value(0, "d")?.text ?? ""
        let attribute = arguments.value(1, "attribute")
        let parts = try elements.map { element in
            try renderer.text(of: try attribute.map { try self.attribute($0, of: element, renderer) } ?? element)
        }
        try renderer.charge(bytes: parts.reduce(0) { $0 + $1.utf8.count + separator.utf8.count })
        return parts.joined(separator: separator)
    }

    private static func map(
        _ elements: [TemplateValue], _ arguments: TemplateCallArguments, _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        let mapped: [TemplateValue]
        if arguments.positional.isEmpty, let path = arguments["attribute"] {
            let fallback = arguments["default"]
            mapped = try elements.map { element in
                let value = try attribute(path, of: element, renderer)
                return value.isUndefined ? fallback ?? value : value
            }
        } else if case .string(let filter)? = arguments.positional.first {
            let rest = TemplateCallArguments(
                positional: Array(arguments.positional.dropFirst()), named: arguments.named)
            mapped = try elements.map { element in
                try renderer.nested { try TemplateFilters.apply(filter, to: element, rest, renderer) }
            }
        } else {
            throw TemplateFailure("map requires a filter argument")
        }
        return .iterator(try TemplateSequence(mapped))
    }

    private static func select(
        _ name: String, _ elements: [TemplateValue], _ arguments: TemplateCallArguments, _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        var rest = arguments.positional[...]
        let path = name.hasSuffix("attr") ? rest.popFirst() : nil
        if name.hasSuffix("attr"), path == nil { throw TemplateFailure("Missing parameter for attribute name") }
        let test = rest.popFirst()
        let keeps = name.hasPrefix("select")
        let selected = try elements.filter { element in
            let value = try path.map { try attribute($0, of: element, renderer) } ?? element
            let holds = try test.map { try TemplateTests.test($0.text, value, Array(rest), renderer) } ?? value.isTrue
            return holds == keeps
        }
        return .iterator(try TemplateSequence(selected))
    }

    private static func batch(_ elements: [TemplateValue], _ arguments: TemplateCallArguments) throws -> TemplateValue {
        guard let size = arguments.value(0, "linecount")?.whole, size > 0 else {
            throw TemplateFailure("the filter \"batch\" needs a positive size")
        }
        var batches: [TemplateValue] = []
        for start in stride(from: 0, to: elements.count, by: size) {
            var batch = Array(elements[start..<min(elements.count - start, size) + start])
            if let filler = arguments.value(1, "fill_with"), !isNone(filler), size <= 100_000 {
                while batch.count < size { batch.append(filler) }
            }
            batches.append(.list(try TemplateSequence(batch)))
        }
        return .iterator(try TemplateSequence(batches))
    }

    private static func isNone(_ value: TemplateValue) -> Bool {
        if case .none = value { true } else { false }
    }

    // MARK: Order

    private static func folded(_ value: TemplateValue, _ ignoresCase: Bool) -> TemplateValue {
        if ignoresCase, case .string(let text) = value { .string(text.lowercased()) } else { value }
    }

    /// Sorts by key, keeping the order of equals.
    private static func sort(
        _ keyed: [(value: TemplateValue, key: TemplateValue)], descending: Bool, _ renderer: TemplateRenderer
    ) throws -> [TemplateValue] {
        // `sort` is stable. Descending, Python keeps the order of equals as well.
        try keyed.sorted { left, right in
            try renderer.charge(min(left.key.weight, right.key.weight))
            return try descending
                ? TemplateValue.isLess(right.key, left.key) : TemplateValue.isLess(left.key, right.key)
        }.map(\.value)
    }

    private static func order(
        _ name: String, _ elements: [TemplateValue], _ arguments: TemplateCallArguments, _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        let first = name == "sort" ? 1 : 0
        let path = name == "groupby" ? arguments.value(0, "attribute") : arguments.value(first + 1, "attribute")
        let isGrouping = name == "groupby"
        let ignoresCase = !(arguments.value(isGrouping ? 2 : first, "case_sensitive")?.isTrue ?? false)
        let fallback = isGrouping ? arguments.value(1, "default") : nil
        let wholeKeys = try elements.map { element in
            let key = try path.map { try attribute($0, of: element, renderer) } ?? element
            guard key.isUndefined, let fallback, !isNone(fallback) else { return key }
            return fallback
        }
        let keyed = zip(elements, wholeKeys).map { (value: $0, key: folded($1, ignoresCase)) }
        switch name {
        case "sort":
            let descending = arguments.value(0, "reverse")?.isTrue ?? false
            return .list(try TemplateSequence(sort(keyed, descending: descending, renderer)))
        case "min", "max":
            guard var best = keyed.first else { return .undefined("No aggregated item, sequence was empty.") }
            for candidate in keyed.dropFirst() {
                let isBetter =
                    try name == "min"
                    ? TemplateValue.isLess(candidate.key, best.key) : TemplateValue.isLess(best.key, candidate.key)
                if isBetter { best = candidate }
            }
            return best.value
        case "unique":
            var seen: Set<TemplateKey> = []
            let unique = try keyed.filter { seen.insert(try TemplateKey($0.key)).inserted }
            return .iterator(try TemplateSequence(unique.map(\.value)))
        default: return try group(keyed, wholeKeys, renderer)
        }
    }

    /// Groups elements by key, with the key that the first of each group has before case is ignored.
    private static func group(
        _ keyed: [(value: TemplateValue, key: TemplateValue)], _ wholeKeys: [TemplateValue],
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        var groups: [(key: TemplateValue, name: TemplateValue, members: [TemplateValue])] = []
        var positions = TemplateMapping()
        for ((value, key), wholeKey) in zip(keyed, wholeKeys) {
            try renderer.charge(key.weight)
            if case .integer(let position)? = positions[key] {
                groups[position].members.append(value)
            } else {
                try positions.set(key, .integer(groups.count))
                groups.append((key, wholeKey, [value]))
            }
        }
        let items = try groups.map { group in
            let members = TemplateValue.list(try TemplateSequence(group.members))
            return (
                value: TemplateValue.tuple(try TemplateSequence([group.name, members])), key: group.key
            )
        }
        return .list(try TemplateSequence(sort(items, descending: false, renderer)))
    }
}
