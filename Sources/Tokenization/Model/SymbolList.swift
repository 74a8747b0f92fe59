/// A word in the course of merging: ids in a doubly linked list laid out in arrays.
///
/// Arrays only grow and are reused from word to word, so merging allocates nothing.
final class SymbolList {
    /// Up to here, looking at all pairs for the best one beats keeping a heap.
    static let largestScannedCount = 24
    private static let noMerge = UInt32.max

    /// -1 marks a symbol merged into the one before it.
    private var ids: [Int32] = []
    private var previous: [Int32] = []
    private var next: [Int32] = []
    /// For each symbol, the rank at which it merges with the next one, or `noMerge`, and what they become.
    private var ranks: [UInt32] = []
    private var mergedIDs: [Int32] = []
    /// Pairs to merge: rank in the upper half, position in the lower, so the order is that of merging.
    private var heap: [UInt64] = []

    var count: Int { ids.count }

    func removeAll() {
        ids.removeAll(keepingCapacity: true)
    }

    func append(_ id: Int32) {
        ids.append(id)
    }

    /// Appends what is left after merging.
    func append(to output: inout [Int32]) {
        for id in ids where id >= 0 { output.append(id) }
    }

    /// Merges in time quadratic in the number of symbols, with small constants: closing the gaps keeps pairs adjacent.
    func mergeByScanning(_ merges: MergeTable) {
        var count = ids.count
        guard count > 1 else { return }
        reserve(count)
        for position in 0..<count - 1 { update(position, position + 1, merges) }
        while count > 1 {
            var best = 0
            for position in 1..<count - 1 where ranks[position] < ranks[best] { best = position }
            guard ranks[best] != Self.noMerge else { break }
            ids[best] = mergedIDs[best]
            count -= 1
            for position in best + 1..<max(count, best + 1) {
                ids[position] = ids[position + 1]
                ranks[position] = ranks[position + 1]
                mergedIDs[position] = mergedIDs[position + 1]
            }
            if best > 0 { update(best - 1, best, merges) }
            if best < count - 1 { update(best, best + 1, merges) }
        }
        ids.removeLast(ids.count - count)
    }

    /// Merges in O(n log n), for words of any length.
    func mergeByHeap(_ merges: MergeTable) {
        let count = ids.count
        guard count > 1 else { return }
        reserve(count)
        previous.removeAll(keepingCapacity: true)
        next.removeAll(keepingCapacity: true)
        heap.removeAll(keepingCapacity: true)
        for position in 0..<count {
            previous.append(Int32(position - 1))
            next.append(position + 1 < count ? Int32(position + 1) : -1)
        }
        for position in 0..<count - 1 {
            update(position, position + 1, merges)
            if ranks[position] != Self.noMerge { heap.append(key(position)) }
        }
        heap.sort()  // a sorted array is a heap
        while let top = pop() {
            let position = Int(top & 0xFFFF_FFFF)
            // A rank belongs to one pair, so an entry is out of date unless the pair still has its rank.
            guard ids[position] >= 0, ranks[position] == UInt32(top >> 32) else { continue }
            let right = Int(next[position])
            ids[position] = mergedIDs[position]
            ids[right] = -1
            let following = next[right]
            next[position] = following
            if following >= 0 {
                previous[Int(following)] = Int32(position)
                update(position, Int(following), merges)
                if ranks[position] != Self.noMerge { push(key(position)) }
            } else {
                ranks[position] = Self.noMerge
            }
            if previous[position] >= 0 {
                let left = Int(previous[position])
                update(left, position, merges)
                if ranks[left] != Self.noMerge { push(key(left)) }
            }
        }
    }

    private func reserve(_ count: Int) {
        while ranks.count < count {
            ranks.append(Self.noMerge)
            mergedIDs.append(0)
        }
        ranks[count - 1] = Self.noMerge
    }

    @inline(__always)
    private func update(_ left: Int, _ right: Int, _ merges: MergeTable) {
        if let merge = merges.merge(ids[left], ids[right]) {
            ranks[left] = merge.rank
            mergedIDs[left] = merge.id
        } else {
            ranks[left] = Self.noMerge
        }
    }

    @inline(__always)
    private func key(_ position: Int) -> UInt64 {
        UInt64(ranks[position]) << 32 | UInt64(position)
    }

    private func push(_ key: UInt64) {
        heap.append(key)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if heap[parent] <= key { break }
            heap[child] = heap[parent]
            child = parent
        }
        heap[child] = key
    }

    private func pop() -> UInt64? {
        guard let top = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return top }
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
            if last <= heap[child] { break }
            heap[parent] = heap[child]
            parent = child
        }
        heap[parent] = last
        return top
    }
}
