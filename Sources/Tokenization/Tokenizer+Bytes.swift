extension Tokenizer {
    /// The bytes that a token stands for: those that a byte-level piece spells, the one byte of a piece such as `<0xE2>` where the
    /// decoder knows these, and otherwise the piece's UTF-8 as the decoder changes it (spaces in place of SentencePiece's marks).
    ///
    /// Several tokens may share a character; then these bytes are no valid UTF-8. Those of all tokens of a text, one after another,
    /// are the UTF-8 of what ``decode(_:skipSpecialTokens:)`` gives for the same tokens, but for bytes that are no text and for
    /// what a decoder cuts off the end.
    ///
    /// - Parameter isFirst: Whether this is the first token of its text, or the first that is not left out. Some decoders take a
    ///   space away there, or put one before all others.
    /// - Returns: nil where no token has this id.
    public func bytes(of id: Int32, isFirst: Bool = false) -> [UInt8]? {
        guard var bytes = piece(id, skippingSpecial: false) else { return nil }
        // Without a decoder, pieces are joined by spaces.
        guard let decoderSteps else { return isFirst ? bytes : [0x20] + bytes }
        var isFused = false
        for step in decoderSteps {
            switch step {
            case .byteLevel:
                var spelled: [UInt8] = []
                bytes.withUnsafeBufferPointer { ByteAlphabet.appendBytes(of: $0, to: &spelled) }
                // What comes after works on text, which a part of a character is not.
                return spelled
            case .byteFallback:
                if let byte = DecoderStage.byte(of: bytes) { return [byte] }
            case .replace(let pattern, let replacement): bytes = pattern.replacing(bytes, with: replacement)
            case .metaspace(let mark, let keepsFirst):
                let space: [UInt8] = isFirst && !keepsFirst ? [] : [0x20]
                bytes = TextPattern.string(mark).replacing(bytes, with: space)
            case .fuse: isFused = true
            case .strip(let character, let start, let end):
                // Of fused pieces, only the ends of the whole text are cut.
                let (start, end) = isFused ? (isFirst ? start : 0, 0) : (start, end)
                bytes = DecoderStage.strip(bytes, character, start, end)
            }
        }
        return bytes
    }
}
