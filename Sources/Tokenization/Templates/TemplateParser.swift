/// Turns tokens into statements, by recursive descent as Jinja does.
struct TemplateParser {
    /// Blocks and brackets within one another, beyond which a template is refused rather than risking the stack.
    private static let depthLimit = 60

    private let tokens: [TemplateToken]
    private var position = 0
    private var depth = 0
    private var loopDepth = 0
    /// Which of the names that macros take further arguments under were read since the innermost macro began.
    var specialNames: Set<String> = []
    var operatorsInTag = 0

    /// The statements of a template's source.
    ///
    /// - Throws: `TemplateFailure` with the line.
    static func statements(of source: String) throws -> [TemplateStatement] {
        var parser = TemplateParser(tokens: try TemplateLexer.tokens(of: source))
        let statements = try parser.parseStatements(until: [])
        guard parser.current == .end else { throw parser.failure("unexpected \(parser.describe(parser.current))") }
        return TemplateScoping.marked(statements)
    }

    private init(tokens: [TemplateToken]) {
        self.tokens = tokens
    }

    var current: TemplateToken.Kind { tokens[position].kind }
    var line: Int { tokens[position].line }

    func next(_ offset: Int = 1) -> TemplateToken.Kind {
        tokens[min(position + offset, tokens.count - 1)].kind
    }

    mutating func advance() {
        position = min(position + 1, tokens.count - 1)
    }

    func failure(_ message: String) -> TemplateFailure {
        TemplateFailure(message, line: line)
    }

    func describe(_ kind: TemplateToken.Kind) -> String {
        switch kind {
        case .text: "text"
        case .variableBegin: "\"{{\""
        case .variableEnd: "\"}}\""
        case .blockBegin: "\"{%\""
        case .blockEnd: "\"%}\""
        case .name(let name): name.debugDescription
        case .string(let value): "the string \(value.debugDescription)"
        case .integer(let value): "the number \(value)"
        case .number(let value): "the number \(value)"
        case .symbol(let symbol): symbol.debugDescription
        case .end: "the end of the template"
        }
    }

    /// Consumes a token if it stands here.
    mutating func take(_ kind: TemplateToken.Kind) -> Bool {
        guard current == kind else { return false }
        advance()
        return true
    }

    mutating func expect(_ kind: TemplateToken.Kind) throws {
        guard take(kind) else { throw failure("\(describe(kind)) is expected before \(describe(current))") }
    }

    mutating func expectName() throws -> String {
        guard case .name(let name) = current else {
            throw failure("a name is expected before \(describe(current))")
        }
        advance()
        return name
    }

    /// Runs `body` one level deeper.
    mutating func nested<Result>(_ body: (inout TemplateParser) throws -> Result) throws -> Result {
        guard depth < Self.depthLimit else {
            throw failure("more than \(Self.depthLimit) blocks or brackets lie within one another")
        }
        depth += 1
        defer { depth -= 1 }
        return try body(&self)
    }
}

// MARK: - Statements

extension TemplateParser {
    /// Reads statements until a block with one of these names, whose name becomes the current token.
    private mutating func parseStatements(until ends: [String]) throws -> [TemplateStatement] {
        try nested { parser in
            var statements: [TemplateStatement] = []
            while true {
                let line = parser.line
                parser.operatorsInTag = 0
                switch parser.current {
                case .text(let text):
                    parser.advance()
                    statements.append(TemplateStatement(line: line, kind: .text(text)))
                case .variableBegin:
                    parser.advance()
                    let expression = try parser.parseTuple()
                    try parser.expect(.variableEnd)
                    statements.append(TemplateStatement(line: line, kind: .output(expression)))
                case .blockBegin:
                    parser.advance()
                    let name = try parser.expectName()
                    if ends.contains(name) { return statements }
                    statements.append(TemplateStatement(line: line, kind: try parser.parseBlock(name)))
                case .end where !ends.isEmpty:
                    throw parser.failure("the template ends where {% \(ends.last ?? "") %} is expected")
                default: return statements
                }
            }
        }
    }

    /// The body of a block that ends with `{% name %}`.
    private mutating func parseBody(until name: String) throws -> [TemplateStatement] {
        try expect(.blockEnd)
        let body = try parseStatements(until: [name])
        if case .name = current { advance() }  // `endmacro` and `endblock` may repeat the name
        try expect(.blockEnd)
        return body
    }

    private mutating func parseBlock(_ name: String) throws -> TemplateStatement.Kind {
        switch name {
        case "if": return try parseIf()
        case "for": return try parseFor()
        case "set": return try parseSet()
        case "macro": return try parseMacro()
        case "call": return try parseCallBlock()
        case "filter":
            let filters = try parseFilters(.blockText, needsBar: false)
            return .filterBlock(filters, try parseBody(until: "endfilter"))
        case "with": return try parseWith()
        case "generation": return .generation(try parseBody(until: "endgeneration"))
        case "break", "continue":
            guard loopDepth > 0 else { throw failure("{% \(name) %} stands outside a loop") }
            try expect(.blockEnd)
            return name == "break" ? .breakLoop : .continueLoop
        default:
            throw failure("the tag {% \(name) %} is unknown or not supported")
        }
    }

