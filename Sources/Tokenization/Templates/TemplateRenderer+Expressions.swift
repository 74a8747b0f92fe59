import Foundation

/// The arguments of a call, evaluated.
struct TemplateCallArguments {
    var positional: [TemplateValue] = []
    var named: [(String, TemplateValue)] = []

    subscript(_ name: String) -> TemplateValue? {
        named.last { $0.0 == name }?.1
    }

    /// The argument at a position, which may also be given by name.
    func value(_ position: Int, _ name: String) -> TemplateValue? {
        position < positional.count ? positional[position] : self[name]
    }

    /// Refuses arguments that the callee does not have, rather than ignoring them.
    ///
    /// - Parameters:
    ///   - count: How many it takes.
    ///   - names: Those that may be given by name.
    func check(for callee: String, count: Int, names: [String]) throws {
        guard positional.count <= count else {
            throw TemplateFailure("\(callee) takes at most \(count) arguments (\(positional.count) given)")
        }
        if let (unknown, _) = named.first(where: { !names.contains($0.0) }) {
            throw TemplateFailure("\(callee) takes no argument '\(unknown)'")
        }
    }
}

extension TemplateRenderer {
    /// The value of an expression.
    func evaluate(_ expression: TemplateExpression) throws -> TemplateValue {
        try charge(1)
        return try nested { try evaluateNested(expression) }
    }

    private func evaluateNested(_ expression: TemplateExpression) throws -> TemplateValue {
        switch expression {
        case .none: return .none
        case .bool(let value): return .bool(value)
        case .integer(let value): return .integer(value)
        case .number(let value): return .number(value)
        case .string(let value): return .string(value)
        case .blockText: return blockText
        case .name(let name):
            if let value = scope.value(of: name) { return value }
            guard name != "self" else { throw TemplateFailure("the variable \"self\" is not supported") }
            return .undefined("'\(name)' is undefined")
        case .not(let operand): return .bool(!(try evaluate(operand).isTrue))
        case .and(let left, let right):
            let value = try evaluate(left)
            return value.isTrue ? try evaluate(right) : value
        case .or(let left, let right):
            let value = try evaluate(left)
            return value.isTrue ? value : try evaluate(right)
        case .conditional(let condition, let value, let otherwise):
            if try evaluate(condition).isTrue { return try evaluate(value) }
            return try otherwise.map { try evaluate($0) }
                ?? .undefined("the inline if-expression evaluated to false and no else section was defined.")
        case .attribute(let owner, let name): return try attribute(name, of: try evaluate(owner))
        case .subscripted(let owner, let index): return try element(try evaluate(index), of: try evaluate(owner))
        case .filter(let value, let name, let arguments):
            return try TemplateFilters.apply(name, to: try evaluate(value), try evaluate(arguments), self)
        case .test(let value, let name, let arguments):
            return .bool(try TemplateTests.test(name, try evaluate(value), try evaluate(arguments).positional, self))
        case .call(let callee, let arguments):
            return try call(try evaluate(callee), try evaluate(arguments), caller: nil)
        default: return try evaluateCompound(expression)
        }
    }

    private func evaluateCompound(_ expression: TemplateExpression) throws -> TemplateValue {
        switch expression {
        case .list(let elements): return .list(try TemplateSequence(elements.map { try evaluate($0) }))
        case .tuple(let elements): return .tuple(try TemplateSequence(elements.map { try evaluate($0) }))
        case .mapping(let pairs):
            var mapping = TemplateMapping()
            for (key, value) in pairs {
                let key = try evaluate(key)
                try charge(key.weight)
                try mapping.set(key, try evaluate(value))
            }
            return .mapping(mapping)
        case .slice(let owner, let start, let end, let step):
            return try slice(
                try evaluate(owner), try bound(start), try bound(end), step: try bound(step))
        case .sign(let isNegative, let operand): return try signed(try evaluate(operand), isNegative: isNegative)
        case .arithmetic(let left, let operation, let right):
            return try TemplateArithmetic.apply(operation, try evaluate(left), try evaluate(right), self)
        case .concatenation(let parts):
            let text = try parts.map { try self.text(of: try evaluate($0)) }.joined()
            try charge(bytes: text.utf8.count)
            return .string(text)
        case .comparison(let first, let comparisons):
            var left = try evaluate(first)
            for (comparison, operand) in comparisons {
                let right = try evaluate(operand)
                guard try compare(left, comparison, right) else { return .bool(false) }
                left = right
            }
            return .bool(true)
        default: throw TemplateFailure("this expression is not supported")
        }
    }

