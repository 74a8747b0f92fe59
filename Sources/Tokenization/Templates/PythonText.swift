/// Python's string operations, which work on code points.
enum PythonText {
    /// `str.isspace` of one character.
    static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// Where `part` first occurs in `text` at or after `start`, as bytes.
    static func range(of part: String, in text: String, from start: Int = 0) -> Range<Int>? {
        let needle = Array(part.utf8)
        return Array(text.utf8).withUnsafeBufferPointer { range(of: needle, in: $0, from: start) }
    }

    private static func range(
        of needle: [UInt8], in text: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> Range<Int>? {
        ByteSearch.first(needle, in: text, from: start).map { $0..<$0 + needle.count }
    }

    /// The parts of `text` between occurrences of a separator that is not empty.
    static func split(_ text: String, separator: String, limit: Int = .max, fromEnd: Bool = false) -> [String] {
        let needle = Array(separator.utf8)
        return Array(text.utf8).withUnsafeBufferPointer { bytes in
            var matches: [Range<Int>] = []
            var start = 0
            while fromEnd || matches.count < limit, let match = range(of: needle, in: bytes, from: start) {
                matches.append(match)
                start = match.upperBound
            }
            if fromEnd, matches.count > limit { matches.removeFirst(matches.count - limit) }
            var parts: [String] = []
            var end = 0
            for match in matches {
                parts.append(String(decoding: bytes[end..<match.lowerBound], as: UTF8.self))
                end = match.upperBound
            }
            parts.append(String(decoding: bytes[end...], as: UTF8.self))
            return parts
        }
    }

    /// `str.split()` without a separator.
    static func splitAtSpace(_ text: String, limit: Int = .max) -> [String] {
        var parts: [String] = []
        var rest = text.unicodeScalars[...].drop(while: isSpace)
        while !rest.isEmpty {
            if parts.count >= limit {
                parts.append(strip(String(rest), left: false))
                break
            }
            let word = rest.prefix { !isSpace($0) }
            parts.append(String(word))
            rest = rest[word.endIndex...].drop(while: isSpace)
        }
        return parts
    }

    /// `str.splitlines()`, for the line breaks that occur.
    static func lines(_ text: String, keepsEnds: Bool = false) -> [String] {
        var lines: [String] = []
        var line = String.UnicodeScalarView()
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            if previous == "\r", scalar == "\n" {
                if keepsEnds { lines[lines.count - 1].unicodeScalars.append(scalar) }
                previous = scalar
                continue
            }
            previous = scalar
            switch scalar.value {
            case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029:
                if keepsEnds { line.append(scalar) }
                lines.append(String(line))
                line = String.UnicodeScalarView()
            default: line.append(scalar)
            }
        }
        if !line.isEmpty { lines.append(String(line)) }
        return lines
    }

    /// `str.strip`, of white space or of any of the given characters.
    static func strip(_ text: String, _ characters: String? = nil, left: Bool = true, right: Bool = true) -> String {
        let set = characters.map { Set($0.unicodeScalars) }
        func isStripped(_ scalar: Unicode.Scalar) -> Bool { set?.contains(scalar) ?? isSpace(scalar) }
        var rest = text.unicodeScalars[...]
        if left { rest = rest.drop(while: isStripped) }
        while right, let last = rest.last, isStripped(last) { rest.removeLast() }
        return String(rest)
    }

    /// `str.replace`. An empty `old` stands between all characters.
    static func replace(_ text: String, _ old: String, with new: String, limit: Int = .max) -> String {
        guard old.isEmpty else { return split(text, separator: old, limit: limit).joined(separator: new) }
        var output = ""
        var count = 0
        for scalar in text.unicodeScalars {
            if count < limit { output += new }
            count += 1
            output.unicodeScalars.append(scalar)
        }
        return count < limit ? output + new : output
    }

    /// `str.capitalize`.
    static func capitalize(_ text: String) -> String {
        guard let first = text.unicodeScalars.first else { return text }
        return first.properties.titlecaseMapping + String(text.unicodeScalars.dropFirst()).lowercased()
    }

    /// `str.title`: capitals after everything that has no case.
    static func title(_ text: String) -> String {
        var output = ""
        var followsCased = false
        for scalar in text.unicodeScalars {
            output += followsCased ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
            followsCased = scalar.properties.isCased
        }
        return output
    }

    /// Jinja's filter `title`: capitals after spaces, hyphens and opening brackets.
    static func titleOfWords(_ text: String) -> String {
        var output = ""
        var word = String.UnicodeScalarView()
        func flush() {
            guard let first = word.first else { return }
            output += String(first).uppercased() + String(String.UnicodeScalarView(word.dropFirst())).lowercased()
            word = String.UnicodeScalarView()
        }
        for scalar in text.unicodeScalars {
            if isSpace(scalar) || "-({[<".unicodeScalars.contains(scalar) {
                flush()
                output.unicodeScalars.append(scalar)
            } else {
                word.append(scalar)
            }
        }
        flush()
        return output
    }

    /// The text with the five characters that matter to HTML written as entities.
    static func escape(_ text: String) -> String {
        var output = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": output.append(contentsOf: "&amp;".unicodeScalars)
            case "<": output.append(contentsOf: "&lt;".unicodeScalars)
            case ">": output.append(contentsOf: "&gt;".unicodeScalars)
            case "\"": output.append(contentsOf: "&#34;".unicodeScalars)
            case "'": output.append(contentsOf: "&#39;".unicodeScalars)
            default: output.append(scalar)
            }
        }
        return String(output)
    }
}
