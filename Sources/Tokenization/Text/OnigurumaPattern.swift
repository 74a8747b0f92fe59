import CPCRE2

/// Rewrites what Oniguruma and PCRE2 understand differently.
struct OnigurumaPattern {
    private static let whitespace =
        #"\x09-\x0D\x20\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}"#
    private static let word = #"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}"#
    /// Outside of classes, Oniguruma asks a table for Latin-1, which counts superscripts and fractions as well.
    private static let loneWord = word + #"\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE}"#
    private static let hexadecimal = "0-9a-fA-F"
    private static let verticalTab = #"\x0B"#

    private let pattern: [Unicode.Scalar]
    private let source: String
    private var position = 0
    private var output = ""

    /// The pattern for PCRE2.
    ///
    /// PCRE2 counts U+180E as white space and fewer characters as parts of words, and reads `\h` as a space where
    /// Oniguruma reads a hexadecimal digit. The option by which a dot matches line ends is `s` in PCRE2 and `m` in Oniguruma.
    /// Oniguruma's nested and intersected classes have no counterpart and are refused.
    static func translated(_ pattern: String, source: String) throws -> String {
        var translation = OnigurumaPattern(pattern: Array(pattern.unicodeScalars), source: source)
        while translation.position < translation.pattern.count {
            switch translation.pattern[translation.position] {
            case "\\": try translation.translateEscape()
            case "[": try translation.translateClass()
            case "(": translation.translateGroup()
            case "{": try translation.translateRepetition()
            case let scalar:
                translation.output.unicodeScalars.append(scalar)
                translation.position += 1
            }
        }
        return translation.output
    }

    private init(pattern: [Unicode.Scalar], source: String) {
        self.pattern = pattern
        self.source = source
    }

    private mutating func translateEscape() throws {
        guard position + 1 < pattern.count else {
            output += "\\"
            position += 1
            return
        }
        let scalar = pattern[position + 1]
        position += 2
        let word = Self.loneWord
        switch scalar {
        case "s": output += "[\(Self.whitespace)]"
        case "S": output += "[^\(Self.whitespace)]"
        case "w": output += "[\(word)]"
        case "W": output += "[^\(word)]"
        // Which characters belong together changes from version to version.
        case "X": throw unsupported("\\X", advice: "write out what belongs together")
        case "h": output += "[\(Self.hexadecimal)]"
        case "H": output += "[^\(Self.hexadecimal)]"
        case "p", "P": output += translatedProperty(scalar)
        case "x", "o": output += "\\\(scalar)" + takeBraces()
        case "v": output += Self.verticalTab
        // These begin and end a quotation in PCRE2.
        case "Q", "E": output.unicodeScalars.append(scalar)
        case "b": output += "(?:(?<=[\(word)])(?![\(word)])|(?<![\(word)])(?=[\(word)]))"
        case "B": output += "(?:(?<=[\(word)])(?=[\(word)])|(?<![\(word)])(?![\(word)]))"
        default:
            output += "\\"
            output.unicodeScalars.append(scalar)
        }
    }

    /// What follows in braces, with them; nothing where nothing does.
    private mutating func takeBraces() -> String {
        guard position < pattern.count, pattern[position] == "{",
            let end = pattern[position...].firstIndex(of: "}")
        else { return "" }
        defer { position = end + 1 }
        return String(String.UnicodeScalarView(pattern[position...end]))
    }

    /// The beginning of a group, with its options, of which Oniguruma's `m` is PCRE2's `s`.
    private mutating func translateGroup() {
        output += "("
        position += 1
        guard position < pattern.count, pattern[position] == "?" else { return }
        let options = pattern[(position + 1)...].prefix { $0 == "i" || $0 == "m" || $0 == "x" || $0 == "-" }
        guard options.endIndex < pattern.count, pattern[options.endIndex] == ":" || pattern[options.endIndex] == ")"
        else { return }
        output += "?"
        for option in options { output.unicodeScalars.append(option == "m" ? "s" : option) }
        position = options.endIndex
    }

