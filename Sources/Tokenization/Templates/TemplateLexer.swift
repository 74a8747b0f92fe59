/// A piece of a template's source.
struct TemplateToken {
    enum Kind: Equatable {
        case text(String)
        case variableBegin
        case variableEnd
        case blockBegin
        case blockEnd
        case name(String)
        case string(String)
        case integer(Int)
        case number(Double)
        case symbol(String)
        case end
    }

    let kind: Kind
    let line: Int
}

/// Splits a template's source into tokens, with the white space rules that transformers compiles templates with:
/// `trim_blocks` (a line break right after a block goes), `lstrip_blocks` (so does white space between the start of a
/// line and a block), and `-` and `+` at the delimiters.
struct TemplateLexer {
    private let source: [Unicode.Scalar]
    private var position = 0
    private var line = 1
    private var tokens: [TemplateToken] = []
    /// Whether what came before ended with a line break, or nothing came before.
    private var isAtLineStart = true

    private static let longestSource = 1 << 20

    private init(_ source: String) throws {
        guard source.utf8.count <= Self.longestSource else {
            throw TemplateFailure("the template is longer than \(Self.longestSource) bytes", line: 1)
        }
        var scalars: [Unicode.Scalar] = []
        scalars.reserveCapacity(source.utf8.count)
        for scalar in source.unicodeScalars {
            if scalar == "\n", scalars.last == "\r" { scalars.removeLast() }
            scalars.append(scalar)
        }
        for position in scalars.indices where scalars[position] == "\r" { scalars[position] = "\n" }
        if scalars.last == "\n" { scalars.removeLast() }
        self.source = scalars
    }

    /// The tokens of `source`, with `end` as the last one.
    static func tokens(of source: String) throws -> [TemplateToken] {
        var lexer = try TemplateLexer(source)
        while lexer.position < lexer.source.count { try lexer.lexText() }
        lexer.append(.end)
        return lexer.tokens
    }

    private mutating func append(_ kind: TemplateToken.Kind) {
        tokens.append(TemplateToken(kind: kind, line: line))
    }

    private func starts(with text: StaticString, at start: Int) -> Bool {
        guard start + text.utf8CodeUnitCount <= source.count else { return false }
        for offset in 0..<text.utf8CodeUnitCount where source[start + offset].value != UInt32(text.utf8Start[offset]) {
            return false
        }
        return true
    }

    /// Moves on, counting lines.
    private mutating func advance(to end: Int) {
        for scalar in source[position..<end] where scalar == "\n" { line += 1 }
        if end > position { isAtLineStart = source[end - 1] == "\n" }
        position = end
    }

    private func skipSpace(from start: Int) -> Int {
        var end = start
        while end < source.count, PythonText.isSpace(source[end]) { end += 1 }
        return end
    }
}

// MARK: - Text, and what interrupts it

extension TemplateLexer {
    private mutating func lexText() throws {
        var end = position
        while end < source.count, !isDelimiter(at: end) { end += 1 }
        guard end < source.count else {
            append(.text(String(String.UnicodeScalarView(source[position...]))))
            advance(to: end)
            return
        }
        let kind = source[end + 1]
        appendText(upTo: end, tagIsVariable: kind == "{")
        let tagLine = line
        let hasSign = end + 2 < source.count && (source[end + 2] == "-" || source[end + 2] == "+")
        let contentStart = end + (hasSign ? 3 : 2)
        switch kind {
        case "#":
            advance(to: contentStart)
            try skipComment(from: tagLine)
        case "{":
            append(.variableBegin)
            advance(to: contentStart)
            try lexCode(isBlock: false)
        default:
            if let rawStart = rawBlockStart(contentStart) {
                advance(to: rawStart)
                try lexRaw(from: tagLine)
            } else {
                append(.blockBegin)
                advance(to: contentStart)
                try lexCode(isBlock: true)
            }
        }
    }

    private func isDelimiter(at start: Int) -> Bool {
        source[start] == "{" && start + 1 < source.count
            && (source[start + 1] == "{" || source[start + 1] == "%" || source[start + 1] == "#")
    }

