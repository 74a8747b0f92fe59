extension String {
    /// The text on one line, for messages that repeat what stands in somebody's file: line breaks and control characters as Swift writes them.
    package var onOneLine: String {
        func breaks(_ scalar: Unicode.Scalar) -> Bool {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: true
            default: false
            }
        }
        guard unicodeScalars.contains(where: breaks) else { return self }
        return unicodeScalars.reduce(into: "") { line, scalar in
            if breaks(scalar) { line += scalar.escaped(asASCII: true) } else { line.unicodeScalars.append(scalar) }
        }
    }
}
