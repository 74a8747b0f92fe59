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
                parts.append(String(rest))
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

    /// `str.lower`. A capital sigma at the end of a word becomes a final one.
    static func lower(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.lowercased() }
        let ends = finalSigmas(text.unicodeScalars)
        var output = ""
        for (position, scalar) in text.unicodeScalars.enumerated() {
            output += lower(scalar, isFinal: ends.contains(position))
        }
        return output
    }

    private static func lower(_ scalar: Unicode.Scalar, isFinal: Bool) -> String {
        isFinal ? "ς" : scalar.properties.lowercaseMapping
    }

    /// Where capital sigmas end words: a letter with case comes before and none behind, leaving out what case ignores.
    private static func finalSigmas(_ scalars: String.UnicodeScalarView) -> Set<Int> {
        var ends: Set<Int> = []
        guard scalars.contains("Σ") else { return ends }
        var followsCased = false
        var candidate: Int?
        for (position, scalar) in scalars.enumerated() {
            if scalar.properties.isCaseIgnorable { continue }
            let isCased = scalar.properties.isCased
            if let end = candidate, !isCased { ends.insert(end) }
            candidate = scalar == "Σ" && followsCased ? position : nil
            followsCased = isCased
        }
        if let end = candidate { ends.insert(end) }
        return ends
    }

    /// `str.swapcase`.
    static func swapcase(_ text: String) -> String {
        let ends = finalSigmas(text.unicodeScalars)
        var output = ""
        for (position, scalar) in text.unicodeScalars.enumerated() {
            let properties = scalar.properties
            if properties.isUppercase {
                output += lower(scalar, isFinal: ends.contains(position))
            } else {
                output += properties.isLowercase ? properties.uppercaseMapping : String(scalar)
            }
        }
        return output
    }

    /// The digits of any script as ASCII digits, underscores between digits left out, white space around taken away: what `int` and
    /// `float` read. Nil where an underscore stands elsewhere.
    static func digits(of text: String) -> String? {
        var output = String.UnicodeScalarView()
        var previous: Unicode.Scalar?
        let scalars = Array(strip(text).unicodeScalars)
        for (position, scalar) in scalars.enumerated() {
            defer { previous = scalar }
            if scalar == "_" {
                guard previous?.properties.generalCategory == .decimalNumber, position + 1 < scalars.count,
                    scalars[position + 1].properties.generalCategory == .decimalNumber
                else { return nil }
            } else if scalar.properties.generalCategory == .decimalNumber, let value = scalar.properties.numericValue,
                let digit = Unicode.Scalar(0x30 + UInt32(value))
            {
                output.append(digit)
            } else {
                output.append(scalar)
            }
        }
        return String(output)
    }

    /// `int(text, base)`, or nil where Python reads no integer, or one that is too large.
    static func integer(_ text: String, base: Int) -> Int? {
        guard (2...36).contains(base), let digits = digits(of: text)?.lowercased() else { return nil }
        let sign = digits.hasPrefix("-") || digits.hasPrefix("+") ? String(digits.prefix(1)) : ""
        var rest = digits.dropFirst(sign.count)
        for (prefix, ofBase) in [("0x", 16), ("0o", 8), ("0b", 2)] where base == ofBase && rest.hasPrefix(prefix) {
            rest = rest.dropFirst(2)
        }
        guard rest.first != "-", rest.first != "+" else { return nil }
        return Int(sign + rest, radix: base)
    }

    /// `float(text)`, or nil where Python reads no number.
    static func number(_ text: String) -> Double? {
        guard let digits = digits(of: text)?.lowercased(), !digits.isEmpty,
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || "+-.e".utf8.contains($0) })
                || ["inf", "infinity", "nan"].contains(digits.drop { $0 == "+" || $0 == "-" })
        else { return nil }
        return Double(digits)
    }

    /// `str.casefold`: what characters have in common with those that differ in case.
    static func casefold(_ text: String) -> String {
        var output = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x131, 0x13A0...0x13F5: output.unicodeScalars.append(scalar)
            case 0x1E9E: output += "ss"
            case 0x13F8...0x13FD, 0xAB70...0xABBF: output += scalar.properties.uppercaseMapping
            default:
                for capital in scalar.properties.uppercaseMapping.unicodeScalars {
                    output += capital.properties.lowercaseMapping
                }
            }
        }
        return output
    }

    /// `str.capitalize`.
    static func capitalize(_ text: String) -> String {
        guard let first = text.unicodeScalars.first else { return text }
        let scalars = text.unicodeScalars
        let ends = finalSigmas(scalars)
        var output = first.properties.titlecaseMapping
        for (position, scalar) in scalars.enumerated().dropFirst() {
            output += lower(scalar, isFinal: ends.contains(position))
        }
        return output
    }

    /// `str.title`: capitals after everything that has no case.
    static func title(_ text: String) -> String {
        var output = ""
        var followsCased = false
        let ends = finalSigmas(text.unicodeScalars)
        for (position, scalar) in text.unicodeScalars.enumerated() {
            output +=
                followsCased
                ? lower(scalar, isFinal: ends.contains(position)) : scalar.properties.titlecaseMapping
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
            output +=
                String(first).uppercased() + lower(String(String.UnicodeScalarView(word.dropFirst())))
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
