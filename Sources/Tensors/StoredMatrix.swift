/// A weight matrix as a file stores it, [rows, width]. Products read it where it lies; nothing of it is unpacked for good.
///
/// Its rows are blocks that hold codes and scales (``StoredLayout``), or codes whose scales lie apart from them (``GroupedCodes``).
public struct StoredMatrix: Sendable {
    /// Rows, the outputs of a linear layer.
    public let rows: Int
    /// Columns, its inputs.
    public let width: Int
    let form: Form

    enum Form: Sendable {
        /// Bytes are [rows, bytes of a row] uint8. Row i is the order[i]-th one that is stored; without an order they are as they lie.
        case blocks(StoredLayout, bytes: Tensor, order: Tensor?)
        case groups(GroupedCodes)
    }

    /// A matrix over the bytes of a file.
    ///
    /// - Parameters:
    ///   - bytes: [rows, bytes of a row] uint8. Their number must be the layout's.
    ///   - width: columns; a multiple of the layout's block.
    ///   - order: row i of the matrix is row order[i] of the bytes; a permutation. Nil for the rows as they lie.
    public init(_ layout: StoredLayout, bytes: Tensor, width: Int, order: [Int32]? = nil) {
        require(
            bytes.elementType == .uint8 && width % layout.blockWidth == 0
                && bytes.width == width / layout.blockWidth * layout.blockByteCount,
            "\(bytes.shape) bytes of \(bytes.elementType) for rows of \(width) weights in \(layout.rawValue)")
        if let order {
            require(Set(order) == Set(0..<Int32(bytes.rows)), "an order of rows that is no permutation")
        }
        self.width = width
        form = .blocks(layout, bytes: bytes, order: order.map { Tensor(integers: $0, shape: [bytes.rows]) })
        rows = bytes.rows
    }

    /// A matrix of codes whose scales lie apart from them.
    public init(_ codes: GroupedCodes) {
        (rows, width, form) = (codes.rows, codes.width, .groups(codes))
    }

    /// Bytes that it takes.
    public var byteCount: Int {
        switch form {
        case .blocks(_, let bytes, _): bytes.byteCount
        case .groups(let codes): codes.byteCount
        }
    }

    /// Rows as numbers, [ids, width], in float32 or bfloat16.
    public func unpacked(rows ids: [Int32], to type: ElementType = .float32) -> Tensor {
        require(ids.allSatisfy { $0 >= 0 && Int($0) < rows }, "a row outside 0..<\(rows)")
        let result = Tensor(uninitialized: [ids.count, width], type)
        Kernels.unpack(self, rows: ids, to: result)
        return result
    }

    /// All of it as numbers, [rows, width], in float32 or bfloat16: memory of its own.
    public func unpacked(to type: ElementType = .float32) -> Tensor {
        let result = Tensor(uninitialized: [rows, width], type)
        Kernels.unpack(self, rows: nil, to: result)
        return result
    }
}
