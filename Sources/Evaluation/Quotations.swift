/// A text cut at its double quotes, straight or curly.
package struct Quotations {
    /// What stands in quotes, with them; nil if nothing does.
    package private(set) var inside: String?
    /// The rest; nil if nothing stands in quotes.
    package private(set) var outside: String?

    package init(_ text: String) {
        var quoted: [String] = [], rest = "", current = ""
        var closing: Character?
        for character in text {
            if let end = closing {
                current.append(character)
                guard character == end else { continue }
                quoted.append(current)
                (current, closing) = ("", nil)
            } else if character == "\"" || character == "\u{201C}" {
                current = String(character)
                closing = character == "\"" ? "\"" : "\u{201D}"
            } else {
                rest.append(character)
            }
        }
        guard !quoted.isEmpty else { return }
        // A quote that never closes is none.
        rest += current
        inside = quoted.joined(separator: " ")
        outside = rest.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
