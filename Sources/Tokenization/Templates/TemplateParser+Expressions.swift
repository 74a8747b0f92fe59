extension TemplateParser {
    /// Operators in one tag, beyond which it is refused: each may add a level to the expression's tree.
    private static let operatorLimit = 400

    private mutating func countOperator() throws {
        operatorsInTag += 1
        guard operatorsInTag <= Self.operatorLimit else {
            throw failure("there are more than \(Self.operatorLimit) operators in one tag")
        }
    }

    /// Reads an expression, or several separated by commas, which make a tuple.
    mutating func parseTuple(allowsConditional: Bool = true) throws -> TemplateExpression {
        func element(_ parser: inout TemplateParser) throws -> TemplateExpression {
            try allowsConditional ? parser.parseExpression() : parser.parseOr()
        }
        let first = try element(&self)
        guard current == .symbol(",") else { return first }
        var elements = [first]
        while take(.symbol(",")) {
            switch current {
            case .variableEnd, .blockEnd, .symbol(")"): return .tuple(elements)
            default: elements.append(try element(&self))
            }
        }
        return .tuple(elements)
    }

    /// Reads an expression, which may be `value if condition else other`.
    mutating func parseExpression() throws -> TemplateExpression {
        try nested { parser in
            var expression = try parser.parseOr()
            while parser.take(.name("if")) {
                try parser.countOperator()
                let condition = try parser.parseOr()
                let otherwise = parser.take(.name("else")) ? try parser.parseExpression() : nil
                expression = .conditional(condition: condition, expression, otherwise: otherwise)
            }
            return expression
        }
    }

    private mutating func parseOr() throws -> TemplateExpression {
        var left = try parseAnd()
        while take(.name("or")) {
            try countOperator()
            left = .or(left, try parseAnd())
        }
        return left
    }

    private mutating func parseAnd() throws -> TemplateExpression {
        var left = try parseNot()
        while take(.name("and")) {
            try countOperator()
            left = .and(left, try parseNot())
        }
        return left
    }

    private mutating func parseNot() throws -> TemplateExpression {
        guard take(.name("not")) else { return try parseComparison() }
        return .not(try nested { try $0.parseNot() })
    }

    private mutating func parseComparison() throws -> TemplateExpression {
        let first = try parseSum()
        var comparisons: [(TemplateComparison, TemplateExpression)] = []
        while true {
            let comparison: TemplateComparison
            if case .symbol(let symbol) = current, let found = TemplateComparison(rawValue: symbol) {
                comparison = found
            } else if current == .name("in") {
                comparison = .contained
            } else if current == .name("not"), next() == .name("in") {
                advance()
                comparison = .notContained
            } else {
                return comparisons.isEmpty ? first : .comparison(first, comparisons)
            }
            advance()
            comparisons.append((comparison, try parseSum()))
        }
    }

    private mutating func parseChain(
        _ operators: Set<String>, _ operand: (inout TemplateParser) throws -> TemplateExpression
    ) throws -> TemplateExpression {
        var left = try operand(&self)
        while case .symbol(let symbol) = current, operators.contains(symbol),
            let operation = TemplateOperator(rawValue: symbol)
        {
            try countOperator()
            advance()
            let right = try operand(&self)
            // Jinja writes a constant -1 into Python source as it is, where a power binds more tightly than the sign.
            if operation == .power, case .sign(isNegative: true, let positive) = left, positive.isNumber,
                !right.isConstant
            {
                left = .sign(isNegative: true, .arithmetic(positive, operation, right))
            } else {
                left = .arithmetic(left, operation, right)
            }
        }
        return left
    }

    private mutating func parseSum() throws -> TemplateExpression {
        try parseChain(["+", "-"]) { try $0.parseConcatenation() }
    }

    private mutating func parseConcatenation() throws -> TemplateExpression {
        let first = try parseProduct()
        guard current == .symbol("~") else { return first }
        var parts = [first]
        while take(.symbol("~")) { parts.append(try parseProduct()) }
        return .concatenation(parts)
    }

    private mutating func parseProduct() throws -> TemplateExpression {
        try parseChain(["*", "/", "//", "%"]) { parser in
            try parser.parseChain(["**"]) { try $0.parseUnary() }
        }
    }

    private mutating func parseUnary(allowsFilters: Bool = true) throws -> TemplateExpression {
        var expression: TemplateExpression
        if current == .symbol("-") || current == .symbol("+") {
            let isNegative = current == .symbol("-")
            advance()
            expression = .sign(isNegative: isNegative, try nested { try $0.parseUnary(allowsFilters: false) })
        } else {
            expression = try parsePrimary()
        }
        expression = try parsePostfix(expression)
        return allowsFilters ? try parseFilters(expression) : expression
    }
}

// MARK: - Primary expressions

