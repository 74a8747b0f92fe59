import CKernels

/// How a file lays out the weights of a matrix: blocks of codes with their scales. The names are those of GGUF files.
///
/// Values: the Python package gguf, `quants.py`, whose `dequantize` every layout equals bit for bit.
public enum StoredLayout: String, Sendable, CaseIterable {
    case q4_0 = "Q4_0"
    case q4_1 = "Q4_1"
    case q5_0 = "Q5_0"
    case q5_1 = "Q5_1"
    case q8_0 = "Q8_0"
    case q2_K = "Q2_K"
    case q3_K = "Q3_K"
    case q4_K = "Q4_K"
    case q5_K = "Q5_K"
    case q6_K = "Q6_K"
    case q8_K = "Q8_K"
    case iq4_nl = "IQ4_NL"
    case iq4_xs = "IQ4_XS"
    case mxfp4 = "MXFP4"

    /// Weights of one block; a row is whole blocks.
    public var blockWidth: Int { ck_block_weights(kernelLayout) }
    /// Bytes of one block.
    public var blockByteCount: Int { ck_block_bytes(kernelLayout) }

    var kernelLayout: ck_layout {
        switch self {
        case .q4_0: CK_Q4_0
        case .q4_1: CK_Q4_1
        case .q5_0: CK_Q5_0
        case .q5_1: CK_Q5_1
        case .q8_0: CK_Q8_0
        case .q2_K: CK_Q2_K
        case .q3_K: CK_Q3_K
        case .q4_K: CK_Q4_K
        case .q5_K: CK_Q5_K
        case .q6_K: CK_Q6_K
        case .q8_K: CK_Q8_K
        case .iq4_nl: CK_IQ4_NL
        case .iq4_xs: CK_IQ4_XS
        case .mxfp4: CK_MXFP4
        }
    }
}

/// A weight matrix as a file stores it, [rows, width]. Products read it where it lies; nothing of it is unpacked for good.
///
/// Its rows are blocks that hold codes and scales (``StoredLayout``), or codes whose scales lie apart from them (``GroupedCodes``).
public struct StoredMatrix: Sendable {
    /// Rows, the outputs of a linear layer.
    public let rows: Int
    /// Columns, its inputs.
    public let width: Int
    private let form: Form

    private enum Form: Sendable {
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
        withKernelMatrix { ck_unpack_rows($0, ids, ids.count, result.address, type.kernelType) }
        return result
    }

    /// All of it as numbers, [rows, width], in float32 or bfloat16: memory of its own.
    public func unpacked(to type: ElementType = .float32) -> Tensor {
        let result = Tensor(uninitialized: [rows, width], type)
        withKernelMatrix { ck_unpack_rows($0, nil, rows, result.address, type.kernelType) }
        return result
    }

    /// What the kernels take, valid as long as the matrix is.
    var kernelMatrix: ck_stored {
        switch form {
        case .blocks(let layout, let bytes, let order):
            ck_stored(
                layout: layout.kernelLayout, rows: rows, columns: width, codes: UnsafeRawPointer(bytes.address),
                row_bytes: bytes.width,
                order: order.map { UnsafePointer($0.address.assumingMemoryBound(to: Int32.self)) },
                grouped: ck_grouped())
        case .groups(let codes): codes.kernelMatrix
        }
    }

    private func withKernelMatrix(_ body: (UnsafePointer<ck_stored>) -> Void) {
        withExtendedLifetime(self) { withUnsafePointer(to: kernelMatrix, body) }
    }
}

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
            ck_embed(
                tensor.address, tensor.kernelType, ids, ids.count, tensor.width, scale, result.floatAddress)
            return result
        case .stored(let matrix):
            let result = matrix.unpacked(rows: ids)
            if scale != 1 { ck_scale(result.floatAddress, result.floatAddress, scale, result.count) }
            return result
        }
    }
}
