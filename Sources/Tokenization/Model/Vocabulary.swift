/// The pieces of a model with their ids: an open-addressing hash table over one arena of bytes.
///
/// Pieces are bytes, never `String`: Swift strings that are canonically equivalent are equal, and would merge pieces
/// that differ, besides costing an allocation each.
struct Vocabulary: Sendable {
    /// Ids beyond this are refused, so that a damaged file cannot ask for gigabytes.
    static let largestID: Int32 = 1 << 24

    private var arena: [UInt8] = []
    private var entries: [Entry] = []
    /// Positions in `entries`, or -1; a power of two in number.
    private var slots: [Int32]
    /// For each id, the position of its entry, or -1.
    private var entryOfID: [Int32] = []
    private let hash = ByteHash()

    private struct Entry {
        let start: Int
        let count: Int32
        var id: Int32
        let hash: UInt32
    }

    init(expectedCount: Int = 0) {
        var capacity = 16
        while capacity < 2 * expectedCount { capacity *= 2 }
        slots = [Int32](repeating: -1, count: capacity)
        entries.reserveCapacity(expectedCount)
        arena.reserveCapacity(8 * expectedCount)
        entryOfID.reserveCapacity(expectedCount)
    }

    /// How many pieces there are.
    var count: Int { entries.count }

    /// One more than the highest id.
    var size: Int { entryOfID.count }

    /// Adds a piece; of equal pieces the last id wins. The id must lie in `0...largestID`.
    mutating func insert(_ piece: UnsafeBufferPointer<UInt8>, id: Int32) {
        precondition(0 <= id && id <= Self.largestID, "the id lies outside the vocabulary's range")
        if 2 * (entries.count + 1) > slots.count { grow() }
        let hash = UInt32(truncatingIfNeeded: self.hash(piece))
        let slot = self.slot(of: piece, hash: hash)
        let position: Int32
        if slots[slot] >= 0 {
            position = slots[slot]
            entries[Int(position)].id = id
        } else {
            position = Int32(entries.count)
            entries.append(Entry(start: arena.count, count: Int32(piece.count), id: id, hash: hash))
            arena.append(contentsOf: piece)
            slots[slot] = position
        }
        while entryOfID.count <= Int(id) { entryOfID.append(-1) }
        entryOfID[Int(id)] = position
    }

    /// The id of a piece, or nil.
    func id(of piece: UnsafeBufferPointer<UInt8>) -> Int32? {
        let position = slots[slot(of: piece, hash: UInt32(truncatingIfNeeded: hash(piece)))]
        return position < 0 ? nil : entries[Int(position)].id
    }

    /// The id of a piece, or nil.
    func id(of piece: String) -> Int32? {
        var piece = piece
        return piece.withUTF8 { id(of: $0) }
    }

    /// Calls `body` with the bytes of the piece that has this id; nil where there is none.
    func withPiece<Result>(_ id: Int32, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result? {
        guard id >= 0, id < entryOfID.count, entryOfID[Int(id)] >= 0 else { return nil }
        let entry = entries[Int(entryOfID[Int(id)])]
        return arena.withUnsafeBufferPointer {
            body(UnsafeBufferPointer(rebasing: $0[entry.start..<entry.start + Int(entry.count)]))
        }
    }

    /// The slot that holds the piece, or the free one where it would go.
    private func slot(of piece: UnsafeBufferPointer<UInt8>, hash: UInt32) -> Int {
        let mask = slots.count - 1
        var slot = Int(hash) & mask
        while slots[slot] >= 0 {
            let entry = entries[Int(slots[slot])]
            if entry.hash == hash, Int(entry.count) == piece.count, isEqual(entry, piece) { return slot }
            slot = (slot + 1) & mask
        }
        return slot
    }

    private func isEqual(_ entry: Entry, _ piece: UnsafeBufferPointer<UInt8>) -> Bool {
        arena.withUnsafeBufferPointer { $0[entry.start..<entry.start + piece.count].elementsEqual(piece) }
    }

    private mutating func grow() {
        let mask = slots.count * 2 - 1
        slots = [Int32](repeating: -1, count: mask + 1)
        for (position, entry) in entries.enumerated() {
            var slot = Int(entry.hash) & mask
            while slots[slot] >= 0 { slot = (slot + 1) & mask }
            slots[slot] = Int32(position)
        }
    }
}