extension TemplateParser {
    private mutating func parsePrimary() throws -> TemplateExpression {
        switch current {
        case .name(let name):
            advance()
            switch name {
            case "true", "True": return .bool(true)
            case "false", "False": return .bool(false)
            case "none", "None": return .none
            case "caller", "varargs", "kwargs":
                specialNames.insert(name)
                return .name(name)
            default: return .name(name)
            }
        case .string(var value):
            advance()
            while case .string(let more) = current {
                value += more
                advance()
            }
            return .string(value)
        case .integer(let value):
            advance()
            return .integer(value)
        case .number(let value):
            advance()
            return .number(value)
        case .symbol("("):
            advance()
            if take(.symbol(")")) { return .tuple([]) }
            let expression = try nested { try $0.parseTuple() }
            try expect(.symbol(")"))
            return expression
        case .symbol("["):
            advance()
            return .list(try parseElements(until: "]") { try $0.parseExpression() })
        case .symbol("{"):
            advance()
            return .mapping(
                try parseElements(until: "}") { parser in
                    let key = try parser.parseExpression()
                    try parser.expect(.symbol(":"))
                    return (key, try parser.parseExpression())
                })
        default: throw failure("unexpected \(describe(current))")
        }
    }

    private mutating func parseElements<Element>(
        until end: String, _ element: (inout TemplateParser) throws -> Element
    ) throws -> [Element] {
        var elements: [Element] = []
        while !take(.symbol(end)) {
            if !elements.isEmpty {
                try expect(.symbol(","))
                if take(.symbol(end)) { break }
            }
            elements.append(try element(&self))
        }
        return elements
    }

    private mutating func parsePostfix(_ expression: TemplateExpression) throws -> TemplateExpression {
        var expression = expression
        while true {
            switch current {
            case .symbol("."):
                advance()
                if case .integer(let index) = current {
                    advance()
                    expression = .subscripted(expression, .integer(index))
                } else {
                    expression = .attribute(expression, try expectName())
                }
            case .symbol("["):
                advance()
                expression = try parseSubscript(of: expression)
            case .symbol("("):
                expression = .call(expression, try parseArguments())
            default: return expression
            }
            try countOperator()
        }
    }

    private mutating func parseSubscript(of expression: TemplateExpression) throws -> TemplateExpression {
        var parts: [TemplateExpression?] = [nil]
        var isSlice = false
        while !take(.symbol("]")) {
            if take(.symbol(":")) {
                isSlice = true
                parts.append(nil)
            } else if parts[parts.count - 1] == nil {
                parts[parts.count - 1] = try parseTuple()
            } else {
                throw failure("\"]\" is expected before \(describe(current))")
            }
        }
        if isSlice {
            guard parts.count <= 3 else { throw failure("a slice has at most three parts") }
            return .slice(expression, parts[0], parts[1], parts.count == 3 ? parts[2] : nil)
        }
        guard let index = parts[0] else { throw failure("an index is expected") }
        return .subscripted(expression, index)
    }

    mutating func parseArguments() throws -> TemplateArguments {
        try expect(.symbol("("))
        var arguments = TemplateArguments()
        var isFirst = true
        while !take(.symbol(")")) {
            if !isFirst {
                try expect(.symbol(","))
                if take(.symbol(")")) { break }
            }
            isFirst = false
            if current == .symbol("*") || current == .symbol("**") {
                throw failure("arguments with \"*\" are not supported")
            }
            if case .name(let name) = current, next() == .symbol("=") {
                advance()
                advance()
                arguments.named.append((name, try parseExpression()))
            } else {
                guard arguments.named.isEmpty else { throw failure("a positional argument follows a named one") }
                arguments.positional.append(try parseExpression())
            }
        }
        return arguments
    }

    /// Reads what follows an expression: filters, tests and calls of their results.
    ///
    /// - Parameter needsBar: Whether the first filter begins with `|`, which it does not in a filter block.
    mutating func parseFilters(_ expression: TemplateExpression, needsBar: Bool = true) throws -> TemplateExpression {
        var expression = expression
        var needsBar = needsBar
        while true {
            if !needsBar || take(.symbol("|")) {
                needsBar = true
                let name = try expectDottedName()
                let arguments = current == .symbol("(") ? try parseArguments() : TemplateArguments()
                expression = .filter(expression, name, arguments)
            } else if take(.name("is")) {
                expression = try parseTest(of: expression)
            } else if current == .symbol("(") {
                expression = .call(expression, try parseArguments())
            } else {
                return expression
            }
            try countOperator()
        }
    }

    private mutating func expectDottedName() throws -> String {
        var name = try expectName()
        while take(.symbol(".")) { name += "." + (try expectName()) }
        return name
    }

    private mutating func parseTest(of expression: TemplateExpression) throws -> TemplateExpression {
        let isNegated = take(.name("not"))
        let name = try expectDottedName()
        var arguments = TemplateArguments()
        switch current {
        case .symbol("("): arguments = try parseArguments()
        case .name("else"), .name("or"), .name("and"): break
        case .name("is"): throw failure("tests with \"is\" cannot be chained")
        // Jinja takes any other name for an argument, even `if`; nobody can mean that, or `in` and `not in`.
        case .name("if"), .name("in"), .name("not"): break
        case .name, .string, .integer, .number, .symbol("["), .symbol("{"):
            arguments.positional = [try parsePostfix(try nested { try $0.parsePrimary() })]
        default: break
        }
        let test = TemplateExpression.test(expression, name, arguments)
        return isNegated ? .not(test) : test
    }
}
