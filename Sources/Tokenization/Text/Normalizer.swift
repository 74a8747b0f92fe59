import Foundation

/// What happens to text before it is split: a step of tokenizer.json's `normalizer`.
indirect enum Normalizer: Sendable {
    case form(NormalizationForm)
    case prepend([UInt8])
    case replace(TextPattern, with: [UInt8])
    case lowercase
    case strip(left: Bool, right: Bool)
    case stripAccents
    case sequence([Normalizer])

    /// The normalized text.
    func normalize(_ text: [UInt8]) -> [UInt8] {
        switch self {
        case .form(let form): form.apply(to: text)
        case .prepend(let prefix): text.isEmpty ? text : prefix + text
        case .replace(let pattern, let replacement): pattern.replacing(text, with: replacement)
        case .lowercase: Self.lowercase(text)
        case .strip(let left, let right): Self.strip(text, left: left, right: right)
        case .stripAccents: Self.filter(text) { !$0.isMark }
        case .sequence(let steps): steps.reduce(text) { $1.normalize($0) }
        }
    }

    /// Character by character as in Rust, without regard to the word a character stands in (final sigma).
    private static func lowercase(_ text: [UInt8]) -> [UInt8] {
        rewrite(text) { scalar, _, output in
            if scalar.isASCII {
                output.append((0x41...0x5A).contains(scalar.value) ? UInt8(scalar.value) | 0x20 : UInt8(scalar.value))
            } else {
                output.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
            }
        }
    }

    private static func strip(_ text: [UInt8], left: Bool, right: Bool) -> [UInt8] {
        text.withUnsafeBufferPointer { text in
            var start = 0
            var end = text.count
            while left, start < end, case let (scalar, next) = UTF8Scalar.decode(text, at: start), scalar.isWhitespace {
                start = next
            }
            while right, start < end {
                let last = UTF8Scalar.start(before: end, in: text)
                guard UTF8Scalar.decode(text, at: last).scalar.isWhitespace else { break }
                end = last
            }
            return Array(text[start..<end])
        }
    }

    private static func filter(_ text: [UInt8], _ isKept: (Unicode.Scalar) -> Bool) -> [UInt8] {
        rewrite(text) { scalar, bytes, output in
            if isKept(scalar) { output.append(contentsOf: bytes) }
        }
    }

    /// Walks the text scalar by scalar; `body` appends what takes the scalar's place.
    private static func rewrite(
        _ text: [UInt8],
        _ body: (_ scalar: Unicode.Scalar, _ bytes: Slice<UnsafeBufferPointer<UInt8>>, _ output: inout [UInt8]) -> Void
    ) -> [UInt8] {
        text.withUnsafeBufferPointer { text in
            var output: [UInt8] = []
            output.reserveCapacity(text.count)
            var position = 0
            while position < text.count {
                let (scalar, end) = UTF8Scalar.decode(text, at: position)
                body(scalar, text[position..<end], &output)
                position = end
            }
            return output
        }
    }
}

/// Unicode's normalization forms.
enum NormalizationForm: String, Sendable {
    case composed = "NFC"
    case decomposed = "NFD"
    case compatibilityComposed = "NFKC"
    case compatibilityDecomposed = "NFKD"

    /// The text in this form.
    ///
    /// Foundation's conversion is slow, so only the stretches go through it that might change: each runs from a
    /// character that normalization cannot change or combine with what precedes it to the next such character.
    func apply(to text: [UInt8]) -> [UInt8] {
        text.withUnsafeBufferPointer { text in
            var output: [UInt8] = []
            output.reserveCapacity(text.count)
            var stretchStart = 0
            var stretchMayChange = false
            var position = 0
            while position < text.count {
                let (scalar, end) = UTF8Scalar.decode(text, at: position)
                if isInert(scalar) {
                    flush(text, stretchStart..<position, stretchMayChange, into: &output)
                    stretchStart = position
                    stretchMayChange = false
                } else {
                    stretchMayChange = true
                }
                position = end
            }
            flush(text, stretchStart..<text.count, stretchMayChange, into: &output)
            return output
        }
    }

    private func flush(
        _ text: UnsafeBufferPointer<UInt8>, _ stretch: Range<Int>, _ mayChange: Bool, into output: inout [UInt8]
    ) {
        guard mayChange else {
            output.append(contentsOf: text[stretch])
            return
        }
        let string = Self.withoutTibetanPairs(String(decoding: text[stretch], as: UTF8.self))
        let normalized =
            switch self {
            case .composed: string.precomposedStringWithCanonicalMapping
            case .decomposed: string.decomposedStringWithCanonicalMapping
            case .compatibilityComposed: string.precomposedStringWithCompatibilityMapping
            case .compatibilityDecomposed: string.decomposedStringWithCompatibilityMapping
            }
        output.append(contentsOf: normalized.utf8)
    }

    /// Decomposes the three marks that Foundation takes for starters and then fails to put in order.
    private static func withoutTibetanPairs(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { (0xF73...0xF81).contains($0.value) }) else { return text }
        var output = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\u{F73}": output.append(contentsOf: "\u{F71}\u{F72}".unicodeScalars)
            case "\u{F75}": output.append(contentsOf: "\u{F71}\u{F74}".unicodeScalars)
            case "\u{F81}": output.append(contentsOf: "\u{F71}\u{F80}".unicodeScalars)
            default: output.append(scalar)
            }
        }
        return String(output)
    }

    /// Whether the form leaves this character as it is, and apart from what precedes it. Errs on the side of no.
    private func isInert(_ scalar: Unicode.Scalar) -> Bool {
        guard !scalar.isASCII else { return true }
        guard self == .composed else { return false }
        switch scalar.value {
        case 0x80..<0x300, 0x400..<0x483, 0x48A..<0x530, 0x2002..<0x20D0, 0x2100..<0x2126, 0x2190..<0x2329,
            0x2500..<0x2ADC, 0x3041..<0x3099, 0x309B..<0x3100, 0x4E00..<0xA000, 0xAC00..<0xD7A4, 0xFF00..<0xFFF0,
            0x1F300..<0x1FB00:
            return true
        default: return false
        }
    }
}
