/// Methods of strings, dictionaries, lists and loops.
enum TemplateMethods {
    private static let ofStrings: Set<String> = [
        "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "startswith", "endswith", "upper", "lower",
        "title", "capitalize", "swapcase", "casefold", "replace", "join", "find", "rfind", "index", "rindex", "count",
        "isascii", "isprintable", "isdigit", "isnumeric", "isdecimal", "isalpha", "isalnum", "isspace", "isupper",
        "islower", "removeprefix", "removesuffix", "zfill", "partition", "rpartition", "format",
    ]
    private static let ofMappings: Set<String> = [
        "items", "keys", "values", "get", "copy", "update", "pop", "popitem", "clear", "setdefault",
    ]
    private static let ofSequences: Set<String> = ["index", "count"]
    private static let ofLists: Set<String> = [
        "index", "count", "copy", "append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse",
    ]

    static func exists(_ name: String, of value: TemplateValue) -> Bool {
        switch value {
        case .string, .markup: ofStrings.contains(name)
        case .mapping: ofMappings.contains(name)
        case .list: ofLists.contains(name)
        case .tuple: ofSequences.contains(name)
        default: false
        }
    }

    static func call(
        _ name: String, of receiver: TemplateValue, _ arguments: TemplateCallArguments, _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        switch receiver {
        case .string(let text):
            try renderer.charge(bytes: text.utf8.count)
            return try call(name, of: text, arguments, renderer)
        case .mapping(let mapping):
            try renderer.charge(TemplateValue.sum(mapping.count, arguments.positional.first?.weight ?? 1))
            return try call(name, of: mapping, arguments)
        case .list(let sequence), .tuple(let sequence):
            try renderer.charge(sequence.weight)
            return try call(name, of: receiver, sequence.elements, arguments)
        case .markup(let text):
            // Other arguments would be escaped, and so would what formatting puts in.
            guard arguments.positional.isEmpty, arguments.named.isEmpty, name != "split", name != "splitlines" else {
                throw TemplateFailure("\(name)() of text that is marked as safe is not supported")
            }
            let result = try call(name, of: .string(text), arguments, renderer)
            if case .string(let changed) = result { return .markup(changed) }
            return result
        case .loop(let loop): return try call(name, of: loop, arguments)
        default: throw unsupported(name, receiver)
        }
    }

    private static func unsupported(_ name: String, _ receiver: TemplateValue) -> TemplateFailure {
        TemplateFailure("the method \(name.debugDescription) of \(receiver.typeName) is not supported here")
    }

    // MARK: Dictionaries, lists and loops

    private static func call(
        _ name: String, of mapping: TemplateMapping, _ arguments: TemplateCallArguments
    ) throws -> TemplateValue {
        switch name {
        case "items": return .view(try TemplateView(.items, mapping.items()))
        case "keys": return .view(try TemplateView(.keys, mapping.keys))
        case "values": return .view(try TemplateView(.values, mapping.values))
        case "copy": return .mapping(mapping)
        case "get":
            guard let key = arguments.positional.first else {
                throw TemplateFailure("get expected at least 1 argument, got 0")
            }
            _ = try TemplateKey(key)
            return mapping[key] ?? arguments.value(1, "default") ?? .none
        default: throw TemplateFailure("the sandbox does not let templates change a dict with \(name.debugDescription)")
        }
    }

    private static func call(
        _ name: String, of receiver: TemplateValue, _ elements: [TemplateValue], _ arguments: TemplateCallArguments
    ) throws -> TemplateValue {
        switch name {
        case "copy": return receiver
        case "index", "count":
            guard let element = arguments.positional.first else {
                throw TemplateFailure("\(name)() takes at least one argument (0 given)")
            }
            if name == "count" { return .integer(elements.count { TemplateValue.areEqual($0, element) }) }
            guard let position = elements.firstIndex(where: { TemplateValue.areEqual($0, element) }) else {
                throw TemplateFailure("\(element.representation) is not in list")
            }
            return .integer(position)
        default: throw TemplateFailure("the sandbox does not let templates change a list with \(name.debugDescription)")
        }
    }

    private static func call(
        _ name: String, of loop: TemplateLoop, _ arguments: TemplateCallArguments
    ) throws -> TemplateValue {
        if name == "cycle" {
            guard !arguments.positional.isEmpty else { throw TemplateFailure("no items for cycling given") }
            return arguments.positional[loop.position % arguments.positional.count]
        }
        let value = TemplateValue.tuple(try TemplateSequence(arguments.positional))
        defer { loop.lastChangedValue = value }
        return .bool(!(loop.lastChangedValue.map { TemplateValue.areEqual($0, value) } ?? false))
    }

    // MARK: Strings

