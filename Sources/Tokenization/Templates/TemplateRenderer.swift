import Foundation
import JSON

/// Runs a template's statements.
///
/// Templates come with models and are not trusted: work, memory and depth are limited.
final class TemplateRenderer {
    /// Units of work per rendering; one is about an evaluated expression, or 16 bytes of text handled.
    private static let workLimit = 8_000_000
    /// Statements, expressions and calls within one another.
    private static let depthLimit = 500

    let now: Date
    private(set) var scope: TemplateScope
    private var output: [UInt8] = []
    private var work = 0
    private var depth = 0
    private var line = 1
    /// The text that filters of blocks are applied to.
    private(set) var blockText: TemplateValue = .none
    // Namespaces and the scopes of macros can refer to one another in circles and in long chains, so they are kept until
    // the end and then emptied, which lets go of them without recursion.
    private var namespaces: [TemplateNamespace] = []
    private var macroScopes: [TemplateScope] = []

    init(variables: [String: TemplateValue], now: Date) {
        self.now = now
        let globals = TemplateScope(parent: nil)
        for name in TemplateFunctions.names { globals.variables[name] = .callable(.function(name)) }
        scope = TemplateScope(parent: globals)
        scope.variables = variables
    }

    /// The text that the statements print.
    ///
    /// - Throws: `TemplateFailure` with the line.
    func render(_ statements: [TemplateStatement]) throws -> String {
        defer {
            for namespace in namespaces { namespace.attributes = TemplateMapping() }
            for scope in macroScopes { scope.variables = [:] }
        }
        do {
            _ = try run(statements)
        } catch var failure as TemplateFailure {
            failure.line = failure.line ?? line
            throw failure
        }
        return String(decoding: output, as: UTF8.self)
    }

    // MARK: Limits

    /// Counts work, and refuses to go on when it was too much.
    func charge(_ units: Int) throws {
        let (sum, overflow) = work.addingReportingOverflow(max(units, 0))
        guard !overflow, sum <= Self.workLimit else {
            throw TemplateFailure("rendering takes too long; the template may never end")
        }
        work = sum
    }

    func charge(bytes: Int) throws {
        try charge(1 + bytes / 16)
    }

    /// Runs `body` one level deeper.
    func nested<Result>(_ body: () throws -> Result) throws -> Result {
        guard depth < Self.depthLimit else {
            throw TemplateFailure("statements, expressions and calls lie too deep within one another")
        }
        depth += 1
        defer { depth -= 1 }
        return try body()
    }

    func makeNamespace(_ attributes: TemplateMapping) -> TemplateValue {
        let namespace = TemplateNamespace()
        namespace.attributes = attributes
        namespaces.append(namespace)
        return .namespace(namespace)
    }
}

// MARK: - Statements

extension TemplateRenderer {
    private enum Flow {
        case onward
        case breakLoop
        case continueLoop
    }

    private func run(_ statements: [TemplateStatement]) throws -> Flow {
        for statement in statements {
            let flow = try nested { try run(statement) }
            guard flow == .onward else { return flow }
        }
        return .onward
    }

    private func print(_ text: String) throws {
        try charge(bytes: text.utf8.count)
        output.append(contentsOf: text.utf8)
    }

    private func run(_ statement: TemplateStatement) throws -> Flow {
        line = statement.line
        try charge(1)
        switch statement.kind {
        case .text(let text): try print(text)
        case .output(let expression): try print(try self.text(of: try evaluate(expression)))
        case .conditional(let branches, let otherwise):
            for branch in branches where try evaluate(branch.condition).isTrue { return try run(branch.body) }
            return try run(otherwise)
        case .loop(let loop): return try run(loop)
        case .set(let target, let expression): try assign(try evaluate(expression), to: target)
        case .setBlock(let target, let filters, let body):
            let text = try capture { try inScope { _ = try run(body) } }
            try assign(try filter(text, with: filters), to: target)
        case .filterBlock(let filters, let body):
            let text = try capture { try inScope { _ = try run(body) } }
            try print(try self.text(of: try filter(text, with: filters)))
        case .with(let assignments, let body):
            // The values are those outside, whatever the names before them were set to.
            let values = try assignments.map { try evaluate($0.1) }
            return try inScope {
                for (assignment, value) in zip(assignments, values) { try assign(value, to: assignment.0) }
                return try run(body)
            }
        case .macro(let definition): scope.variables[definition.name] = makeMacro(definition)
        case .callBlock(let call, let definition):
            guard case .call(let callee, let arguments) = call else { break }
            let caller = makeMacro(definition)
            try print(try text(of: try self.call(try evaluate(callee), try evaluate(arguments), caller: caller)))
        case .generation(let body): return try inScope { try run(body) }
        case .undefine(let names):
            for name in names { scope.variables[name] = .undefined("'\(name)' is undefined") }
        case .breakLoop: return .breakLoop
        case .continueLoop: return .continueLoop
        }
        return .onward
    }

    /// What a value prints as.
    func text(of value: TemplateValue) throws -> String {
        try charge(value.weight)
        if let type = value.unprintableType {
            throw TemplateFailure(
                "printing a \(type) is not supported; Python would show its address in memory")
        }
        return value.text
    }

