import Tensors

/// Keys and values of every block, in rows that are handed out in runs. A finished leaf gives its run back.
final class KeyValueCache {
    /// [capacity, keyValueHeads · headWidth] per block, float32.
    private(set) var keys: [Tensor]
    private(set) var values: [Tensor]
    private(set) var capacity: Int
    private let width: Int
    /// Free runs, sorted, never adjacent.
    private var free: [Range<Int>]

    init(_ configuration: DecoderConfiguration, capacity: Int) {
        self.capacity = capacity
        width = configuration.keyValueHeadCount * configuration.headWidth
        // Rows are written before they are read; until then they need not exist.
        func rows() -> Tensor {
            Tensor(uninitialized: [capacity, configuration.keyValueHeadCount * configuration.headWidth], .float32)
        }
        keys = (0..<configuration.blockCount).map { _ in rows() }
        values = (0..<configuration.blockCount).map { _ in rows() }
        free = capacity > 0 ? [0..<capacity] : []
    }

    /// A run of `count` rows; the cache grows if it has none.
    func take(_ count: Int) -> Range<Int> {
        guard count > 0 else { return 0..<0 }
        if let index = free.firstIndex(where: { $0.count >= count }) {
            let run = free[index]
            let taken = run.lowerBound..<run.lowerBound + count
            if run.count == count { free.remove(at: index) } else { free[index] = taken.upperBound..<run.upperBound }
            return taken
        }
        grow(by: max(count, capacity / 2))
        return take(count)
    }

    /// Gives a run back.
    func give(_ run: Range<Int>) {
        guard !run.isEmpty else { return }
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

    private func grow(by count: Int) {
        let tape = Tape(recording: false)
        func larger(_ old: Tensor) -> Tensor {
            let new = Tensor(uninitialized: [capacity + count, width], .float32)
            if capacity > 0 { tape.store(old, in: new, rows: [0..<capacity]) }
            return new
        }
        keys = keys.map(larger)
        values = values.map(larger)
        give(capacity..<capacity + count)
        capacity += count
    }
}