    private static func call(
        _ name: String, of text: String, _ arguments: TemplateCallArguments, _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        func string(_ position: Int, _ parameter: String = "") throws -> String {
            guard case .string(let value)? = arguments.value(position, parameter) else {
                throw TemplateFailure("\(name)() argument \(position + 1) must be str")
            }
            return value
        }
        func optionalString(_ position: Int, _ parameter: String = "") throws -> String? {
            switch arguments.value(position, parameter) {
            case nil, .some(.none): return nil
            default: return try string(position, parameter)
            }
        }
        try checkArguments(of: name, arguments)
        func limit(_ position: Int, _ parameter: String) -> Int {
            let limit = arguments.value(position, parameter)?.whole ?? -1
            return limit < 0 ? .max : limit
        }
        switch name {
        case "strip": return .string(PythonText.strip(text, try optionalString(0)))
        case "lstrip": return .string(PythonText.strip(text, try optionalString(0), right: false))
        case "rstrip": return .string(PythonText.strip(text, try optionalString(0), left: false))
        case "split", "rsplit":
            let limit = limit(1, "maxsplit")
            let parts: [String]
            if let separator = try optionalString(0, "sep") {
                guard !separator.isEmpty else { throw TemplateFailure("empty separator") }
                parts = PythonText.split(text, separator: separator, limit: limit, fromEnd: name == "rsplit")
            } else if name == "rsplit", limit < .max {
                throw TemplateFailure("rsplit() with a limit needs a separator here")
            } else {
                parts = PythonText.splitAtSpace(text, limit: limit)
            }
            try renderer.charge(parts.count)
            return .list(try TemplateSequence(parts.map { .string($0) }))
        case "splitlines":
            let lines = PythonText.lines(text, keepsEnds: arguments.value(0, "keepends")?.isTrue ?? false)
            return .list(try TemplateSequence(lines.map { .string($0) }))
        case "replace":
            let (old, new) = (try string(0, "old"), try string(1, "new"))
            let limit = limit(2, "count")
            let occurrences = old.isEmpty ? text.utf8.count + 1 : text.utf8.count / old.utf8.count
            try renderer.charge(
                bytes: min(occurrences, limit).multipliedReportingOverflow(by: new.utf8.count).partialValue)
            return .string(PythonText.replace(text, old, with: new, limit: limit))
        case "join":
            guard let elements = try arguments.positional.first?.elements() else {
                throw TemplateFailure("join() takes exactly one argument (0 given)")
            }
            let parts = try elements.map { element in
                guard case .string(let part) = element else {
                    throw TemplateFailure("sequence item: expected str instance, \(element.typeName) found")
                }
                return part
            }
            try renderer.charge(bytes: parts.reduce(0) { $0 + $1.utf8.count + text.utf8.count })
            return .string(parts.joined(separator: text))
        case "startswith", "endswith":
            guard let affix = arguments.positional.first else {
                throw TemplateFailure("\(name)() takes at least 1 argument (0 given)")
            }
            let affixes: [TemplateValue]
            if case .tuple(let sequence) = affix {
                affixes = sequence.elements
            } else {
                affixes = [affix]
            }
            guard let (part, _) = try part(of: text, arguments) else { return .bool(false) }
            return .bool(
                try affixes.contains { affix in
                    guard case .string(let affix) = affix else {
                        throw TemplateFailure(
                            "\(name) first arg must be str or a tuple of str, not \(affix.typeName)")
                    }
                    return name == "startswith"
                        ? part.utf8.starts(with: affix.utf8)
                        : part.utf8.reversed().starts(with: affix.utf8.reversed())
                })
        case "partition", "rpartition": return try search(name, in: text, for: try string(0))
        case "find", "rfind", "index", "rindex", "count":
            let wanted = try string(0)
            guard let (part, offset) = try part(of: text, arguments) else {
                if name.hasSuffix("index") { throw TemplateFailure("substring not found") }
                return .integer(name == "count" ? 0 : -1)
            }
            let found = try search(name, in: part, for: wanted)
            if name != "count", case .integer(let place) = found, place >= 0 {
                return .integer(place + offset)
            }
            return found
        case "removeprefix":
            let prefix = try string(0)
            return .string(
                text.utf8.starts(with: prefix.utf8)
                    ? String(decoding: text.utf8.dropFirst(prefix.utf8.count), as: UTF8.self) : text)
        case "removesuffix":
            let suffix = try string(0)
            return .string(
                text.utf8.reversed().starts(with: suffix.utf8.reversed())
                    ? String(decoding: text.utf8.dropLast(suffix.utf8.count), as: UTF8.self) : text)
        case "zfill":
            let width = min(arguments.positional.first?.whole ?? 0, 10_000)
            let sign = text.hasPrefix("-") || text.hasPrefix("+") ? String(text.prefix(1)) : ""
            let zeros = String(repeating: "0", count: max(width - text.unicodeScalars.count, 0))
            return .string(sign + zeros + text.dropFirst(sign.count))
        default: return try convert(name, text)
        }
    }

