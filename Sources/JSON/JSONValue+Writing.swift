/// How `JSONValue.serialized(_:)` lays a document out: the options of Python's `json.dumps`.
public struct JSONFormat: Sendable {
    /// Spaces per level, each element on its own line; nil keeps everything on one line.
    public var indent: Int?
    /// Whether keys are sorted by code point.
    public var sortedKeys: Bool
    /// Whether characters beyond ASCII are written as `\uXXXX`.
    public var escapesNonASCII: Bool
    /// What stands between elements; nil means `", "`, or `","` where lines are broken.
    public var itemSeparator: String?
    /// What stands between a key and its value.
    public var keySeparator: String

    /// Makes a format; the defaults are those of `json.dumps(value, ensure_ascii=False)`.
    public init(
        indent: Int? = nil, sortedKeys: Bool = false, escapesNonASCII: Bool = false, itemSeparator: String? = nil,
        keySeparator: String = ": "
    ) {
        self.indent = indent
        self.sortedKeys = sortedKeys
        self.escapesNonASCII = escapesNonASCII
        self.itemSeparator = itemSeparator
        self.keySeparator = keySeparator
    }
}

extension JSONValue {
    /// Writes the document as Python's `json.dumps(value, ensure_ascii=False)` does, to the byte.
    public func serialized(indent: Int? = nil, sortedKeys: Bool = false) -> String {
        serialized(JSONFormat(indent: indent, sortedKeys: sortedKeys))
    }

    /// Writes the document as Python's `json.dumps` does with the options of `format`.
    public func serialized(_ format: JSONFormat) -> String {
        var writer = JSONWriter(format: format)
        writer.write(self)
        return String(decoding: writer.output, as: UTF8.self)
    }
}

private struct JSONWriter {
    let format: JSONFormat
    var output: [UInt8] = []
    var depth = 0

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: append("null")
        case .bool(let value): append(value ? "true" : "false")
        case .integer(let value): append(String(value))
        case .number(let value): append(Self.representation(of: value))
        case .string(let value): writeString(value)
        case .array(let elements):
            writeContainer("[", "]", elements) { $0.write($1) }
        case .object(let object):
            let pairs = Array(object)
            let ordered =
                format.sortedKeys ? pairs.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) } : pairs
            writeContainer("{", "}", ordered) { writer, pair in
                writer.writeString(pair.0)
                writer.append(writer.format.keySeparator)
                writer.write(pair.1)
            }
        }
    }

    private mutating func writeContainer<Element>(
        _ opening: String, _ closing: String, _ elements: [Element], _ body: (inout JSONWriter, Element) -> Void
    ) {
        append(opening)
        let separator = format.itemSeparator ?? (format.indent == nil ? ", " : ",")
        depth += 1
        for (position, element) in elements.enumerated() {
            if position > 0 { append(separator) }
            breakLine()
            body(&self, element)
        }
        depth -= 1
        if !elements.isEmpty { breakLine() }
        append(closing)
    }

    private mutating func breakLine() {
        guard let indent = format.indent else { return }
        output.append(UInt8(ascii: "\n"))
        output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: depth * max(indent, 0)))
    }

    private mutating func append(_ text: String) {
        output.append(contentsOf: text.utf8)
    }

    private mutating func writeString(_ value: String) {
        output.append(UInt8(ascii: "\""))
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": append("\\\"")
            case "\\": append("\\\\")
            case "\n": append("\\n")
            case "\r": append("\\r")
            case "\t": append("\\t")
            case "\u{08}": append("\\b")
            case "\u{0C}": append("\\f")
            case _ where scalar.value < 0x20 || format.escapesNonASCII && scalar.value >= 0x7F:
                for unit in UTF16.encode(scalar) ?? .init() { appendEscape(unit) }
            default:
                output.append(contentsOf: UTF8.encode(scalar) ?? .init())
            }
        }
        output.append(UInt8(ascii: "\""))
    }

    private mutating func appendEscape(_ unit: UInt16) {
        let digits = String(unit, radix: 16)
        append("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
    }

    private static func representation(of value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return value.pythonRepresentation
    }
}

extension Double {
    /// The shortest text that reads back as this number, as Python's `repr` writes it.
    ///
    /// Swift's own description agrees but for what is not finite and for the numbers between 2⁵³ and 10¹⁶, which it
    /// writes with an exponent.
    package var pythonRepresentation: String {
        if isNaN { return "nan" }
        if isInfinite { return self < 0 ? "-inf" : "inf" }
        if magnitude >= 0x1p53, magnitude < 1e16 { return "\(Int(self)).0" }
        return description
    }
}
