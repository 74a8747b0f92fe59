/// A step of tokenizer.json's `decoder`, which turns pieces back into text.
enum DecoderStep: Sendable {
    /// Pieces spell bytes, see `ByteAlphabet`.
    case byteLevel
    case replace(TextPattern, with: [UInt8])
    /// Pieces `<0x00>` to `<0xFF>` are bytes.
    case byteFallback
    /// All pieces become one.
    case fuse
    /// Cuts up to so many of a character off either end of each piece.
    case strip([UInt8], start: Int, end: Int)
    /// SentencePiece's visible spaces; those of the first piece vanish unless `keepsFirst`.
    case metaspace([UInt8], keepsFirst: Bool)
}

/// A piece, or a part of one, on its way through the steps.
struct DecodedFragment {
    var text: [UInt8]
    /// Whether this begins a piece; otherwise it continues the one before.
    var startsPiece: Bool
}

/// A step at work, which passes text on as soon as nothing that may follow can change it.
struct DecoderStage: Sendable {
    private let step: DecoderStep
    /// Whether each fragment that comes in is a whole piece. After a step that fuses them, it is not.
    private let receivesWholePieces: Bool
    /// Bytes that wait for what follows.
    private var pending: [UInt8] = []
    private var pieceCount = 0
    /// How many characters may still be cut off the piece under way.
    private var remainingCuts = 0

    init(_ step: DecoderStep, receivesWholePieces: Bool) {
        self.step = step
        self.receivesWholePieces = receivesWholePieces
    }

    /// The stages for the steps of a decoder.
    static func stages(_ steps: [DecoderStep]) -> [DecoderStage] {
        var isWhole = true
        return steps.map { step in
            defer {
                switch step {
                case .byteLevel, .fuse: isWhole = false
                default: break
                }
            }
            return DecoderStage(step, receivesWholePieces: isWhole)
        }
    }

    /// What comes out when `fragment` goes in.
    mutating func process(_ fragment: DecodedFragment) -> [DecodedFragment] {
        switch step {
        case .byteLevel where receivesWholePieces: return decodeBytes(fragment.text)
        case .fuse: return [continuation(fragment.text)]
        case .metaspace(let replacement, let keepsFirst):
            if fragment.startsPiece { pieceCount += 1 }
            let space: [UInt8] = pieceCount <= 1 && !keepsFirst ? [] : [0x20]
            let text = TextPattern.string(replacement).replacing(fragment.text, with: space)
            return [DecodedFragment(text: text, startsPiece: fragment.startsPiece)]
        case .strip(let character, let start, 0):
            if fragment.startsPiece { remainingCuts = start }
            return [DecodedFragment(text: cutStart(fragment.text, character), startsPiece: fragment.startsPiece)]
        case .byteFallback where receivesWholePieces:
            return decodeFallback(fragment.text)
        case .replace, .strip, .byteFallback, .byteLevel:
            if receivesWholePieces { return transformWhole(fragment.text) }
            // Fused text is one piece, which ends with the input only.
            pending += fragment.text
            return []
        }
    }

    /// What still comes out at the end of the input.
    mutating func finish() -> [DecodedFragment] {
        defer { pending = [] }
        switch step {
        // All pieces become one, even if there are none.
        case .fuse: return pieceCount == 0 ? [continuation([])] : []
        case .byteLevel where receivesWholePieces:
            return pending.isEmpty && pieceCount > 0 ? [] : [continuation(Self.repaired(pending[...]))]
        case .byteFallback where receivesWholePieces: return flushFallback()
        case .metaspace, .strip(_, _, 0): return []
        default: return receivesWholePieces ? [] : transformWhole(pending)
        }
    }

    /// Text that belongs to the single piece which this step makes of all pieces.
    private mutating func continuation(_ text: [UInt8]) -> DecodedFragment {
        defer { pieceCount = 1 }
        return DecodedFragment(text: text, startsPiece: pieceCount == 0)
    }