    /// Braces that say how often something is repeated: `{,3}` begins at 0, and a plus behind them repeats what they repeat, where
    /// PCRE2 would read that nothing is given back.
    private mutating func translateRepetition() throws {
        let opening = position
        let braces = takeBraces()
        let bounds = braces.dropFirst().dropLast().split(separator: ",", omittingEmptySubsequences: false)
        guard (1...2).contains(bounds.count), bounds.contains(where: { !$0.isEmpty }),
            braces.utf8.dropFirst().dropLast().allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2C })
        else {
            position = opening + 1
            output += "{"
            return
        }
        let least = bounds[0].isEmpty ? "0" : bounds[0]
        let most = bounds.count == 2 ? bounds[1] : least
        guard position < pattern.count, pattern[position] == "+" else {
            output += bounds.count == 2 ? "{\(least),\(most)}" : braces
            return
        }
        position += 1
        let isLazy = position < pattern.count && pattern[position] == "?"
        guard most.isEmpty || least == "0" || least == "1", most != "0", !isLazy else {
            throw unsupported("\(braces)+", advice: "put what the plus repeats into a group")
        }
        output += "{\(least),}"
    }

    /// The name in braces that follows `\p` or `\P`, which are read already. Where it is that of a script, PCRE2 must be told not to
    /// look at characters' further scripts.
    private mutating func translatedProperty(_ letter: Unicode.Scalar) -> String {
        guard position < pattern.count, pattern[position] == "{",
            let end = pattern[position...].firstIndex(of: "}")
        else {
            return "\\\(letter)"
        }
        var name = String(String.UnicodeScalarView(pattern[position + 1..<end]))
        position = end + 1
        let isNegated = name.hasPrefix("^")
        if isNegated { name.removeFirst() }
        if name.unicodeScalars.count > 2, Self.isScript(name) { name = "sc:" + name }
        return "\\\(letter){\(isNegated ? "^" : "")\(name)}"
    }

    /// Whether PCRE2 knows a script of this name, and the way to ask for it alone.
    private static func isScript(_ name: String) -> Bool {
        guard name.utf8.allSatisfy({ $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A || $0 == 0x5F }) else {
            return false
        }
        let pattern = Array("\\p{sc:\(name)}".utf8)
        var errorCode: Int32 = 0
        var errorOffset = 0
        guard
            let code = pcre2_compile_8(pattern, pattern.count, PCRE2_UTF, &errorCode, &errorOffset, nil)
        else {
            return false
        }
        pcre2_code_free_8(code)
        return true
    }

    /// Translates a class in brackets. What is not a kind of characters, in a class, becomes an alternative to it.
    private mutating func translateClass() throws {
        position += 1
        let isNegated = position < pattern.count && pattern[position] == "^"
        if isNegated { position += 1 }
        var body = ""
        var complements: [String] = []
        var isFirst = true
        while position < pattern.count, isFirst || pattern[position] != "]" {
            defer { isFirst = false }
            let scalar = pattern[position]
            let next = position + 1 < pattern.count ? pattern[position + 1] : nil
            switch (scalar, next) {
            case ("\\", let escaped?):
                position += 2
                switch escaped {
                case "s": body += Self.whitespace
                case "w": body += Self.word
                case "h": body += Self.hexadecimal
                case "v": body += Self.verticalTab
                case "Q", "E": body.unicodeScalars.append(escaped)
                case "S": complements.append(Self.whitespace)
                case "W": complements.append(Self.word)
                case "H": complements.append(Self.hexadecimal)
                case "p", "P": body += translatedProperty(escaped)
                default:
                    body += "\\"
                    body.unicodeScalars.append(escaped)
                }
                continue
            case ("[", ":"):
                var end = position + 2
                while end < pattern.count, pattern[end] == "^" || pattern[end].properties.isAlphabetic {
                    end += 1
                }
                guard end + 1 < pattern.count, pattern[end] == ":", pattern[end + 1] == "]" else {
                    throw unsupported("a character class within another")
                }
                let name = String(String.UnicodeScalarView(pattern[position + 2..<end]))
                position = end + 2
                switch name {
                case "space": body += Self.whitespace
                case "word": body += Self.word
                case "^space": complements.append(Self.whitespace)
                case "^word": complements.append(Self.word)
                default: body += "[:\(name):]"
                }
                continue
            case ("[", _): throw unsupported("a character class within another")
            case ("&", "&"?): throw unsupported("an intersection of character classes")
            default: body.unicodeScalars.append(scalar)
            }
            position += 1
        }
        guard position < pattern.count else {
            // Not a class that ends; PCRE2 says so.
            output += "[" + body
            return
        }
        position += 1
        let positive = body.isEmpty ? nil : body
        switch (isNegated, complements.isEmpty) {
        case (false, true): output += "[\(body)]"
        case (true, true): output += "[^\(body)]"
        case (false, false):
            let parts = (positive.map { ["[\($0)]"] } ?? []) + complements.map { "[^\($0)]" }
            output += "(?:\(parts.joined(separator: "|")))"
        case (true, false):
            let conditions =
                complements.dropLast().map { "(?=[\($0)])" } + (positive.map { ["(?![\($0)])"] } ?? [])
            output += "(?:\(conditions.joined())[\(complements[complements.count - 1])])"
        }
    }

    private func unsupported(_ what: String, advice: String = "write the class out") -> TokenizerError {
        let text = String(String.UnicodeScalarView(pattern))
        return TokenizerError(
            source: source,
            reason:
                "the regular expression \(text.debugDescription) uses \(what), which is not supported; "
                + advice)
    }
}
