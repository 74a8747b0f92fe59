/// Codes and scales of quantized checkpoints, laid as the kernels read them. Nothing is rounded.
extension Tensor {
    /// The same bytes: [rows, bytes of a row] uint8.
    package func asBytes() -> Tensor {
        Tensor(
            shape: [rows, width * elementType.byteCount], elementType: .uint8, buffer: buffer, byteOffset: byteOffset)
    }

    /// The same bytes under another type, such as scales that a file holds as U8.
    ///
    /// - Parameter shape: by default the same, for a type of the same width.
    package func viewed(as type: ElementType, shape: [Int]? = nil) -> Tensor {
        let result = Tensor(shape: shape ?? self.shape, elementType: type, buffer: buffer, byteOffset: byteOffset)
        require(result.byteCount == byteCount, "\(elementType) \(self.shape) seen as \(type) \(result.shape)")
        return result
    }

    /// Words of eight codes of four bits, [rows, columns / 8], whose k-th code, the lowest bits first, is that of column order[k] of eight:
    /// ↦ [columns, ⌈rows / 2⌉] uint8, the low half of a byte first.
    package func exchangingNibbles(order: [UInt8]) -> Tensor {
        require(shape.count == 2 && elementType.byteCount == 4, "nibbles of \(elementType) \(shape)")
        require(order.count == 8 && Set(order) == Set(0..<8), "an order of eight that is no permutation")
        let result = Tensor(uninitialized: [8 * width, (rows + 1) / 2], .uint8)
        Kernels.transposeNibbles(self, to: result, order: order)
        return result
    }

    /// Packed codes as one byte each: [rows, count] int8.
    ///
    /// - Parameters:
    ///   - bits: of a code, the lowest first; 2...8.
    ///   - count: codes of a row.
    ///   - added: what is added to each; the sum is taken to be −128...127.
    package func spreadingCodes(bits: Int, count: Int, adding added: Int = 0) -> Tensor {
        let bytes = asBytes()
        require((1...8).contains(bits) && (count * bits + 7) / 8 <= bytes.width, "\(count) codes of \(shape)")
        let result = Tensor(uninitialized: [rows, count], .int8)
        Kernels.spreadCodes(bytes, to: result, bits: bits, adding: added)
        return result
    }

    /// Whether a code is among these, which are int8.
    package func holds(_ code: Int8) -> Bool {
        require(elementType == .int8, "int8 expected, \(elementType) found")
        return Kernels.holds(code, self)
    }

    /// Index of the first element that is NaN or infinite where they are scales, or nil.
    package func firstBadScale() -> Int? {
        guard let type = elementType.kernelScale, count > 0 else { return nil }
        return Kernels.firstBadScale(self, type)
    }

    /// Scales as numbers, in float32.
    func scaleNumbers() -> [Float] {
        guard let type = elementType.kernelScale else { trap("scales wanted of a tensor of \(elementType)") }
        return Kernels.floats(ofScales: self, type)
    }
}
