import Foundation

/// The functions that transformers gives templates.
enum TemplateFunctions {
    static let names = ["range", "dict", "namespace", "raise_exception", "strftime_now"]

    /// Jinja's sandbox refuses longer ranges.
    private static let longestRange = 100_000

    static func call(
        _ name: String, _ arguments: TemplateCallArguments, _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        switch name {
        case "range": return try range(arguments, renderer)
        case "dict": return .mapping(try mapping(arguments))
        case "namespace":
            let attributes = try mapping(arguments)
            for case .string(let name) in attributes.keys { try checkAttribute(name) }
            return renderer.makeNamespace(attributes)
        case "raise_exception":
            throw TemplateFailure(arguments.value(0, "message")?.text ?? "the template raised an exception")
        case "strftime_now":
            guard case .string(let format)? = arguments.value(0, "format") else {
                throw TemplateFailure("strftime_now() needs a format")
            }
            return .string(try formatted(renderer.now, format))
        default: throw TemplateFailure("the function \(name.debugDescription) is not supported")
        }
    }

    /// transformers refuses namespace attributes that begin with an underscore.
    static func checkAttribute(_ name: String) throws {
        guard !name.hasPrefix("_") else {
            throw TemplateFailure("Chat templates cannot store underscore-prefixed attribute '\(name)'")
        }
    }

    private static func range(
        _ arguments: TemplateCallArguments, _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        let bounds = try arguments.positional.map { argument in
            guard let whole = argument.whole else {
                throw TemplateFailure("'\(argument.typeName)' object cannot be interpreted as an integer")
            }
            return whole
        }
        guard (1...3).contains(bounds.count) else {
            throw TemplateFailure("range expected 1 to 3 arguments, got \(bounds.count)")
        }
        let step = bounds.count == 3 ? bounds[2] : 1
        guard step != 0 else { throw TemplateFailure("range() arg 3 must not be zero") }
        let (start, stop) = bounds.count == 1 ? (0, bounds[0]) : (bounds[0], bounds[1])
        guard
            stride(from: start, to: stop, by: step).prefix(longestRange + 1).count(where: { _ in true })
                <= longestRange
        else {
            throw TemplateFailure(
                "Range too big. The sandbox blocks ranges larger than MAX_RANGE (\(longestRange)).")
        }
        let view = try TemplateView(from: start, to: stop, by: step)
        try renderer.charge(view.sequence.elements.count)
        return .view(view)
    }

    private static func mapping(_ arguments: TemplateCallArguments) throws -> TemplateMapping {
        var mapping = TemplateMapping()
        switch arguments.positional.first {
        case nil: break
        case .mapping(let first)?: mapping = first
        case let pairs?:
            for pair in try pairs.elements() {
                let parts = try pair.elements()
                guard parts.count == 2 else {
                    throw TemplateFailure("dictionary update sequence elements must have two elements each")
                }
                try mapping.set(parts[0], parts[1])
            }
        }
        for (name, value) in arguments.named { try mapping.set(.string(name), value) }
        return mapping
    }

    /// The local time as C's `strftime` writes it.
    private static func formatted(_ date: Date, _ format: String) throws -> String {
        guard let seconds = time_t(exactly: date.timeIntervalSince1970.rounded(.down)), format.utf8.count <= 1000 else {
            throw TemplateFailure("the time cannot be formatted")
        }
        var time = seconds
        var fields = tm()
        guard localtime_r(&time, &fields) != nil else { throw TemplateFailure("the time cannot be formatted") }
        var buffer = [CChar](repeating: 0, count: 16384)
        // An empty result is indistinguishable from a failure, so a character goes in front.
        let count = strftime(&buffer, buffer.count, " " + format, &fields)
        guard count > 0 else { throw TemplateFailure("the time cannot be formatted") }
        return String(decoding: buffer[1..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
