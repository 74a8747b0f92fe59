import Foundation

/// Python's arithmetic.
enum TemplateArithmetic {
    /// The result of a binary operator.
    static func apply(
        _ operation: TemplateOperator, _ left: TemplateValue, _ right: TemplateValue, _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        if let left = left.whole, let right = right.whole { return try integers(operation, left, right) }
        if let left = left.numeric, let right = right.numeric { return try numbers(operation, left, right) }
        switch (operation, left, right) {
        case (_, .undefined(let message), _), (_, _, .undefined(let message)): throw TemplateFailure(message)
        case (.add, .string(let left), .string(let right)):
            try renderer.charge(bytes: left.utf8.count + right.utf8.count)
            return .string(left + right)
        case (.add, .markup(let left), .markup(let right)): return try joined(left, right, renderer)
        case (.add, .markup(let left), .string(let right)):
            return try joined(left, PythonText.escape(right), renderer)
        case (.add, .string(let left), .markup(let right)):
            return try joined(PythonText.escape(left), right, renderer)
        case (.add, .list(let left), .list(let right)):
            try renderer.charge(left.elements.count + right.elements.count)
            return .list(try TemplateSequence(left.elements + right.elements))
        case (.add, .tuple(let left), .tuple(let right)):
            try renderer.charge(left.elements.count + right.elements.count)
            return .tuple(try TemplateSequence(left.elements + right.elements))
        case (.multiply, _, _):
            if let count = right.whole, let product = try repeated(left, count, renderer) { return product }
            if let count = left.whole, let product = try repeated(right, count, renderer) { return product }
        case (.add, .string, _):
            throw TemplateFailure("can only concatenate str (not \"\(right.typeName)\") to str")
        case (.remainder, .string, _), (.remainder, .markup, _):
            throw TemplateFailure("formatting with % is not supported; use ~")
        default: break
        }
        throw TemplateFailure(
            "unsupported operand type(s) for \(operation.rawValue): '\(left.typeName)' and '\(right.typeName)'")
    }

    private static func joined(
        _ left: String, _ right: String, _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        try renderer.charge(bytes: left.utf8.count + right.utf8.count)
        return .markup(left + right)
    }

    private static func repeated(
        _ value: TemplateValue, _ count: Int, _ renderer: TemplateRenderer
    ) throws -> TemplateValue? {
        let count = max(count, 0)
        func checkedSize(_ size: Int) throws -> Int {
            let (product, overflow) = size.multipliedReportingOverflow(by: count)
            return overflow ? .max : product
        }
        switch value {
        case .string(let text):
            try renderer.charge(bytes: try checkedSize(text.utf8.count))
            return .string(String(repeating: text, count: text.isEmpty ? 0 : count))
        case .markup(let text):
            guard case .string(let product)? = try repeated(.string(text), count, renderer) else { return nil }
            return .markup(product)
        case .list(let sequence), .tuple(let sequence):
            try renderer.charge(try checkedSize(sequence.elements.count))
            let elements =
                sequence.elements.isEmpty
                ? [] : Array(repeatElement(sequence.elements, count: count).joined())
            let product = try TemplateSequence(elements)
            if case .tuple = value { return .tuple(product) }
            return .list(product)
        default: return nil
        }
    }

    private static func integers(_ operation: TemplateOperator, _ left: Int, _ right: Int) throws -> TemplateValue {
        let (result, overflow): (Int, Bool)
        switch operation {
        case .add: (result, overflow) = left.addingReportingOverflow(right)
        case .subtract: (result, overflow) = left.subtractingReportingOverflow(right)
        case .multiply: (result, overflow) = left.multipliedReportingOverflow(by: right)
        case .divide:
            guard right != 0 else { throw TemplateFailure("division by zero") }
            return .number(Double(left) / Double(right))
        case .floorDivide:
            guard right != 0 else { throw TemplateFailure("integer division or modulo by zero") }
            let (quotient, quotientOverflow) = left.dividedReportingOverflow(by: right)
            let rounds = !quotientOverflow && left % right != 0 && (left < 0) != (right < 0)
            (result, overflow) = (rounds ? quotient - 1 : quotient, quotientOverflow)
        case .remainder:
            guard right != 0 else { throw TemplateFailure("integer modulo by zero") }
            let remainder = right == -1 ? 0 : left % right
            (result, overflow) = (
                remainder != 0 && (remainder < 0) != (right < 0) ? remainder + right : remainder, false
            )
        case .power: return try power(left, right)
        }
        guard !overflow else { throw TemplateFailure("the integer result is too large") }
        return .integer(result)
    }

    private static func power(_ base: Int, _ exponent: Int) throws -> TemplateValue {
        guard exponent >= 0 else {
            guard base != 0 else { throw TemplateFailure("0.0 cannot be raised to a negative power") }
            return try numbers(.power, Double(base), Double(exponent))
        }
        if base == 0 || base == 1 { return .integer(exponent == 0 ? 1 : base) }
        if base == -1 { return .integer(exponent.isMultiple(of: 2) ? 1 : -1) }
        guard exponent < 64 else { throw TemplateFailure("the integer result is too large") }
        var result = 1
        for _ in 0..<exponent {
            let (product, overflow) = result.multipliedReportingOverflow(by: base)
            guard !overflow else { throw TemplateFailure("the integer result is too large") }
            result = product
        }
        return .integer(result)
    }

    private static func numbers(_ operation: TemplateOperator, _ left: Double, _ right: Double) throws -> TemplateValue
    {
        switch operation {
        case .add: return .number(left + right)
        case .subtract: return .number(left - right)
        case .multiply: return .number(left * right)
        case .power:
            let result = pow(left, right)
            if left == 0, right < 0 { throw TemplateFailure("0.0 cannot be raised to a negative power") }
            if result.isNaN, !left.isNaN, !right.isNaN {
                throw TemplateFailure("complex numbers are not supported")
            }
            if result.isInfinite, left.isFinite, right.isFinite {
                throw TemplateFailure("the result is too large")
            }
            return .number(result)
        case .divide, .floorDivide, .remainder:
            guard right != 0 else {
                throw TemplateFailure(operation == .divide ? "float division by zero" : "float floor division by zero")
            }
            if operation == .divide { return .number(left / right) }
            var remainder = left.truncatingRemainder(dividingBy: right)
            var quotient = (left - remainder) / right
            if remainder == 0 {
                remainder = right < 0 ? -0.0 : 0
            } else if (remainder < 0) != (right < 0) {
                remainder += right
                quotient -= 1
            }
            if operation == .remainder { return .number(remainder) }
            guard quotient == 0 else { return .number(quotient.rounded()) }
            return .number((left / right).sign == .minus ? -0.0 : 0)
        }
    }
}
