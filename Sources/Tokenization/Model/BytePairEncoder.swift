/// Byte-pair encoding: splits a word into characters, then merges neighbours, the best-ranked pair first and the
/// leftmost of equals, until no pair merges.
///
/// Serves both byte-level vocabularies, whose characters stand for bytes, and SentencePiece-style ones, where characters
/// without a piece of their own fall back to the pieces `<0x00>` to `<0xFF>` or to the unknown token.
struct BytePairEncoder: Sendable {
    let vocabulary: Vocabulary
    let merges: MergeTable
    /// Whether a word that is itself a piece becomes that piece even where merges would not lead to it (Llama 3).
    let ignoresMerges: Bool
    /// The id of the unknown token, if the model has one.
    let unknownID: Int32?
    /// Whether a run of unknown characters becomes one unknown token.
    let fusesUnknown: Bool
    /// The ids of `<0x00>` to `<0xFF>` (-1 where missing), or nil where the model does not fall back to bytes.
    let byteIDs: [Int32]?
    /// Where words may be cut before merging; see `WordBoundaries`.
    let boundaries: WordBoundaries

    /// Appends the ids of a word, or of a whole text where there is no pre-tokenizer.
    func encode(_ word: UnsafeBufferPointer<UInt8>, into ids: inout [Int32], _ workspace: EncoderWorkspace) {
        if ignoresMerges, let id = vocabulary.id(of: word) {
            ids.append(id)
            return
        }
        var start = 0
        while let end = boundaries.next(after: start, in: word) {
            encodePart(UnsafeBufferPointer(rebasing: word[start..<end]), into: &ids, workspace)
            start = end
        }
        encodePart(UnsafeBufferPointer(rebasing: word[start...]), into: &ids, workspace)
    }

    private func encodePart(_ part: UnsafeBufferPointer<UInt8>, into ids: inout [Int32], _ workspace: EncoderWorkspace)
    {
        guard part.count <= WordCache.longestWord else {
            merge(part, into: &ids, workspace)
            return
        }
        guard let miss = workspace.cache.append(part, to: &ids) else { return }
        let start = ids.count
        merge(part, into: &ids, workspace)
        workspace.cache.insert(part, ids: ids[start...], at: miss)
    }

    private func merge(_ part: UnsafeBufferPointer<UInt8>, into ids: inout [Int32], _ workspace: EncoderWorkspace) {
        let symbols = workspace.symbols
        symbols.removeAll()
        splitIntoCharacters(part, into: symbols)
        if symbols.count <= SymbolList.largestScannedCount {
            symbols.mergeByScanning(merges)
        } else {
            symbols.mergeByHeap(merges)
        }
        symbols.append(to: &ids)
    }

    /// The order in which unknown tokens come out follows the Rust package: a pending one waits for a known character.
    private func splitIntoCharacters(_ word: UnsafeBufferPointer<UInt8>, into symbols: SymbolList) {
        var pendingUnknown = false
        var start = 0
        while start < word.count {
            let end = min(start + UTF8Scalar.length(word[start]), word.count)
            let character = UnsafeBufferPointer(rebasing: word[start..<end])
            start = end
            if let id = vocabulary.id(of: character) {
                if pendingUnknown, let unknownID { symbols.append(unknownID) }
                pendingUnknown = false
                symbols.append(id)
            } else if let byteIDs, character.allSatisfy({ byteIDs[Int($0)] >= 0 }) {
                for byte in character { symbols.append(byteIDs[Int(byte)]) }
            } else if let unknownID {
                if pendingUnknown, !fusesUnknown { symbols.append(unknownID) }
                pendingUnknown = true
            }
        }
        if pendingUnknown, let unknownID { symbols.append(unknownID) }
    }
}

/// What encoding needs besides the model. Reused from text to text, but never by two at a time, hence `@unchecked`.
final class EncoderWorkspace: @unchecked Sendable {
    var cache = WordCache()
    let symbols = SymbolList()
}

/// Where a text can be cut into parts that encode independently of one another.
///
/// SentencePiece-style models see a whole text as one word. Merges make pieces only, so where no piece that merges make
/// has `▁` after a given byte, no merge crosses that place and the text may be cut there: cutting keeps the result and
/// lets the cache and the fast path for short words serve these models too.
struct WordBoundaries: Sendable {
    private static let mark: [UInt8] = [0xE2, 0x96, 0x81]
    /// For each byte, whether a merge may cross from it to a following `▁`.
    private var canCross: [Bool]
    private let isActive: Bool

    /// Finds the boundaries of a model; `forEachMergedPiece` calls its argument with every piece that merges make.
    init(isActive: Bool, forEachMergedPiece: ((UnsafeBufferPointer<UInt8>) -> Void) -> Void) {
        var canCross = [Bool](repeating: false, count: 256)
        if isActive {
            forEachMergedPiece { piece in
                guard piece.count > Self.mark.count else { return }
                for start in 1...(piece.count - Self.mark.count) where Self.isMark(piece, start) {
                    canCross[Int(piece[start - 1])] = true
                }
            }
        }
        self.canCross = canCross
        self.isActive = isActive
    }

    private static func isMark(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) -> Bool {
        bytes[start] == mark[0] && bytes[start + 1] == mark[1] && bytes[start + 2] == mark[2]
    }

    /// The next place after `start` at which `text` may be cut, or nil.
    func next(after start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int? {
        guard isActive else { return nil }
        var position = start + 1
        let end = text.count - Self.mark.count
        while position <= end {
            if text[position] == 0xE2, text[position + 1] == 0x96, text[position + 2] == 0x81,
                !canCross[Int(text[position - 1])]
            {
                return position
            }
            position += 1
        }
        return nil
    }
}
