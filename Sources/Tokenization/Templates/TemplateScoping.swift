/// Finds the variables that Jinja takes for undefined from the beginning of a scope, because it assigns to them somewhere in it.
///
/// Jinja decides for each scope, once, where every name in it comes from: the first thing that the scope itself does with a name counts,
/// and the bodies of loops, macros and blocks are scopes of their own, looked at later. So in
/// `{% for m in messages %}{{ s }}{% endfor %}{% set s = 1 %}` the loop does not see a variable `s` that the template was given.
enum TemplateScoping {
    /// The statements of a template, with one before those of each scope that undefines such names.
    static func marked(_ statements: [TemplateStatement]) -> [TemplateStatement] {
        scope(statements, within: nil, parameters: [])
    }

    /// Where a name comes from.
    private enum Source {
        case undefined
        case elsewhere
    }

    /// What is known of a scope's names.
    private final class Names {
        var sources: [String: Source] = [:]
        var stored: Set<String> = []
        let parent: Names?

        init(within parent: Names?) {
            self.parent = parent
        }

        func copy() -> Names {
            let copy = Names(within: parent)
            (copy.sources, copy.stored) = (sources, stored)
            return copy
        }

        func knows(_ name: String) -> Bool { sources[name] != nil || parent?.knows(name) ?? false }

        func load(_ expression: TemplateExpression) {
            expression.forEachName { if !knows($0) { sources[$0] = .elsewhere } }
        }

        func declare(_ name: String) {
            stored.insert(name)
            sources[name] = .elsewhere
        }

        func store(_ name: String) {
            stored.insert(name)
            if sources[name] == nil {
                sources[name] = parent?.knows(name) ?? false ? .elsewhere : .undefined
            }
        }

        func store(_ target: TemplateTarget) {
            switch target {
            case .name(let name): store(name)
            case .attribute(let name, _): if !knows(name) { sources[name] = .elsewhere }
            case .tuple(let targets): targets.forEach(store)
            }
        }

        /// Takes over what branches did. What only branches assign to comes from elsewhere until then.
        func merge(_ branches: [Names]) {
            let new = branches.reduce(into: Set<String>()) { $0.formUnion($1.stored) }.subtracting(stored)
            for branch in branches {
                sources.merge(branch.sources) { $1 }
                stored.formUnion(branch.stored)
            }
            for name in new { sources[name] = .elsewhere }
        }

        func look(at statements: [TemplateStatement]) {
            for statement in statements { look(at: statement.kind) }
        }

        private func look(at kind: TemplateStatement.Kind) {
            switch kind {
            case .output(let expression): load(expression)
            case .conditional(let branches, let otherwise): look(at: branches, otherwise)
            case .loop(let loop): load(loop.iterable)
            case .set(let target, let expression):
                load(expression)
                store(target)
            case .setBlock(let target, _, _): store(target)
            case .filterBlock(let filters, _): load(filters)
            case .with(let assignments, _): for (_, value) in assignments { load(value) }
            case .macro(let definition): store(definition.name)
            case .callBlock(let call, _): load(call)
            case .text, .generation, .breakLoop, .continueLoop, .undefine: break
            }
        }

        private func look(at branches: [TemplateStatement.Branch], _ otherwise: [TemplateStatement]) {
            guard let first = branches.first else { return }
            load(first.condition)
            let (body, more, rest) = (copy(), copy(), copy())
            body.look(at: first.body)
            for branch in branches.dropFirst() { more.look(at: [branch], []) }
            rest.look(at: otherwise)
            merge([body, more, rest])
        }
    }

    /// The statements of one scope and of those within.
    private static func scope(
        _ statements: [TemplateStatement], within parent: Names?, parameters: [String],
        targets: [TemplateTarget] = [],
        filters: TemplateExpression? = nil
    ) -> [TemplateStatement] {
        let names = Names(within: parent)
        for name in parameters { names.declare(name) }
        for target in targets { names.store(target) }
        if let filters { names.load(filters) }
        names.look(at: statements)
        let inner = statements.map {
            TemplateStatement(line: $0.line, kind: marked($0.kind, within: names))
        }
        // Targets have their values by then.
        let assigned = Set(targets.flatMap(\.names))
        let undefined = names.sources.filter { $0.value == .undefined && !assigned.contains($0.key) }
            .keys.sorted()
        guard !undefined.isEmpty, let first = statements.first else { return inner }
        return [TemplateStatement(line: first.line, kind: .undefine(undefined))] + inner
    }

