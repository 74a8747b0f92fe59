/// A text on its way to the model, which remembers what it says about the beginning of the original.
///
/// The package keeps for every byte the place in the original text that it stands for. All that it asks later is whether a word begins
/// where the text does, and places never fall, so it is enough to know how far the first place reaches.
struct NormalizedText: Equatable {
    var bytes: [UInt8]
    /// How many of the bytes stand for the first character of the original text, or were put before it; nil where this is a part of
    /// a text that begins later.
    var origin: Int?

    init(_ bytes: [UInt8], origin: Int?) {
        self.bytes = bytes
        self.origin = origin
    }

    /// A part of the original text, as it is.
    init(original bytes: [UInt8], beginsText: Bool) {
        self.bytes = bytes
        origin = beginsText ? bytes.first.map { min(UTF8Scalar.length($0), bytes.count) } ?? 0 : nil
    }

    /// Puts bytes before the text, where they count as one with its first character.
    mutating func prepend(_ prefix: [UInt8]) {
        guard !bytes.isEmpty else { return }
        bytes = prefix + bytes
        if let known = origin, known > 0 { origin = known + prefix.count }
    }

    /// Replaces every match of a pattern. What takes its place counts as one with the match's last byte.
    func replacing(_ pattern: TextPattern, with replacement: [UInt8]) -> NormalizedText {
        bytes.withUnsafeBufferPointer { text in
            var output: [UInt8] = []
            output.reserveCapacity(text.count + text.count / 4)
            var newOrigin = 0
            let known = origin ?? 0
            var end = 0
            pattern.forEachMatch(in: text) { matchStart, matchEnd in
                output.append(contentsOf: text[end..<matchStart])
                if end < known { newOrigin += min(known, matchStart) - end }
                output.append(contentsOf: replacement)
                if matchEnd == 0 || matchEnd <= known { newOrigin += replacement.count }
                end = matchEnd
            }
            output.append(contentsOf: text[end...])
            if end < known { newOrigin += known - end }
            return NormalizedText(output, origin: origin == nil ? nil : newOrigin)
        }
    }
}

/// What happens to text before it is split: a step of tokenizer.json's `normalizer`.
indirect enum Normalizer: Sendable {
    case form(NormalizationForm)
    case prepend([UInt8])
    case replace(TextPattern, with: [UInt8])
    case lowercase
    case strip(left: Bool, right: Bool)
    case stripAccents
    case bert(BertNormalizer)
    /// SentencePiece's cleaning of control characters and odd spaces.
    case nmt
    /// Spells bytes in the characters that stand for them.
    case byteLevel
    case sequence([Normalizer])

    /// The normalized bytes of a text that stands by itself.
    func normalize(_ text: [UInt8]) -> [UInt8] {
        var normalized = NormalizedText(text, origin: nil)
        apply(to: &normalized)
        return normalized.bytes
    }

    /// Normalizes a text.
    func apply(to text: inout NormalizedText) {
        switch self {
        case .form(let form): text = form.apply(to: text)
        case .prepend(let prefix): text.prepend(prefix)
        case .replace(let pattern, let replacement): text = text.replacing(pattern, with: replacement)
        case .lowercase: Self.lowercase(&text)
        case .strip(let left, let right): Self.strip(&text, left: left, right: right)
        case .stripAccents: Self.filter(&text) { !$0.isMark }
        case .bert(let bert): bert.apply(to: &text)
        case .nmt: Self.rewrite(&text, Self.cleanForTranslation)
        case .byteLevel:
            Self.rewrite(&text) { _, bytes, output in
                for byte in bytes { ByteAlphabet.append(byte, to: &output) }
            }
        case .sequence(let steps): for step in steps { step.apply(to: &text) }
        }
    }

    /// Character by character as in Rust, without regard to the word a character stands in (final sigma).
    static func lowercase(_ text: inout NormalizedText) {
        rewrite(&text) { scalar, _, output in
            if scalar.isASCII {
                output.append((0x41...0x5A).contains(scalar.value) ? UInt8(scalar.value) | 0x20 : UInt8(scalar.value))
            } else {
                output.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
            }
        }
    }

    private static func cleanForTranslation(
        _ scalar: Unicode.Scalar, _ bytes: Slice<UnsafeBufferPointer<UInt8>>, _ output: inout [UInt8]
    ) {
        switch scalar.value {
        case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: break
        case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD:
            output.append(0x20)
        default: output.append(contentsOf: bytes)
        }
    }

    private static func strip(_ text: inout NormalizedText, left: Bool, right: Bool) {
        let (start, end) = text.bytes.withUnsafeBufferPointer { text in
            var start = 0
            var end = text.count
            while left, start < end, case (let scalar, let next) = UTF8Scalar.decode(text, at: start),
                scalar.isWhitespace
            {
                start = next
            }
            while right, start < end {
                let last = UTF8Scalar.start(before: end, in: text)
                guard UTF8Scalar.decode(text, at: last).scalar.isWhitespace else { break }
                end = last
            }
            return (start, end)
        }
        text = NormalizedText(
            Array(text.bytes[start..<end]), origin: text.origin.map { max(min($0, end) - start, 0) })
    }

    static func filter(_ text: inout NormalizedText, _ isKept: (Unicode.Scalar) -> Bool) {
        rewrite(&text) { scalar, bytes, output in
            if isKept(scalar) { output.append(contentsOf: bytes) }
        }
    }

    /// Walks the text scalar by scalar; `body` appends what takes the scalar's place.
    static func rewrite(
        _ text: inout NormalizedText,
        _ body: (_ scalar: Unicode.Scalar, _ bytes: Slice<UnsafeBufferPointer<UInt8>>, _ output: inout [UInt8]) -> Void
    ) {
        let known = text.origin ?? 0
        var newOrigin = 0
        let rewritten = text.bytes.withUnsafeBufferPointer { text in
            var output: [UInt8] = []
            output.reserveCapacity(text.count)
            var position = 0
            while position < text.count {
                let (scalar, end) = UTF8Scalar.decode(text, at: position)
                body(scalar, text[position..<end], &output)
                if position < known { newOrigin = output.count }
                position = end
            }
            return output
        }
        text = NormalizedText(rewritten, origin: text.origin == nil ? nil : newOrigin)
    }
}

/// What BERT's tokenizers do to text first. Every flag is one step, in the order of the properties.
struct BertNormalizer: Sendable {
    /// Takes control characters out and makes every white space a space.
    var cleansText = true
    /// Puts spaces around Chinese characters.
    var separatesChinese = true
    var stripsAccents = true
    var lowercases = true

    func apply(to text: inout NormalizedText) {
        if cleansText {
            Normalizer.rewrite(&text) { scalar, bytes, output in
                if CharacterTable.bertControls.contains(scalar) { return }
                if scalar.isWhitespace { output.append(0x20) } else { output.append(contentsOf: bytes) }
            }
        }
        if separatesChinese {
            Normalizer.rewrite(&text) { scalar, bytes, output in
                let isChinese = Self.isChinese(scalar)
                if isChinese { output.append(0x20) }
                output.append(contentsOf: bytes)
                if isChinese { output.append(0x20) }
            }
        }
        if stripsAccents {
            text = NormalizationForm.decomposed.apply(to: text)
            Normalizer.filter(&text) { $0.isASCII || !CharacterTable.bertAccents.contains($0) }
        }
        if lowercases { Normalizer.lowercase(&text) }
    }

    private static func isChinese(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x2A6DF, 0x2A700...0x2B81F,
            0x2B920...0x2CEAF,
            0x2F800...0x2FA1F:
            true
        default: false
        }
    }
}