    private func transformWhole(_ text: [UInt8]) -> [DecodedFragment] {
        switch step {
        case .replace(let pattern, let replacement):
            return [DecodedFragment(text: pattern.replacing(text, with: replacement), startsPiece: true)]
        case .strip(let character, let start, let end):
            return [DecodedFragment(text: Self.strip(text, character, start, end), startsPiece: true)]
        case .byteLevel:
            var bytes: [UInt8] = []
            text.withUnsafeBufferPointer { ByteAlphabet.appendBytes(of: $0, to: &bytes) }
            return [DecodedFragment(text: Self.repaired(bytes[...]), startsPiece: true)]
        case .byteFallback:
            guard let byte = Self.byte(of: text) else {
                return [DecodedFragment(text: text, startsPiece: true)]
            }
            return [DecodedFragment(text: Self.repaired([byte][...]), startsPiece: true)]
        default:
            return [DecodedFragment(text: text, startsPiece: true)]
        }
    }
}

// MARK: - Bytes

extension DecoderStage {
    private mutating func decodeBytes(_ piece: [UInt8]) -> [DecodedFragment] {
        piece.withUnsafeBufferPointer { ByteAlphabet.appendBytes(of: $0, to: &pending) }
        let end = Self.completeEnd(pending)
        guard end > 0 else { return [] }
        defer { pending.removeFirst(end) }
        return [continuation(Self.repaired(pending[..<end]))]
    }

    /// Up to where no character is cut off that following bytes might complete.
    private static func completeEnd(_ bytes: [UInt8]) -> Int {
        for back in 1...4 where back <= bytes.count {
            let byte = bytes[bytes.count - back]
            if byte & 0xC0 == 0x80 { continue }
            let isCutOff = (0xC2...0xF4).contains(byte) && UTF8Scalar.length(byte) > back
            return isCutOff ? bytes.count - back : bytes.count
        }
        return bytes.count
    }

    /// The bytes with what is no UTF-8 replaced by U+FFFD.
    private static func repaired(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        Array(String(decoding: bytes, as: UTF8.self).utf8)
    }

    private mutating func decodeFallback(_ piece: [UInt8]) -> [DecodedFragment] {
        if let byte = Self.byte(of: piece) {
            // Whether these bytes are text is known only when the run of them ends.
            pending.append(byte)
            return []
        }
        return flushFallback() + [DecodedFragment(text: piece, startsPiece: true)]
    }

    private mutating func flushFallback() -> [DecodedFragment] {
        guard receivesWholePieces, !pending.isEmpty else { return [] }
        defer { pending = [] }
        if String(validating: pending, as: UTF8.self) != nil {
            return [DecodedFragment(text: pending, startsPiece: true)]
        }
        return pending.map { _ in DecodedFragment(text: [0xEF, 0xBF, 0xBD], startsPiece: true) }
    }

    /// The byte that a piece like `<0x0A>` stands for.
    static func byte(of piece: [UInt8]) -> UInt8? {
        guard piece.count == 6, piece.starts(with: "<0x".utf8), piece[5] == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: piece[3..<5], as: UTF8.self), radix: 16)
    }
}

// MARK: - Stripping

extension DecoderStage {
    private mutating func cutStart(_ text: [UInt8], _ character: [UInt8]) -> [UInt8] {
        var rest = text[...]
        while remainingCuts > 0, !rest.isEmpty {
            guard rest.starts(with: character) else {
                remainingCuts = 0
                break
            }
            rest.removeFirst(character.count)
            remainingCuts -= 1
        }
        return Array(rest)
    }

    static func strip(_ text: [UInt8], _ character: [UInt8], _ start: Int, _ end: Int) -> [UInt8] {
        var rest = text[...]
        for _ in 0..<min(start, text.count) where rest.starts(with: character) { rest.removeFirst(character.count) }
        for _ in 0..<min(end, text.count) where rest.suffix(character.count).elementsEqual(character) {
            rest.removeLast(character.count)
        }
        return Array(rest)
    }
}
