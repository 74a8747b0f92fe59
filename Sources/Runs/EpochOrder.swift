import Tensors

/// Draws items without repeats: all of them in a random order, then all of them in another, and so on.
///
/// The i-th draw is a function of seed and i alone, so a step that takes draws s·n ..< (s+1)·n needs no state to be resumed.
public struct EpochOrder {
    private let count: Int?
    private let seed: UInt64
    private var epoch = -1
    private var order: [Int] = []

    /// An order of `count` items; nil for an endless source, whose items come as they are numbered.
    public init(count: Int?, seed: UInt64) {
        require(count.map { $0 > 0 } ?? true, "nothing to draw from")
        self.count = count
        self.seed = seed
    }

    /// The item of draw `index`.
    public mutating func item(_ index: Int) -> Int {
        guard let count else { return index }
        if index / count != epoch {
            epoch = index / count
            var random = Random(seed: seed, 0x6F72_6465, UInt64(epoch))
            order = Array(0..<count).shuffled(using: &random)
        }
        return order[index % count]
    }
}