    private static func marked(
        _ kind: TemplateStatement.Kind, within names: Names
    )
        -> TemplateStatement.Kind
    {
        switch kind {
        case .conditional(let branches, let otherwise):
            // Branches are no scopes.
            func inner(_ statements: [TemplateStatement]) -> [TemplateStatement] {
                statements.map { TemplateStatement(line: $0.line, kind: marked($0.kind, within: names)) }
            }
            return .conditional(
                branches.map { TemplateStatement.Branch(condition: $0.condition, body: inner($0.body)) },
                otherwise: inner(otherwise))
        case .loop(let loop):
            return .loop(
                TemplateForLoop(
                    target: loop.target, iterable: loop.iterable, condition: loop.condition,
                    body: scope(loop.body, within: names, parameters: loop.target.names + ["loop"]),
                    otherwise: scope(loop.otherwise, within: names, parameters: [])))
        case .setBlock(let target, let filters, let body):
            return .setBlock(target, filters: filters, scope(body, within: names, parameters: []))
        case .filterBlock(let filters, let body):
            return .filterBlock(filters, scope(body, within: names, parameters: [], filters: filters))
        case .with(let assignments, let body):
            return .with(
                assignments, scope(body, within: names, parameters: [], targets: assignments.map(\.0)))
        case .macro(let definition): return .macro(marked(definition, within: names))
        case .callBlock(let call, let definition):
            return .callBlock(call, marked(definition, within: names))
        case .generation(let body): return .generation(scope(body, within: names, parameters: []))
        case .text, .output, .set, .breakLoop, .continueLoop, .undefine: return kind
        }
    }

    private static func marked(
        _ definition: TemplateMacroDefinition, within names: Names
    )
        -> TemplateMacroDefinition
    {
        let parameters = definition.parameters.map(\.name) + definition.specialNames
        return TemplateMacroDefinition(
            name: definition.name, parameters: definition.parameters,
            body: scope(definition.body, within: names, parameters: parameters),
            specialNames: definition.specialNames,
            isCaller: definition.isCaller)
    }
}

extension TemplateTarget {
    /// The names that are assigned to.
    var names: [String] {
        switch self {
        case .name(let name): [name]
        case .attribute: []
        case .tuple(let targets): targets.flatMap(\.names)
        }
    }
}

extension TemplateExpression {
    /// Calls `body` with every variable that the expression reads.
    func forEachName(_ body: (String) -> Void) {
        switch self {
        case .none, .bool, .integer, .number, .string, .blockText: break
        case .name(let name): body(name)
        case .list(let elements), .tuple(let elements), .concatenation(let elements):
            for element in elements { element.forEachName(body) }
        case .mapping(let pairs):
            for (key, value) in pairs {
                key.forEachName(body)
                value.forEachName(body)
            }
        case .attribute(let owner, _): owner.forEachName(body)
        case .subscripted(let left, let right), .arithmetic(let left, _, let right),
            .and(let left, let right),
            .or(let left, let right):
            left.forEachName(body)
            right.forEachName(body)
        case .slice(let owner, let start, let end, let step):
            for part in [owner, start, end, step] { part?.forEachName(body) }
        case .call(let callee, let arguments):
            callee.forEachName(body)
            arguments.forEachName(body)
        case .filter(let value, _, let arguments), .test(let value, _, let arguments):
            value.forEachName(body)
            arguments.forEachName(body)
        case .not(let operand), .sign(_, let operand): operand.forEachName(body)
        case .comparison(let first, let comparisons):
            first.forEachName(body)
            for (_, operand) in comparisons { operand.forEachName(body) }
        case .conditional(let condition, let value, let otherwise):
            condition.forEachName(body)
            value.forEachName(body)
            otherwise?.forEachName(body)
        }
    }
}

extension TemplateArguments {
    fileprivate func forEachName(_ body: (String) -> Void) {
        for value in positional { value.forEachName(body) }
        for (_, value) in named { value.forEachName(body) }
    }
}
