/// The tokens of a text with the places where they end in it.
public struct PlacedTokens: Sendable, Equatable {
    /// The ids, those of special tokens around the text included.
    public let ids: [Int32]
    /// For each token, how many bytes of the text's UTF-8 it and all before it stand for. Never falls; a byte-level token may
    /// end within a character.
    public let byteEnds: [Int]
    /// The tokens of the text itself, without the special ones put around it.
    public let textTokens: Range<Int>
}

extension Tokenizer {
    /// The ids of a text, as ``encode(_:addSpecialTokens:)`` gives them, with the byte at which each ends.
    ///
    /// - Throws: `TokenizerError` if normalization changes the text, for then its tokens stand for another one.
    public func encodeWithPlaces(_ text: String, addSpecialTokens: Bool = true) throws -> PlacedTokens {
        let (ids, stretches) = stretches(of: text)
        let bytes = Array(text.utf8)
        var ends: [Int] = []
        ends.reserveCapacity(ids.count)
        var byte = 0
        for stretch in stretches {
            if stretch.isAddedToken {
                ends.append(stretch.byteEnd)
            } else {
                var lengths = byteLengths(of: Array(ids[ends.count..<stretch.tokenEnd]))
                let total = lengths.reduce(0, +)
                // Some tokenizers put a space before a text, which is none of its bytes.
                if total == stretch.byteEnd - byte + 1, byte == 0 || bytes[byte] != 0x20 { lengths[0] -= 1 }
                guard lengths.reduce(0, +) == stretch.byteEnd - byte else {
                    throw TokenizerError(
                        source: "the text \(String(text.prefix(40)).debugDescription)",
                        reason:
                            "normalization changes it, so its tokens have no places in it; write it in composed form (NFC)"
                    )
                }
                var end = byte
                for length in lengths {
                    end += length
                    ends.append(end)
                }
            }
            byte = stretch.byteEnd
        }
        guard addSpecialTokens else { return PlacedTokens(ids: ids, byteEnds: ends, textTokens: 0..<ids.count) }
        let (prefix, suffix) = (postProcessor.prefix, postProcessor.suffix)
        return PlacedTokens(
            ids: prefix + ids + suffix,
            byteEnds: prefix.map { _ in 0 } + ends + suffix.map { _ in bytes.count },
            textTokens: prefix.count..<prefix.count + ids.count)
    }

    /// The bytes of text that each token stands for, taken by itself: those that a byte-level piece spells, or the UTF-8 of
    /// an added token. Unknown ids stand for none.
    public func byteLengths(of ids: [Int32]) -> [Int] {
        let isByteLevel = decoderSteps?.contains { if case .byteLevel = $0 { true } else { false } } ?? false
        let fallsBack = decoderSteps?.contains { if case .byteFallback = $0 { true } else { false } } ?? false
        // SentencePiece's visible space, three bytes in place of one.
        func length(_ piece: some Collection<UInt8>) -> Int {
            piece.count - 2 * String(decoding: piece, as: UTF8.self).unicodeScalars.count { $0 == "▁" }
        }
        return ids.map { id in
            if let content = addedTokens.tokens[id]?.content.utf8 {
                return isByteLevel ? content.count : length(Array(content))
            }
            return model.vocabulary.withPiece(id) { piece in
                if isByteLevel {
                    var bytes: [UInt8] = []
                    ByteAlphabet.appendBytes(of: piece, to: &bytes)
                    return bytes.count
                }
                if fallsBack, piece.count == 6, piece.starts(with: "<0x".utf8) { return 1 }
                return length(piece)
            } ?? 0
        }
    }
}