    /// Appends the text before the tag at `end`, without the white space that the tag takes away.
    private mutating func appendText(upTo end: Int, tagIsVariable: Bool) {
        var textEnd = end
        let sign = end + 2 < source.count ? source[end + 2] : " "
        if sign == "-" {
            while textEnd > position, PythonText.isSpace(source[textEnd - 1]) { textEnd -= 1 }
        } else if sign != "+", !tagIsVariable {
            var lineStart = end
            while lineStart > position, source[lineStart - 1] != "\n" { lineStart -= 1 }
            if lineStart > position || isAtLineStart,
                source[lineStart..<end].allSatisfy(PythonText.isSpace)
            {
                textEnd = lineStart
            }
        }
        if textEnd > position { append(.text(String(String.UnicodeScalarView(source[position..<textEnd])))) }
        advance(to: end)
    }

    private mutating func skipComment(from startLine: Int) throws {
        var end = position
        while end < source.count, !starts(with: "#}", at: end) { end += 1 }
        guard end < source.count else { throw TemplateFailure("the comment has no end \"#}\"", line: startLine) }
        advance(to: endOfTag(at: end, firstContent: position))
    }

    /// Where the text goes on after the end delimiter at `end`, which takes white space according to its sign.
    private func endOfTag(at end: Int, firstContent: Int) -> Int {
        let sign = end > firstContent ? source[end - 1] : " "
        if sign == "-" { return skipSpace(from: end + 2) }
        if sign != "+", end + 2 < source.count, source[end + 2] == "\n" { return end + 3 }
        return end + 2
    }

    /// Where the text of a raw block begins, if one begins in the tag whose content is at `start`.
    private func rawBlockStart(_ start: Int) -> Int? {
        let name = skipSpace(from: start)
        guard starts(with: "raw", at: name) else { return nil }
        let end = skipSpace(from: name + 3)
        if starts(with: "-%}", at: end) { return skipSpace(from: end + 3) }
        return starts(with: "%}", at: end) ? end + 2 : nil
    }

    private mutating func lexRaw(from startLine: Int) throws {
        var end = position
        while end < source.count {
            if starts(with: "{%", at: end) {
                let hasSign = starts(with: "{%-", at: end) || starts(with: "{%+", at: end)
                let name = skipSpace(from: end + (hasSign ? 3 : 2))
                if starts(with: "endraw", at: name) {
                    var tagEnd = skipSpace(from: name + 6)
                    let contentStart = tagEnd
                    if starts(with: "-%}", at: tagEnd) || starts(with: "+%}", at: tagEnd) { tagEnd += 1 }
                    if starts(with: "%}", at: tagEnd) {
                        appendText(upTo: end, tagIsVariable: false)
                        advance(to: endOfTag(at: tagEnd, firstContent: contentStart))
                        return
                    }
                }
            }
            end += 1
        }
        throw TemplateFailure("the raw block has no end", line: startLine)
    }
}

// MARK: - Code

extension TemplateLexer {
    private static let symbols: [StaticString] = [
        "**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", ".", ",", ":", "|", "(", ")",
        "[", "]", "{", "}", ";",
    ]