    func evaluate(_ arguments: TemplateArguments) throws -> TemplateCallArguments {
        TemplateCallArguments(
            positional: try arguments.positional.map { try evaluate($0) },
            named: try arguments.named.map { ($0.0, try evaluate($0.1)) })
    }

    private func signed(_ value: TemplateValue, isNegative: Bool) throws -> TemplateValue {
        if let whole = value.whole {
            guard isNegative else { return .integer(whole) }
            return try TemplateArithmetic.apply(.subtract, .integer(0), .integer(whole), self)
        }
        if case .number(let number) = value { return .number(isNegative ? -number : number) }
        if case .undefined(let message) = value { throw TemplateFailure(message) }
        throw TemplateFailure("bad operand type for unary \(isNegative ? "-" : "+"): '\(value.typeName)'")
    }

    private func compare(
        _ left: TemplateValue, _ comparison: TemplateComparison, _ right: TemplateValue
    ) throws -> Bool {
        switch comparison {
        case .contained, .notContained: try charge(TemplateValue.sum(left.weight, right.weight))
        default: try charge(min(left.weight, right.weight))
        }
        switch comparison {
        case .equal: return TemplateValue.areEqual(left, right)
        case .notEqual: return !TemplateValue.areEqual(left, right)
        case .less: return try TemplateValue.isLess(left, right)
        case .greater: return try TemplateValue.isLess(right, left, symbol: ">")
        case .lessOrEqual:
            return try TemplateValue.isLess(left, right, symbol: "<=") || TemplateValue.areEqual(left, right)
        case .greaterOrEqual:
            return try TemplateValue.isLess(right, left, symbol: ">=") || TemplateValue.areEqual(left, right)
        case .contained: return try right.contains(left)
        case .notContained: return try !right.contains(left)
        }
    }
}

// MARK: - Attributes, elements and calls

extension TemplateRenderer {
    /// `value.name`: a method or another attribute, else an element of that name.
    func attribute(_ name: String, of value: TemplateValue) throws -> TemplateValue {
        switch value {
        case .undefined(let message): throw TemplateFailure(message)
        case .namespace(let namespace): if let attribute = namespace.attributes[name] { return attribute }
        case .loop(let loop):
            if let attribute = loop.attribute(name) { return attribute }
            if name == "cycle" || name == "changed" { return try method(name, of: value) }
        case .callable(.macro(let macro)) where name == "name": return .string(macro.definition.name)
        default:
            if TemplateMethods.exists(name, of: value) { return try method(name, of: value) }
            if case .mapping(let mapping) = value, let element = mapping[name] { return element }
        }
        return .undefined("'\(value.describedType)' has no attribute '\(name)'")
    }

    private func method(_ name: String, of value: TemplateValue) throws -> TemplateValue {
        try TemplateFailure.checkDepth(value.depth + 1)
        return .callable(.method(TemplateCallable.Box(value), name))
    }

