/// A statement of a template, with the line on which it begins.
struct TemplateStatement: Sendable {
    let line: Int
    let kind: Kind

    indirect enum Kind: Sendable {
        case text(String)
        case output(TemplateExpression)
        case conditional([Branch], otherwise: [TemplateStatement])
        case loop(TemplateForLoop)
        case set(TemplateTarget, TemplateExpression)
        case setBlock(TemplateTarget, filters: TemplateExpression?, [TemplateStatement])
        case filterBlock(TemplateExpression, [TemplateStatement])
        case with([(TemplateTarget, TemplateExpression)], [TemplateStatement])
        case macro(TemplateMacroDefinition)
        case callBlock(TemplateExpression, TemplateMacroDefinition)
        /// What transformers marks as written by the model; rendered as is.
        case generation([TemplateStatement])
        /// Makes names undefined that the scope assigns to later; see `TemplateScoping`.
        case undefine([String])
        case breakLoop
        case continueLoop
    }

    struct Branch: Sendable {
        let condition: TemplateExpression
        let body: [TemplateStatement]
    }
}

/// `for target in iterable if condition`.
struct TemplateForLoop: Sendable {
    let target: TemplateTarget
    let iterable: TemplateExpression
    let condition: TemplateExpression?
    let body: [TemplateStatement]
    let otherwise: [TemplateStatement]
}

/// `macro name(parameter, parameter=default)`.
final class TemplateMacroDefinition: Sendable {
    let name: String
    let parameters: [(name: String, defaultValue: TemplateExpression?)]
    let body: [TemplateStatement]
    /// Which of `caller`, `varargs` and `kwargs` the body asks for; arguments beyond the parameters go there.
    let specialNames: Set<String>
    /// Whether this is the body of a `call` block, which has no name.
    let isCaller: Bool

    init(
        name: String, parameters: [(name: String, defaultValue: TemplateExpression?)],
        body: [TemplateStatement],
        specialNames: Set<String>, isCaller: Bool = false
    ) {
        self.name = name
        self.parameters = parameters
        self.body = body
        self.specialNames = specialNames.subtracting(parameters.map(\.name))
        self.isCaller = isCaller
    }
}

/// What a value is assigned to.
indirect enum TemplateTarget: Sendable {
    case name(String)
    case attribute(of: String, String)
    case tuple([TemplateTarget])
}

/// An expression of a template.
indirect enum TemplateExpression: Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case name(String)
    case list([TemplateExpression])
    case tuple([TemplateExpression])
    case mapping([(TemplateExpression, TemplateExpression)])
    case attribute(TemplateExpression, String)
    case subscripted(TemplateExpression, TemplateExpression)
    case slice(TemplateExpression, TemplateExpression?, TemplateExpression?, TemplateExpression?)
    case call(TemplateExpression, TemplateArguments)
    case filter(TemplateExpression, String, TemplateArguments)
    case test(TemplateExpression, String, TemplateArguments)
    case not(TemplateExpression)
    case sign(isNegative: Bool, TemplateExpression)
    case arithmetic(TemplateExpression, TemplateOperator, TemplateExpression)
    case concatenation([TemplateExpression])
    case comparison(TemplateExpression, [(TemplateComparison, TemplateExpression)])
    case and(TemplateExpression, TemplateExpression)
    case or(TemplateExpression, TemplateExpression)
    case conditional(condition: TemplateExpression, TemplateExpression, otherwise: TemplateExpression?)
    /// What filter and `set` blocks filter: the text inside.
    case blockText
}

extension TemplateExpression {
    /// Whether this is a number as it is written, and one that a sign changes.
    var isNumber: Bool {
        switch self {
        case .integer(let value): value != 0
        case .number: true
        default: false
        }
    }

    /// Whether the value is known without rendering.
    var isConstant: Bool {
        switch self {
        case .none, .bool, .integer, .number, .string: true
        case .sign(_, let operand), .not(let operand): operand.isConstant
        case .arithmetic(let left, _, let right): left.isConstant && right.isConstant
        default: false
        }
    }
}

/// The arguments of a call, a filter or a test.
struct TemplateArguments: Sendable {
    var positional: [TemplateExpression] = []
    var named: [(String, TemplateExpression)] = []
}

enum TemplateOperator: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case floorDivide = "//"
    case remainder = "%"
    case power = "**"
}

enum TemplateComparison: String, Sendable {
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case contained = "in"
    case notContained = "not in"
}
