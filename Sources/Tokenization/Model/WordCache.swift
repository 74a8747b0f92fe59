/// Remembers the ids of words already encoded, since a few thousand words make up most of any text.
///
/// When it is full it starts afresh: the frequent words come back at once.
struct WordCache {
    /// Longer words are rare, and not worth their place.
    static let longestWord = 48
    private static let slotCount = 1 << 16
    private static let capacity = slotCount / 2

    private struct Slot {
        var hash: UInt64 = 0
        var wordStart: UInt32 = 0
        var idsStart: UInt32 = 0
        var wordCount: UInt16 = 0
        var idsCount: UInt16 = 0
    }

    private var slots = [Slot](repeating: Slot(), count: slotCount)
    private var words: [UInt8] = []
    private var ids: [Int32] = []
    private var count = 0
    private let hash = ByteHash()

    /// Appends the ids of `word` if it is known. Otherwise returns the token for `insert`.
    @inline(__always)
    func append(_ word: UnsafeBufferPointer<UInt8>, to output: inout [Int32]) -> Miss? {
        let hash = self.hash(word)
        var position = Int(truncatingIfNeeded: hash) & (Self.slotCount - 1)
        while slots[position].idsCount > 0 {
            let slot = slots[position]
            if slot.hash == hash, Int(slot.wordCount) == word.count, isEqual(slot, word) {
                let start = Int(slot.idsStart)
                for offset in 0..<Int(slot.idsCount) { output.append(ids[start + offset]) }
                return nil
            }
            position = (position + 1) & (Self.slotCount - 1)
        }
        return Miss(hash: hash, position: position)
    }

    /// Where a word that was looked up in vain belongs.
    struct Miss {
        fileprivate let hash: UInt64
        fileprivate let position: Int
    }

    /// Remembers a word right after `append` missed it. Words without ids are not remembered.
    mutating func insert(_ word: UnsafeBufferPointer<UInt8>, ids newIDs: ArraySlice<Int32>, at miss: Miss) {
        guard !newIDs.isEmpty else { return }
        if count == Self.capacity {
            // The place that was found is lost with the rest; the word's next occurrence will find another.
            slots = [Slot](repeating: Slot(), count: Self.slotCount)
            words.removeAll(keepingCapacity: true)
            ids.removeAll(keepingCapacity: true)
            count = 0
            return
        }
        slots[miss.position] = Slot(
            hash: miss.hash, wordStart: UInt32(words.count), idsStart: UInt32(ids.count),
            wordCount: UInt16(word.count), idsCount: UInt16(newIDs.count))
        words.append(contentsOf: word)
        ids.append(contentsOf: newIDs)
        count += 1
    }

    @inline(__always)
    private func isEqual(_ slot: Slot, _ word: UnsafeBufferPointer<UInt8>) -> Bool {
        let start = Int(slot.wordStart)
        return words.withUnsafeBufferPointer { words in
            for offset in 0..<word.count where words[start + offset] != word[offset] { return false }
            return true
        }
    }
}
