/// A text in the course of being split: one buffer, and the ranges in it that are words so far.
struct Words {
    /// A stretch of a word being split.
    struct Part {
        let range: Range<Int>
        let isMatch: Bool
    }

    private(set) var bytes: [UInt8]
    private(set) var ranges: [Range<Int>]
    /// Whether the first word begins where the whole text does, which Metaspace's scheme `first` asks.
    private var firstIsAtStart: Bool

    init(_ bytes: [UInt8], isAtStart: Bool) {
        self.bytes = bytes
        ranges = bytes.isEmpty ? [] : [0..<bytes.count]
        firstIsAtStart = isAtStart
    }

    /// Calls `body` with the bytes of each word.
    func forEach(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        bytes.withUnsafeBufferPointer { bytes in
            for range in ranges { body(UnsafeBufferPointer(rebasing: bytes[range])) }
        }
    }

    /// Splits every word at the matches that `forEachMatch` finds in it. Empty words vanish.
    mutating func split(
        _ behavior: SplitBehavior, inverted: Bool = false,
        _ forEachMatch: (UnsafeBufferPointer<UInt8>, (Int, Int) -> Void) -> Void
    ) {
        var newRanges: [Range<Int>] = []
        newRanges.reserveCapacity(bytes.count / 4)
        bytes.withUnsafeBufferPointer { bytes in
            for range in ranges {
                let text = UnsafeBufferPointer(rebasing: bytes[range])
                let base = range.lowerBound
                var end = 0
                if behavior == .isolated {
                    // By far the most common, so without the detour over parts.
                    forEachMatch(text) { matchStart, matchEnd in
                        if end < matchStart { newRanges.append(base + end..<base + matchStart) }
                        if matchStart < matchEnd { newRanges.append(base + matchStart..<base + matchEnd) }
                        end = matchEnd
                    }
                    if end < text.count { newRanges.append(base + end..<base + text.count) }
                    continue
                }
                var parts: [Part] = []
                forEachMatch(text) { matchStart, matchEnd in
                    if end < matchStart { parts.append(Part(range: end..<matchStart, isMatch: inverted)) }
                    parts.append(Part(range: matchStart..<matchEnd, isMatch: !inverted))
                    end = matchEnd
                }
                if end < text.count { parts.append(Part(range: end..<text.count, isMatch: inverted)) }
                for part in behavior.combine(parts) where !part.range.isEmpty {
                    newRanges.append(base + part.range.lowerBound..<base + part.range.upperBound)
                }
            }
        }
        if newRanges.first?.lowerBound != ranges.first?.lowerBound { firstIsAtStart = false }
        ranges = newRanges
    }

    /// Splits every word at the characters for which `isMatch` holds.
    mutating func split(_ behavior: SplitBehavior, onCharacters isMatch: (Unicode.Scalar) -> Bool) {
        split(behavior) { text, body in
            var position = 0
            while position < text.count {
                let (scalar, end) = UTF8Scalar.decode(text, at: position)
                if isMatch(scalar) { body(position, end) }
                position = end
            }
        }
    }

    /// Replaces every word by what `transform` makes of it, or leaves it where that is nil.
    mutating func rewrite(_ transform: (_ word: [UInt8], _ isFirstInText: Bool) -> [UInt8]?) {
        var newBytes: [UInt8] = []
        var newRanges: [Range<Int>] = []
        newBytes.reserveCapacity(bytes.count + ranges.count)
        newRanges.reserveCapacity(ranges.count)
        for (position, range) in ranges.enumerated() {
            let word = Array(bytes[range])
            let start = newBytes.count
            newBytes.append(contentsOf: transform(word, position == 0 && firstIsAtStart) ?? word)
            if start < newBytes.count { newRanges.append(start..<newBytes.count) }
        }
        bytes = newBytes
        ranges = newRanges
    }

    /// Spells every byte of every word in the character that stands for it.
    mutating func spellBytes() {
        var newRanges: [Range<Int>] = []
        newRanges.reserveCapacity(ranges.count)
        let old = bytes
        bytes = [UInt8](unsafeUninitializedCapacity: 2 * old.count) { output, count in
            for range in ranges {
                let start = count
                for byte in old[range] { ByteAlphabet.append(byte, to: output, &count) }
                newRanges.append(start..<count)
            }
        }
        ranges = newRanges
    }
}
