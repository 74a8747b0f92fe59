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

    /// The beginning and the end of a text of more than 400 characters (Unicode scalars); a shorter one as it is.
    package var abridged: String {
        unicodeScalars.count > 400
            ? String(unicodeScalars.prefix(200)) + "…" + String(unicodeScalars.suffix(120)) : self
    }
}