    private func inScope<Result>(_ body: () throws -> Result) throws -> Result {
        let outer = scope
        scope = TemplateScope(parent: outer)
        defer { scope = outer }
        return try body()
    }

    /// What `body` prints, instead of printing it.
    private func capture(_ body: () throws -> Void) throws -> TemplateValue {
        let outer = output
        output = []
        defer { output = outer }
        try body()
        return .string(String(decoding: output, as: UTF8.self))
    }

    private func filter(_ text: TemplateValue, with filters: TemplateExpression?) throws -> TemplateValue {
        guard let filters else { return text }
        let outer = blockText
        blockText = text
        defer { blockText = outer }
        return try evaluate(filters)
    }

    private func run(_ loop: TemplateForLoop) throws -> Flow {
        let iterable = try evaluate(loop.iterable)
        var items = try iterable.elements()
        try charge(items.count)
        if let condition = loop.condition {
            items = try items.filter { item in
                try inScope {
                    try assign(item, to: loop.target)
                    return try evaluate(condition).isTrue
                }
            }
        }
        let state = try TemplateLoop(try TemplateSequence(items))
        var hasCompletedOne = false
        for (position, item) in items.enumerated() {
            state.position = position
            let flow = try inScope {
                scope.variables["loop"] = .loop(state)
                try assign(item, to: loop.target)
                return try run(loop.body)
            }
            if flow == .breakLoop { break }
            if flow == .onward { hasCompletedOne = true }
        }
        // As Jinja compiles it, `break` and `continue` leave a loop's body unfinished, and `else` stands for no finished one.
        return hasCompletedOne ? .onward : try inScope { try run(loop.otherwise) }
    }

    private func assign(_ value: TemplateValue, to target: TemplateTarget) throws {
        switch target {
        case .name(let name): scope.variables[name] = value
        case .attribute(let name, let attribute):
            guard case .namespace(let namespace)? = scope.value(of: name) else {
                throw TemplateFailure("cannot assign attribute on non-namespace object")
            }
            try TemplateFunctions.checkAttribute(attribute)
            try namespace.attributes.set(.string(attribute), value)
        case .tuple(let targets):
            let values = try value.elements()
            guard values.count == targets.count else {
                throw TemplateFailure(
                    values.count > targets.count
                        ? "too many values to unpack (expected \(targets.count))"
                        : "not enough values to unpack (expected \(targets.count), got \(values.count))")
            }
            for (target, value) in zip(targets, values) { try assign(value, to: target) }
        }
    }
}

// MARK: - Macros

extension TemplateRenderer {
    private func makeMacro(_ definition: TemplateMacroDefinition) -> TemplateValue {
        if macroScopes.last !== scope { macroScopes.append(scope) }
        return .callable(.macro(TemplateMacro(definition, scope: scope)))
    }

    /// The text that a macro prints, given its arguments.
    func callMacro(
        _ macro: TemplateMacro, _ arguments: TemplateCallArguments, caller: TemplateValue?
    ) throws -> TemplateValue {
        let definition = macro.definition
        let more = arguments.positional.dropFirst(definition.parameters.count)
        guard more.isEmpty || definition.specialNames.contains("varargs") else {
            throw TemplateFailure(
                "macro '\(definition.name)' takes not more than \(definition.parameters.count) argument(s)")
        }
        var moreNamed = TemplateMapping()
        for (name, value) in arguments.named
        where !definition.parameters.contains(where: { $0.name == name }) {
            try moreNamed.set(.string(name), value)
        }
        if let caller, !definition.specialNames.contains("caller") {
            try moreNamed.set(.string("caller"), caller)
        }
        if let name = moreNamed.keys.first, !definition.specialNames.contains("kwargs") {
            throw TemplateFailure(
                caller != nil && moreNamed["caller"] != nil
                    ? "macro '\(definition.name)' was called with a block, and does not use its caller"
                    : "macro '\(definition.name)' takes no keyword argument '\(name.text)'")
        }
        let outerScope = scope
        let outerLine = line
        scope = TemplateScope(parent: macro.scope)
        defer {
            scope = outerScope
            line = outerLine
        }
        for name in definition.specialNames {
            switch name {
            case "caller": scope.variables[name] = caller ?? .undefined("No caller defined")
            case "varargs": scope.variables[name] = .tuple(try TemplateSequence(Array(more)))
            default: scope.variables[name] = .mapping(moreNamed)
            }
        }
        for (position, parameter) in definition.parameters.enumerated() {
            if position < arguments.positional.count {
                scope.variables[parameter.name] = arguments.positional[position]
            } else if let value = arguments[parameter.name] {
                scope.variables[parameter.name] = value
            } else if let defaultValue = parameter.defaultValue {
                scope.variables[parameter.name] = try evaluate(defaultValue)
            } else {
                scope.variables[parameter.name] =
                    .undefined("parameter '\(parameter.name)' was not provided")
            }
        }
        return try capture { _ = try run(definition.body) }
    }
}
