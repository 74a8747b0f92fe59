/// How a weight lies in memory. An operation asks it for rows, or hands it to a kernel that reads it where it lies.
///
/// A layer holds a `Parameter`, and that one of these: what computes with a weight does not know how it is stored.
public enum WeightStorage: Sendable {
    /// Numbers.
    case dense(Tensor)
    /// Codes with scales, as a file holds them. Such a weight is frozen.
    case stored(StoredMatrix)

    /// Lengths of the axes.
    public var shape: [Int] {
        switch self {
        case .dense(let tensor): tensor.shape
        case .stored(let matrix): [matrix.rows, matrix.width]
        }
    }
    /// Length of the first axis: a matrix's outputs.
    public var rows: Int { shape.first ?? 1 }
    /// Elements of one row: a matrix's inputs.
    public var width: Int { shape.dropFirst().reduce(1, *) }
    /// Number of elements.
    public var count: Int { shape.reduce(1, *) }
    /// Bytes that it takes in memory.
    public var byteCount: Int {
        switch self {
        case .dense(let tensor): tensor.byteCount
        case .stored(let matrix): matrix.byteCount
        }
    }

    /// The weight as numbers: the tensor itself, or one of float32 in memory of its own.
    public func unpacked() -> Tensor {
        switch self {
        case .dense(let tensor): tensor
        case .stored(let matrix): matrix.unpacked()
        }
    }

    /// Some rows, scaled, in float32: [ids, width].
    func rows(_ ids: [Int32], scale: Float) -> Tensor {
        switch self {
        case .dense(let tensor):
            let result = Tensor(uninitialized: [ids.count, tensor.width], .float32)
            Kernels.embed(ids, tensor, scale: scale, to: result)
            return result
        case .stored(let matrix):
            let result = matrix.unpacked(rows: ids)
            if scale != 1 { Kernels.scale(result, by: scale, to: result) }
            return result
        }
    }
}
