/// Which pairs of ids merge, in what order of preference, and into what: an open-addressing hash table.
struct MergeTable: Sendable {
    /// A merge: the lower the rank, the sooner it is applied.
    struct Merge {
        let rank: UInt32
        let id: Int32
    }

    private struct Slot {
        var pair: UInt64
        var rank: UInt32
        var id: Int32
    }

    /// No pair of ids, since ids are not negative.
    private static let free = UInt64.max
    private var slots: [Slot]
    private var count = 0

    init(expectedCount: Int = 0) {
        var capacity = 16
        while capacity < 2 * expectedCount { capacity *= 2 }
        slots = [Slot](repeating: Slot(pair: Self.free, rank: 0, id: 0), count: capacity)
    }

    /// Adds a merge; of equal pairs the last one wins.
    mutating func insert(_ left: Int32, _ right: Int32, rank: UInt32, id: Int32) {
        if 2 * (count + 1) > slots.count { grow() }
        let pair = Self.pair(left, right)
        let position = position(of: pair)
        if slots[position].pair == Self.free { count += 1 }
        slots[position] = Slot(pair: pair, rank: rank, id: id)
    }

    /// What two neighbours merge into, or nil where they stay apart.
    @inline(__always)
    func merge(_ left: Int32, _ right: Int32) -> Merge? {
        let pair = Self.pair(left, right)
        let slot = slots[position(of: pair)]
        return slot.pair == pair ? Merge(rank: slot.rank, id: slot.id) : nil
    }

    /// Calls `body` with the id that each merge makes, in no particular order.
    func forEachMergedID(_ body: (Int32) -> Void) {
        for slot in slots where slot.pair != Self.free { body(slot.id) }
    }

    @inline(__always)
    private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    @inline(__always)
    private func position(of pair: UInt64) -> Int {
        let mask = slots.count - 1
        var position = Int(truncatingIfNeeded: ByteHash.mix(pair)) & mask
        while slots[position].pair != pair, slots[position].pair != Self.free { position = (position + 1) & mask }
        return position
    }

    private mutating func grow() {
        let old = slots
        slots = [Slot](repeating: Slot(pair: Self.free, rank: 0, id: 0), count: 2 * old.count)
        for slot in old where slot.pair != Self.free { slots[position(of: slot.pair)] = slot }
    }
}