    private mutating func lexCode(isBlock: Bool) throws {
        let startLine = line
        var brackets = 0
        while true {
            advance(to: skipSpace(from: position))
            guard position < source.count else {
                throw TemplateFailure("the tag has no end \"\(isBlock ? "%}" : "}}")\"", line: startLine)
            }
            if brackets == 0, let end = tagEnd(isBlock: isBlock) {
                append(isBlock ? .blockEnd : .variableEnd)
                advance(to: end)
                return
            }
            let scalar = source[position]
            if scalar == "'" || scalar == "\"" {
                try lexString(scalar)
            } else if (0x30...0x39).contains(scalar.value) {
                try lexNumber()
            } else if scalar.isWord {
                var end = position
                while end < source.count, source[end].isWord { end += 1 }
                append(.name(String(String.UnicodeScalarView(source[position..<end]))))
                advance(to: end)
            } else if let symbol = Self.symbols.first(where: { starts(with: $0, at: position) }) {
                if "([{".unicodeScalars.contains(scalar) { brackets += 1 }
                if ")]}".unicodeScalars.contains(scalar) { brackets -= 1 }
                guard brackets >= 0 else { throw TemplateFailure("unexpected \"\(scalar)\"", line: line) }
                append(.symbol(symbol.description))
                advance(to: position + symbol.utf8CodeUnitCount)
            } else {
                throw TemplateFailure("unexpected character \(String(scalar).debugDescription)", line: line)
            }
        }
    }

    private func tagEnd(isBlock: Bool) -> Int? {
        if starts(with: isBlock ? "-%}" : "-}}", at: position) { return skipSpace(from: position + 3) }
        if isBlock, starts(with: "+%}", at: position) { return position + 3 }
        guard starts(with: isBlock ? "%}" : "}}", at: position) else { return nil }
        let takesLineBreak = isBlock && position + 2 < source.count && source[position + 2] == "\n"
        return position + (takesLineBreak ? 3 : 2)
    }

    private mutating func lexNumber() throws {
        func isDigit(_ position: Int) -> Bool {
            position < source.count && (0x30...0x39).contains(source[position].value)
        }
        func digitsEnd(_ start: Int) -> Int {
            var end = start
            while isDigit(end) || (end < source.count && source[end] == "_" && isDigit(end + 1)) { end += 1 }
            return end
        }
        var end = digitsEnd(position)
        var isFloating = false
        // A dot after a dot is an index: `a.0.5` asks for element 0, then element 5.
        if end < source.count, source[end] == ".", isDigit(end + 1), tokens.last?.kind != .symbol(".") {
            isFloating = true
            end = digitsEnd(end + 1)
        }
        if end < source.count, source[end] == "e" || source[end] == "E" {
            let hasSign = end + 1 < source.count && (source[end + 1] == "+" || source[end + 1] == "-")
            let exponent = end + (hasSign ? 2 : 1)
            if isDigit(exponent) {
                isFloating = true
                end = digitsEnd(exponent)
            }
        }
        let digits = String(String.UnicodeScalarView(source[position..<end].filter { $0 != "_" }))
        if !isFloating, let value = Int(digits) {
            append(.integer(value))
        } else if isFloating, let value = Double(digits) {
            append(.number(value))
        } else {
            throw TemplateFailure("the number \(digits) is too large", line: line)
        }
        advance(to: end)
    }

    private mutating func lexString(_ quote: Unicode.Scalar) throws {
        let startLine = line
        var end = position + 1
        var value = String.UnicodeScalarView()
        while end < source.count, source[end] != quote {
            if source[end] == "\\", end + 1 < source.count {
                appendEscape(&end, to: &value)
            } else {
                value.append(source[end])
                end += 1
            }
        }
        guard end < source.count else { throw TemplateFailure("the string has no end", line: startLine) }
        append(.string(String(value)))
        advance(to: end + 1)
    }

    /// Undoes Python's escape at `position`. What means nothing stays as it is.
    private func appendEscape(_ position: inout Int, to value: inout String.UnicodeScalarView) {
        let escape = source[position + 1]
        let simple: [Unicode.Scalar: Unicode.Scalar] = [
            "n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", "\"": "\"", "a": "\u{7}", "b": "\u{8}", "f": "\u{C}",
            "v": "\u{B}",
        ]
        if let scalar = simple[escape] {
            value.append(scalar)
            position += 2
            return
        }
        let widths: [Unicode.Scalar: Int] = ["x": 2, "u": 4, "U": 8]
        if let width = widths[escape], position + 2 + width <= source.count {
            let digits = String(String.UnicodeScalarView(source[position + 2..<position + 2 + width]))
            if digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
                let code = UInt32(digits, radix: 16)
            {
                value.append(Unicode.Scalar(code) ?? "\u{FFFD}")
                position += 2 + width
                return
            }
        }
        if (0x30...0x37).contains(escape.value) {
            var code: UInt32 = 0
            var end = position + 1
            while end < source.count, end < position + 4, (0x30...0x37).contains(source[end].value) {
                code = code * 8 + source[end].value - 0x30
                end += 1
            }
            value.append(Unicode.Scalar(code) ?? "\u{FFFD}")
            position = end
            return
        }
        if escape != "\n" {
            value.append("\\")
            value.append(escape)
        }
        position += 2
    }
}
