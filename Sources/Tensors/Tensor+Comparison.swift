extension Tensor {
    /// Whether another tensor of the same shape holds the same numbers. Stops at the first that differs.
    public func holdsSameNumbers(as other: Tensor) -> Bool {
        guard shape == other.shape else { return false }
        if elementType == other.elementType { return Kernels.holdSameBytes(self, other) }
        return (0..<rows).allSatisfy { row in
            rows(row..<row + 1).floats() == other.rows(row..<row + 1).floats()
        }
    }

    /// Whether two lie in the same memory, such as a mapped file's.
    package func sharesMemory(with other: Tensor) -> Bool { Kernels.lieTogether(self, other) }
}