    private mutating func parseIf() throws -> TemplateStatement.Kind {
        var branches: [TemplateStatement.Branch] = []
        var otherwise: [TemplateStatement] = []
        while true {
            let condition = try parseTuple(allowsConditional: false)
            try expect(.blockEnd)
            let body = try parseStatements(until: ["elif", "else", "endif"])
            branches.append(TemplateStatement.Branch(condition: condition, body: body))
            let end = previousName
            if end == "elif" { continue }
            try expect(.blockEnd)
            if end == "else" {
                otherwise = try parseStatements(until: ["endif"])
                try expect(.blockEnd)
            }
            return .conditional(branches, otherwise: otherwise)
        }
    }

    /// The name just consumed.
    private var previousName: String {
        if position > 0, case .name(let name) = tokens[position - 1].kind { name } else { "" }
    }

    private mutating func parseFor() throws -> TemplateStatement.Kind {
        let target = try parseTarget()
        guard take(.name("in")) else { throw failure("\"in\" is expected before \(describe(current))") }
        let iterable = try parseTuple(allowsConditional: false)
        let condition = take(.name("if")) ? try parseExpression() : nil
        if current == .name("recursive") { throw failure("recursive loops are not supported") }
        try expect(.blockEnd)
        loopDepth += 1
        let body = try parseStatements(until: ["else", "endfor"])
        loopDepth -= 1
        var otherwise: [TemplateStatement] = []
        let end = previousName
        try expect(.blockEnd)
        if end == "else" {
            otherwise = try parseStatements(until: ["endfor"])
            try expect(.blockEnd)
        }
        return .loop(
            TemplateForLoop(
                target: target, iterable: iterable, condition: condition, body: body, otherwise: otherwise))
    }

    private mutating func parseSet() throws -> TemplateStatement.Kind {
        let target = try parseTarget(allowsAttributes: true)
        if take(.symbol("=")) {
            let value = try parseTuple()
            try expect(.blockEnd)
            return .set(target, value)
        }
        let filters = current == .symbol("|") ? try parseFilters(.blockText) : nil
        return .setBlock(target, filters: filters, try parseBody(until: "endset"))
    }

    private mutating func parseWith() throws -> TemplateStatement.Kind {
        var assignments: [(TemplateTarget, TemplateExpression)] = []
        while current != .blockEnd {
            if !assignments.isEmpty { try expect(.symbol(",")) }
            let target = try parseSingleTarget(allowsAttributes: false)
            try expect(.symbol("="))
            assignments.append((target, try parseExpression()))
        }
        return .with(assignments, try parseBody(until: "endwith"))
    }

    private mutating func parseMacro() throws -> TemplateStatement.Kind {
        let name = try expectName()
        let parameters = try parseParameters()
        let (body, specialNames) = try parseMacroBody(until: "endmacro")
        return .macro(
            TemplateMacroDefinition(
                name: name, parameters: parameters, body: body, specialNames: specialNames))
    }

    private mutating func parseCallBlock() throws -> TemplateStatement.Kind {
        let parameters = current == .symbol("(") ? try parseParameters() : []
        let call = try parseExpression()
        guard case .call = call else { throw failure("a call is expected in {% call %}") }
        let (body, specialNames) = try parseMacroBody(until: "endcall")
        let definition = TemplateMacroDefinition(
            name: "caller", parameters: parameters, body: body, specialNames: specialNames, isCaller: true
        )
        return .callBlock(call, definition)
    }

    /// A macro's body, in which `break` and `continue` do not reach the loops around, and which of `caller`, `varargs` and
    /// `kwargs` it asks for.
    private mutating func parseMacroBody(
        until name: String
    ) throws -> (
        [TemplateStatement], Set<String>
    ) {
        let outerLoopDepth = loopDepth
        let outerNames = specialNames
        loopDepth = 0
        specialNames = []
        defer {
            loopDepth = outerLoopDepth
            specialNames.formUnion(outerNames)
        }
        return (try parseBody(until: name), specialNames)
    }

    private mutating func parseParameters() throws -> [(name: String, defaultValue: TemplateExpression?)] {
        try expect(.symbol("("))
        var parameters: [(name: String, defaultValue: TemplateExpression?)] = []
        while !take(.symbol(")")) {
            if !parameters.isEmpty {
                try expect(.symbol(","))
                if take(.symbol(")")) { break }
            }
            let name = try expectName()
            let defaultValue = take(.symbol("=")) ? try parseExpression() : nil
            if defaultValue == nil, parameters.last?.defaultValue != nil {
                throw failure("the parameter \(name.debugDescription) without default follows one with default")
            }
            parameters.append((name, defaultValue))
        }
        return parameters
    }

    // MARK: Targets

    private static let reservedNames: Set<String> = [
        "true", "false", "none", "True", "False", "None",
    ]

    private mutating func parseTarget(allowsAttributes: Bool = false) throws -> TemplateTarget {
        let first = try parseSingleTarget(allowsAttributes: allowsAttributes)
        guard current == .symbol(",") else { return first }
        var targets = [first]
        while take(.symbol(",")) {
            switch current {
            case .name("in"), .symbol("="), .symbol(")"), .blockEnd: return .tuple(targets)
            default: targets.append(try parseSingleTarget(allowsAttributes: allowsAttributes))
            }
        }
        return .tuple(targets)
    }

    private mutating func parseSingleTarget(allowsAttributes: Bool) throws -> TemplateTarget {
        if take(.symbol("(")) {
            let target = try nested { try $0.parseTarget(allowsAttributes: allowsAttributes) }
            try expect(.symbol(")"))
            return target
        }
        let name = try expectName()
        guard !Self.reservedNames.contains(name) else { throw failure("cannot assign to \(name.debugDescription)") }
        if allowsAttributes, take(.symbol(".")) { return .attribute(of: name, try expectName()) }
        return .name(name)
    }
}
