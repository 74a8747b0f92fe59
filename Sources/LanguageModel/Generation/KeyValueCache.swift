import Tensors

/// Keys and values of every block, in rows that are handed out in runs. A finished leaf gives its run back.
///
/// Rows are addresses first: many more than will be used are reserved, and take memory page by page as they are written, so a cache
/// grows without moving what it holds. Free runs keep their pages for those that come next, until what may be in memory reaches
/// `limit`; then they go back to the system.
final class KeyValueCache {
    /// [capacity, keyValueHeads · headWidth] per block, float32.
    private(set) var keys: [Tensor] = []
    private(set) var values: [Tensor] = []
    private(set) var capacity = 0
    /// Rows that may be in memory, beside an eighth more; nil for any number.
    private let limit: Int?
    private let width: Int
    private let blockCount: Int
    /// Free runs, sorted, never adjacent.
    private var free: [Range<Int>] = []
    /// Rows that are handed out, and those that may be in memory.
    private var used = 0, resident = 0

    /// Addresses for each row that will be used: what is given back leaves gaps that longer runs do not fit into.
    private static let spareFactor = 8

    /// - Parameters:
    ///   - capacity: rows that will be used, as far as is known.
    ///   - limit: rows that may be in memory; whoever takes rows sees to it that no more are in use.
    init(_ configuration: DecoderConfiguration, capacity: Int, limit: Int? = nil) {
        self.limit = limit
        width = configuration.keyValueHeadCount * configuration.headWidth
        blockCount = configuration.blockCount
        if let limit {
            reserve(KeyValueCache.spareFactor * max(limit, capacity), atLeast: min(limit, 256))
        } else if capacity > 0 {
            // What is known to be enough is memory that is used again, pages and all.
            extend(to: capacity) { Tensor(uninitialized: $0, .float32) }
        }
    }

    /// A run of `count` rows; the cache grows if it has none.
    func take(_ count: Int) -> Range<Int> {
        guard count > 0 else { return 0..<0 }
        guard let index = free.firstIndex(where: { $0.count >= count }) else {
            reserve(KeyValueCache.spareFactor * (capacity + count), atLeast: capacity + count)
            return take(count)
        }
        let run = free[index], taken = run.lowerBound..<run.lowerBound + count
        if run.count == count { free.remove(at: index) } else { free[index] = taken.upperBound..<run.upperBound }
        used += count
        resident += count
        if let limit, resident > limit + limit / 8 { forget() }
        return taken
    }

    /// Gives a run back.
    func give(_ run: Range<Int>) {
        guard !run.isEmpty else { return }
        used -= run.count
        insert(run)
    }

    private func insert(_ run: Range<Int>) {
        let index = free.firstIndex { $0.lowerBound > run.lowerBound } ?? free.count
        free.insert(run, at: index)
        if index + 1 < free.count, free[index].upperBound == free[index + 1].lowerBound {
            free[index] = free[index].lowerBound..<free[index + 1].upperBound
            free.remove(at: index + 1)
        }
        if index > 0, free[index - 1].upperBound == free[index].lowerBound {
            free[index - 1] = free[index - 1].lowerBound..<free[index].upperBound
            free.remove(at: index)
        }
    }

    /// Gives the memory of free runs back to the system.
    private func forget() {
        for tensor in keys + values { for run in free { tensor.forget(rows: run) } }
        resident = used
    }

    // MARK: Growing

    /// Addresses for so many rows. Where the system has none to spare, memory for those that are needed, and half as many again as
    /// there were.
    private func reserve(_ rows: Int, atLeast needed: Int) {
        var all: [Tensor] = []
        while all.count < 2 * blockCount, let tensor = Tensor(reserving: [rows, width]) { all.append(tensor) }
        if all.count == 2 * blockCount { return extend(to: rows) { _ in all.removeLast() } }
        all = []
        extend(to: max(needed, capacity + capacity / 2)) { Tensor(uninitialized: $0, .float32) }
    }

    /// Moves what there is into larger tensors.
    private func extend(to rows: Int, _ make: ([Int]) -> Tensor) {
        let tape = Tape(recording: false)
        func larger(_ old: Tensor?) -> Tensor {
            let new = make([rows, width])
            if let old { tape.store(old, in: new, rows: [0..<capacity]) }
            return new
        }
        keys = (0..<blockCount).map { larger(capacity > 0 ? keys[$0] : nil) }
        values = (0..<blockCount).map { larger(capacity > 0 ? values[$0] : nil) }
        if rows > capacity { insert(capacity..<rows) }
        capacity = rows
    }
}