    /// `value[index]`: an element, else an attribute of that name.
    func element(_ index: TemplateValue, of value: TemplateValue) throws -> TemplateValue {
        try charge(index.weight)
        switch value {
        case .undefined(let message): throw TemplateFailure(message)
        case .mapping(let mapping): if let element = mapping[index] { return element }
        case .string(let text), .markup(let text):
            if let index = index.whole {
                try charge(bytes: text.utf8.count)
                let scalars = Array(text.unicodeScalars)
                if let position = Self.position(index, count: scalars.count) {
                    let character = String(scalars[position])
                    if case .markup = value { return .markup(character) }
                    return .string(character)
                }
            }
        case .list(let sequence), .tuple(let sequence):
            if let index = index.whole, let position = Self.position(index, count: sequence.elements.count) {
                return sequence.elements[position]
            }
        case .view(let view) where view.kind == .range:
            if let index = index.whole,
                let position = Self.position(index, count: view.sequence.elements.count)
            {
                return view.sequence.elements[position]
            }
        default: break
        }
        if case .string(let name) = index {
            if case .mapping = value, !TemplateMethods.exists(name, of: value) {
                return .undefined("'\(value.describedType)' has no attribute '\(name)'")
            }
            return try attribute(name, of: value)
        }
        return .undefined("\(value.describedType) has no element \(index.representation)")
    }

    private static func position(_ index: Int, count: Int) -> Int? {
        let position = index < 0 ? index &+ count : index
        return 0 <= position && position < count ? position : nil
    }

    private func bound(_ expression: TemplateExpression?) throws -> Int? {
        guard let expression else { return nil }
        let value = try evaluate(expression)
        if case .none = value { return nil }
        guard let whole = value.whole else {
            throw TemplateFailure("slice indices must be integers or None or have an __index__ method")
        }
        return whole
    }

    /// `value[start:end:step]`, with Python's rules for what is out of range or negative.
    private func slice(_ value: TemplateValue, _ start: Int?, _ end: Int?, step: Int?) throws -> TemplateValue {
        let elements: [TemplateValue]
        switch value {
        case .string, .markup, .list, .tuple: elements = try value.elements()
        case .view(let view) where view.kind == .range: elements = view.sequence.elements
        case .undefined(let message): throw TemplateFailure(message)
        default: throw TemplateFailure("'\(value.typeName)' object is not subscriptable")
        }
        try charge(elements.count)
        let step = step ?? 1
        guard step != 0 else { throw TemplateFailure("slice step cannot be zero") }
        let count = elements.count
        // Going backwards, positions run from the last one to just before the first.
        let (lowest, highest) = step > 0 ? (0, count) : (-1, count - 1)
        func clamp(_ index: Int) -> Int { min(max(index < 0 ? index &+ count : index, lowest), highest) }
        var position = start.map(clamp) ?? (step > 0 ? lowest : highest)
        let stop = end.map(clamp) ?? (step > 0 ? highest : lowest)
        if case .view(let view) = value {
            return .view(try view.slice(from: position, to: stop, by: step))
        }
        var selected: [TemplateValue] = []
        while step > 0 ? position < stop : position > stop {
            selected.append(elements[position])
            let (next, overflow) = position.addingReportingOverflow(step)
            if overflow { break }
            position = next
        }
        switch value {
        case .string: return .string(selected.map(\.text).joined())
        case .markup: return .markup(selected.map(\.text).joined())
        case .tuple: return .tuple(try TemplateSequence(selected))
        default: return .list(try TemplateSequence(selected))
        }
    }

    /// Calls a value with arguments.
    func call(
        _ callee: TemplateValue, _ arguments: TemplateCallArguments, caller: TemplateValue?
    ) throws -> TemplateValue {
        switch callee {
        case .undefined(let message): throw TemplateFailure(message)
        case .callable(.function(let name)): return try TemplateFunctions.call(name, arguments, self)
        case .callable(.method(let receiver, let name)):
            return try TemplateMethods.call(name, of: receiver.value, arguments, self)
        case .callable(.macro(let macro)): return try nested { try callMacro(macro, arguments, caller: caller) }
        default: throw TemplateFailure("'\(callee.typeName)' object is not callable")
        }
    }
}
