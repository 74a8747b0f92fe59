import GGUF

/// A tensor of a GGUF file as it lies there: rows of whole blocks, in the mapping. The weights are not unpacked.
package struct GGMLTensor: Sendable {
    /// How the weights are held.
    package let type: GGMLType
    /// Lengths of the axes, outermost first; the last one is cut into blocks.
    package let shape: [Int]
    let buffer: Buffer
    let byteOffset: Int
    /// Row i of the weight is row order[i] of the file; nil for rows as they lie.
    private(set) var order: [Int32]?

    init(type: GGMLType, shape: [Int], buffer: Buffer, byteOffset: Int) {
        self.type = type
        self.shape = shape
        self.buffer = buffer
        self.byteOffset = byteOffset
    }

    /// Bytes of one row, that is of everything behind the first axis.
    package var rowBytes: Int { byteCount / rows }
    /// Length of the first axis.
    package var rows: Int { shape.count > 1 ? shape[0] : 1 }
    /// Bytes of all rows.
    package var byteCount: Int { shape.reduce(1, *) / type.block.weights * type.block.bytes }

    /// Some of the bytes as they lie there, for hashing.
    package func bytes(_ range: Range<Int>) -> [UInt8] {
        require(range.lowerBound >= 0 && range.upperBound <= byteCount, "bytes \(range) of \(byteCount)")
        return buffer.bytes(byteOffset + range.lowerBound..<byteOffset + range.upperBound)
    }

    /// The same tensor with its rows in another order; nothing is copied.
    ///
    /// - Parameter order: row i of the result is row order[i] of the file; a permutation.
    package func ordered(by order: [Int32]) -> GGMLTensor {
        var result = self
        result.order = order
        return result
    }

    /// The weight that operations read where it lies; nil where it is no matrix of blocks.
    package var matrix: StoredMatrix? {
        guard type.isPacked, shape.count == 2, let layout = StoredLayout(rawValue: type.name) else { return nil }
        let bytes = Tensor(shape: [rows, rowBytes], elementType: .uint8, buffer: buffer, byteOffset: byteOffset)
        return StoredMatrix(layout, bytes: bytes, width: shape[1], order: order)
    }

    /// The tensor of a type that has a number for each weight; nil where blocks are to be unpacked, or the type is no weights'.
    package var plain: Tensor? {
        let elements: ElementType
        switch type {
        case .f32: elements = .float32
        case .f16: elements = .float16
        case .bf16: elements = .bfloat16
        default: return nil
        }
        let tensor = Tensor(shape: shape, elementType: elements, buffer: buffer, byteOffset: byteOffset)
        // A small alignment may put elements where kernels cannot read them.
        return byteOffset % elements.byteCount == 0 ? tensor : tensor.copy()
    }
}
