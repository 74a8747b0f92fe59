import Synchronization

/// Memory for the bodies that are being received. Small ones are free; large ones share what there is, so that many at once cannot
/// take more than the machine has.
final class ByteBudget: Sendable {
    /// Bytes that one body has taken; given back when it is forgotten.
    final class Share {
        private let budget: ByteBudget
        private var bytes = 0

        fileprivate init(_ budget: ByteBudget) { self.budget = budget }

        /// Makes room for a body of so many bytes in all. Throws `ErrorReply` 429 if there is none left.
        func grow(to size: Int) throws {
            guard size > ByteBudget.freeSize, size > bytes else { return }
            let added = size - bytes
            guard budget.taken.add(added, ordering: .relaxed).newValue <= budget.limit else {
                budget.taken.subtract(added, ordering: .relaxed)
                throw ErrorReply.busy("large", limit: budget.limit / (1 << 20), unit: "MiB of")
            }
            bytes = size
        }

        deinit { budget.taken.subtract(bytes, ordering: .relaxed) }
    }

    /// Bodies up to this size are not counted.
    static let freeSize = 1 << 18

    private let limit: Int
    private let taken = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    func share() -> Share { Share(self) }
}