    private static func checkArguments(of name: String, _ arguments: TemplateCallArguments) throws {
        let (count, names): (Int, [String])
        switch name {
        case "split", "rsplit": (count, names) = (2, ["sep", "maxsplit"])
        case "splitlines": (count, names) = (1, ["keepends"])
        case "replace": (count, names) = (3, ["count"])
        case "startswith", "endswith", "find", "rfind", "index", "rindex", "count": (count, names) = (3, [])
        case "strip", "lstrip", "rstrip", "join", "removeprefix", "removesuffix", "zfill", "partition", "rpartition":
            (count, names) = (1, [])
        // Refused by name.
        case "format": return
        default: (count, names) = (0, [])
        }
        try arguments.check(for: "\(name)()", count: count, names: names)
    }

    /// The part of a text between the places that the second and third arguments name, and where it begins, in code points; nil where
    /// it begins behind the text's end.
    private static func part(
        of text: String, _ arguments: TemplateCallArguments
    ) throws -> (String, Int)? {
        func place(_ position: Int) throws -> Int? {
            switch arguments.value(position, "") {
            case nil, .some(.none): return nil
            case let value?:
                guard let whole = value.whole else {
                    throw TemplateFailure(
                        "slice indices must be integers or None or have an __index__ method")
                }
                return whole
            }
        }
        let (start, end) = (try place(1), try place(2))
        guard start != nil || end != nil else { return (text, 0) }
        let scalars = Array(text.unicodeScalars)
        func bounded(_ place: Int) -> Int { max(place < 0 ? place &+ scalars.count : place, 0) }
        let first = bounded(start ?? 0)
        let last = min(bounded(end ?? scalars.count), scalars.count)
        guard first <= last else { return nil }
        return (String(String.UnicodeScalarView(scalars[first..<last])), first)
    }

    private static func convert(_ name: String, _ text: String) throws -> TemplateValue {
        func holds(_ predicate: (Unicode.Scalar) -> Bool) -> TemplateValue {
            .bool(!text.isEmpty && text.unicodeScalars.allSatisfy(predicate))
        }
        switch name {
        case "upper": return .string(text.uppercased())
        case "lower": return .string(PythonText.lower(text))
        case "casefold": return .string(PythonText.casefold(text))
        case "title": return .string(PythonText.title(text))
        case "capitalize": return .string(PythonText.capitalize(text))
        case "swapcase": return .string(PythonText.swapcase(text))
        case "isdigit": return holds { $0.properties.numericType == .decimal || $0.properties.numericType == .digit }
        case "isdecimal": return holds { $0.properties.numericType == .decimal }
        case "isnumeric": return holds { $0.properties.numericType != nil }
        case "isalpha": return holds(isLetter)
        case "isalnum": return holds(isLetterOrNumber)
        case "isascii": return .bool(text.utf8.allSatisfy { $0 < 0x80 })
        case "isprintable": return .bool(text.unicodeScalars.allSatisfy(TemplateValue.isPrintable))
        case "isspace": return holds(PythonText.isSpace)
        case "isupper": return .bool(TemplateTests.isInCase(text, \.uppercaseMapping))
        case "islower": return .bool(TemplateTests.isInCase(text, \.lowercaseMapping))
        default: throw unsupported(name, .string(text))
        }
    }

    /// `str.isalnum` of one character.
    static func isLetterOrNumber(_ scalar: Unicode.Scalar) -> Bool {
        isLetter(scalar) || scalar.properties.numericType != nil
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    /// Methods that look for a part of a string; positions count code points.
    private static func search(_ name: String, in text: String, for part: String) throws -> TemplateValue {
        func scalars(_ text: String) -> Int { text.unicodeScalars.count }
        if part.isEmpty {
            switch name {
            case "find", "index": return .integer(0)
            case "rfind", "rindex": return .integer(scalars(text))
            case "count": return .integer(scalars(text) + 1)
            default: throw TemplateFailure("empty separator")
            }
        }
        let fromEnd = name.hasPrefix("r")
        let pieces = PythonText.split(text, separator: part, limit: name == "count" ? .max : 1, fromEnd: fromEnd)
        let isFound = pieces.count > 1
        switch name {
        case "count": return .integer(pieces.count - 1)
        case "find", "rfind": return .integer(isFound ? scalars(pieces[0]) : -1)
        case "index", "rindex":
            guard isFound else { throw TemplateFailure("substring not found") }
            return .integer(scalars(pieces[0]))
        default:
            let parts = isFound ? [pieces[0], part, pieces[1]] : fromEnd ? ["", "", text] : [text, "", ""]
            return .tuple(try TemplateSequence(parts.map { .string($0) }))
        }
    }
}
