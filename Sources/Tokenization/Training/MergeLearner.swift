/// Byte-pair encoding's learning loop with incremental counts: a merge visits only the words that hold its pair.
///
/// A queue holds every pair with the count it had when it went in and the words where it was seen; counts only fall while
/// a pair waits, so one whose count is out of date goes back with the true one.
struct MergeLearner {
    /// The pieces in the order of their ids, spelled in the byte alphabet.
    private(set) var pieces: [[UInt8]] = []
    /// What was merged, in order. A pair comes again where a piece that two merges can make brings it about anew.
    private(set) var merges: [(left: Int32, right: Int32)] = []

    private var ids = Vocabulary()
    /// The symbols of all words, word after word; merged words leave a gap behind them.
    private var symbols: [Int32] = []
    private var starts: [Int] = []
    private var lengths: [Int] = []
    private let wordCounts: [Int]
    private var pairCounts: [UInt64: Int] = [:]
    private var queue = PairQueue()

    init(_ words: WordCounts) {
        wordCounts = words.counts
        for character in ByteAlphabet.sortedCharacters { _ = insert(Array(String(character).utf8)) }
        for word in wordCounts.indices {
            starts.append(symbols.count)
            _ = words.words.withPiece(Int32(word)) { bytes in
                var start = 0
                while start < bytes.count {
                    let end = min(start + UTF8Scalar.length(bytes[start]), bytes.count)
                    if let id = ids.id(of: UnsafeBufferPointer(rebasing: bytes[start..<end])) { symbols.append(id) }
                    start = end
                }
            }
            lengths.append(symbols.count - starts[word])
        }
        countPairs()
    }

    private mutating func countPairs() {
        var places: [UInt64: [Int32]] = [:]
        for word in wordCounts.indices where lengths[word] > 1 {
            for position in starts[word]..<starts[word] + lengths[word] - 1 {
                let pair = Self.pair(symbols[position], symbols[position + 1])
                pairCounts[pair, default: 0] += wordCounts[word]
                Self.note(Int32(word), at: pair, in: &places)
            }
        }
        push(places)
    }

    /// Merges the most frequent pair, of equals that with the lowest ids; false if none is frequent enough.
    mutating func merge(minimumFrequency: Int) -> Bool {
        while let top = queue.pop() {
            let count = pairCounts[top.pair, default: 0]
            if count != top.count {
                queue.push(.init(count: count, pair: top.pair, words: top.words))
                continue
            }
            guard count >= max(minimumFrequency, 1) else { return false }
            let (left, right) = (Int32(top.pair >> 32), Int32(top.pair & 0xFFFF_FFFF))
            let merged = insert(pieces[Int(left)] + pieces[Int(right)])
            merges.append((left, right))
            var places: [UInt64: [Int32]] = [:]
            for word in top.words { replace(left, right, by: merged, in: word, &places) }
            push(places)
            return true
        }
        return false
    }

    private mutating func replace(
        _ left: Int32, _ right: Int32, by merged: Int32, in word: Int32, _ places: inout [UInt64: [Int32]]
    ) {
        let start = starts[Int(word)], end = start + lengths[Int(word)], count = wordCounts[Int(word)]
        var read = start, write = start
        while read < end {
            guard symbols[read] == left, read + 1 < end, symbols[read + 1] == right else {
                symbols[write] = symbols[read]
                write += 1
                read += 1
                continue
            }
            if write > start {
                let before = symbols[write - 1]
                pairCounts[Self.pair(before, left), default: 0] -= count
                pairCounts[Self.pair(before, merged), default: 0] += count
                Self.note(word, at: Self.pair(before, merged), in: &places)
            }
            symbols[write] = merged
            write += 1
            read += 2
            if read < end {
                let after = symbols[read]
                pairCounts[Self.pair(right, after), default: 0] -= count
                pairCounts[Self.pair(merged, after), default: 0] += count
                Self.note(word, at: Self.pair(merged, after), in: &places)
            }
        }
        lengths[Int(word)] = write - start
    }

    /// The id of a piece, which is new unless other merges have made it before.
    private mutating func insert(_ piece: [UInt8]) -> Int32 {
        if let known = piece.withUnsafeBufferPointer({ ids.id(of: $0) }) { return known }
        let id = Int32(pieces.count)
        piece.withUnsafeBufferPointer { ids.insert($0, id: id) }
        pieces.append(piece)
        return id
    }

    private mutating func push(_ places: [UInt64: [Int32]]) {
        for (pair, words) in places {
            let count = pairCounts[pair, default: 0]
            if count > 0 { queue.push(.init(count: count, pair: pair, words: words)) }
        }
    }

    /// Remembers that a word holds a pair; words come one after the other, so the last one tells whether it is known.
    private static func note(_ word: Int32, at pair: UInt64, in places: inout [UInt64: [Int32]]) {
        if places[pair]?.last != word { places[pair, default: []].append(word) }
    }

    private static func pair(_ left: Int32, _ right: Int32) -> UInt64 { UInt64(left) << 32 | UInt64(right) }
}

/// A heap of pairs: the most frequent first, of equally frequent ones that with the lowest ids.
struct PairQueue {
    struct Entry {
        let count: Int
        let pair: UInt64
        /// The words in which the pair was seen.
        let words: [Int32]

        func isBefore(_ other: Entry) -> Bool { count != other.count ? count > other.count : pair < other.pair }
    }

    private var entries: [Entry] = []

    mutating func push(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].isBefore(entries[parent]) else { break }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> Entry? {
        guard let top = entries.first, let last = entries.popLast() else { return nil }
        guard !entries.isEmpty else { return top }
        entries[0] = last
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < entries.count else { break }
            if child + 1 < entries.count, entries[child + 1].isBefore(entries[child]) { child += 1 }
            guard entries[child].isBefore(entries[parent]) else { break }
            entries.swapAt(child, parent)
            parent = child
        }
        return top
    }
}
