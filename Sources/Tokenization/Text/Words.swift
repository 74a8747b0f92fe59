/// A text in the course of being split: one buffer, and the ranges in it that are words so far.
struct Words {
    /// A stretch of a word being split.
    struct Part {
        let range: Range<Int>
        let isMatch: Bool
    }

    private(set) var bytes: [UInt8]
    private(set) var ranges: [Range<Int>]
    /// For each of the first words, which begin where the original text does: how many of its bytes stand for the text's first
    /// character, or were put before it. Metaspace's scheme `first` asks.
    private var origins: [Int]

    /// Makes one word of a text.
    ///
    /// - Parameter origin: How many of the bytes stand for the first character of the original text; nil where the text begins
    ///   later.
    init(_ bytes: [UInt8], origin: Int?) {
        self.bytes = bytes
        ranges = bytes.isEmpty ? [] : [0..<bytes.count]
        origins = bytes.isEmpty ? [] : origin.map { [$0] } ?? []
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
        var newOrigins: [Int] = []
        bytes.withUnsafeBufferPointer { bytes in
            for (position, range) in ranges.enumerated() {
                let firstNew = newRanges.count
                Self.split(bytes, range, behavior, inverted: inverted, into: &newRanges, forEachMatch)
                guard position < origins.count else { continue }
                let originEnd = range.lowerBound + origins[position]
                for part in newRanges[firstNew...] {
                    guard part.lowerBound < originEnd else { break }
                    newOrigins.append(min(originEnd, part.upperBound) - part.lowerBound)
                }
            }
        }
        ranges = newRanges
        origins = newOrigins
    }

    private static func split(
        _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ behavior: SplitBehavior,
        inverted: Bool,
        into newRanges: inout [Range<Int>],
        _ forEachMatch: (UnsafeBufferPointer<UInt8>, (Int, Int) -> Void) -> Void
    ) {
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
            return
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
    mutating func rewrite(_ transform: (_ word: NormalizedText) -> NormalizedText?) {
        var newBytes: [UInt8] = []
        var newRanges: [Range<Int>] = []
        var newOrigins: [Int] = []
        newBytes.reserveCapacity(bytes.count + ranges.count)
        newRanges.reserveCapacity(ranges.count)
        for (position, range) in ranges.enumerated() {
            let word = NormalizedText(
                Array(bytes[range]), origin: position < origins.count ? origins[position] : nil)
            let start = newBytes.count
            let transformed = transform(word) ?? word
            newBytes.append(contentsOf: transformed.bytes)
            guard start < newBytes.count else { continue }
            newRanges.append(start..<newBytes.count)
            if let origin = transformed.origin { newOrigins.append(origin) }
        }
        bytes = newBytes
        ranges = newRanges
        origins = newOrigins
    }

    /// Cuts every word into pieces of so many characters.
    mutating func cut(everyCharacters length: Int) {
        split(.isolated) { text, body in
            var start = 0
            var position = 0
            var count = 0
            while position < text.count {
                position += UTF8Scalar.length(text[position])
                count += 1
                if count == length || position >= text.count {
                    body(start, min(position, text.count))
                    start = position
                    count = 0
                }
            }
        }
    }

    /// Spells every byte of every word in the character that stands for it.
    mutating func spellBytes() {
        var newRanges: [Range<Int>] = []
        newRanges.reserveCapacity(ranges.count)
        let old = bytes
        let (oldRanges, oldOrigins) = (ranges, origins)
        bytes = [UInt8](unsafeUninitializedCapacity: 2 * old.count) { output, count in
            for range in oldRanges {
                let start = count
                for byte in old[range] { ByteAlphabet.append(byte, to: output, &count) }
                newRanges.append(start..<count)
            }
        }
        ranges = newRanges
        origins = zip(oldRanges, oldOrigins).map { range, origin in
            old[range.lowerBound..<range.lowerBound + origin].reduce(0) {
                $0 + ByteAlphabet.length(of: $1)
            }
        }
    }
}
