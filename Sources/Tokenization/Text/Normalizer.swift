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
