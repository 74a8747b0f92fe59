/// An array of numbers with a shape: row-major, contiguous, of one element type.
///
/// A tensor is a value that refers to memory. Copies and views share it; operations make new tensors. Its memory can be read
/// here as Swift arrays, and nowhere as pointers.
///
///     let x = Tensor([1, 2, 3, 4], shape: [2, 2])
///     x.floats()  // [1, 2, 3, 4]
public struct Tensor: Sendable {
    /// Lengths of the axes, outermost first. Empty for a scalar.
    public let shape: [Int]
    /// The type of the elements.
    public let elementType: ElementType
    let buffer: Buffer
    let byteOffset: Int

    init(shape: [Int], elementType: ElementType, buffer: Buffer, byteOffset: Int) {
        self.shape = shape
        self.elementType = elementType
        self.buffer = buffer
        self.byteOffset = byteOffset
    }

    /// A tensor whose elements are whatever lay in memory, for an operation to fill. Untouched, it takes no memory.
    package init(uninitialized shape: [Int], _ elementType: ElementType) {
        self.init(
            shape: shape, elementType: elementType,
            buffer: Buffer(byteCount: shape.reduce(1, *) * elementType.byteCount), byteOffset: 0)
    }

    /// Zeros of float32 that take no memory until they are written, page by page; nil where the system has no addresses for them.
    package init?(reserving shape: [Int]) {
        let (count, isTooMany) = shape.reduce((4, false)) { sum, next in
            let (product, overflow) = sum.0.multipliedReportingOverflow(by: next)
            return (product, sum.1 || overflow)
        }
        guard !isTooMany, let buffer = Buffer(reserving: count) else { return nil }
        self.init(shape: shape, elementType: .float32, buffer: buffer, byteOffset: 0)
    }

    /// Gives the memory of these rows back to the system, if the tensor is a reservation. What they held is lost.
    package func forget(rows: Range<Int>) {
        let size = width * elementType.byteCount
        buffer.forget(byteOffset + rows.lowerBound * size..<byteOffset + rows.upperBound * size)
    }

    /// Zeros.
    public init(zeros shape: [Int], _ elementType: ElementType = .float32) {
        self.init(uninitialized: shape, elementType)
        Kernels.clear(self)
    }

    /// Values in row-major order. Their number must be the shape's.
    public init(_ values: [Float], shape: [Int]) {
        self.init(uninitialized: shape, .float32)
        require(values.count == count, "\(values.count) values for the shape \(shape)")
        Kernels.fill(self, with: values)
    }

    /// 64-bit integers in row-major order.
    public init(integers values: [Int], shape: [Int]) {
        self.init(uninitialized: shape, .int64)
        require(values.count == count, "\(values.count) values for the shape \(shape)")
        Kernels.fill(self, with: values)
    }

    /// Bytes, such as the codes of stored weights.
    public init(bytes: [UInt8], shape: [Int]) {
        self.init(uninitialized: shape, .uint8)
        require(bytes.count == count, "\(bytes.count) bytes for the shape \(shape)")
        Kernels.fill(self, with: bytes)
    }

    /// 32-bit integers in row-major order.
    init(integers values: [Int32], shape: [Int]) {
        self.init(uninitialized: shape, .int32)
        require(values.count == count, "\(values.count) values for the shape \(shape)")
        Kernels.fill(self, with: values)
    }

    /// Number of elements.
    public var count: Int { shape.reduce(1, *) }
    /// Bytes they take.
    public var byteCount: Int { count * elementType.byteCount }
    /// Length of the first axis; 1 for a scalar.
    public var rows: Int { shape.first ?? 1 }
    /// Elements of one row, that is of everything behind the first axis.
    public var width: Int { shape.dropFirst().reduce(1, *) }

    /// The same elements under another shape of the same count.
    public func reshaped(_ shape: [Int]) -> Tensor {
        require(shape.reduce(1, *) == count, "\(self.shape) has not the elements of \(shape)")
        return Tensor(shape: shape, elementType: elementType, buffer: buffer, byteOffset: byteOffset)
    }

    /// Consecutive rows, as a view.
    public func rows(_ range: Range<Int>) -> Tensor {
        require(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
        return Tensor(
            shape: [range.count] + shape.dropFirst(), elementType: elementType, buffer: buffer,
            byteOffset: byteOffset + range.lowerBound * width * elementType.byteCount)
    }
}

extension Tensor {
    /// The elements as float32, in row-major order. Integers are converted too.
    public func floats() -> [Float] {
        if elementType == .float8 || elementType == .powerOfTwo { return scaleNumbers() }
        if !elementType.isFloatingPoint { return integers().map(Float.init) }
        return Kernels.floats(of: self)
    }

    /// The elements as integers; traps for a floating-point tensor.
    public func integers() -> [Int] {
        switch elementType {
        case .int64: Kernels.integers(of: self, as: Int64.self)
        case .int32: Kernels.integers(of: self, as: Int32.self)
        case .int16: Kernels.integers(of: self, as: Int16.self)
        case .int8: Kernels.integers(of: self, as: Int8.self)
        case .uint32: Kernels.integers(of: self, as: UInt32.self)
        case .uint8: Kernels.integers(of: self, as: UInt8.self)
        default: trap("integers wanted of a tensor of \(elementType)")
        }
    }

    /// Some of the bytes as they lie in memory, for hashing.
    public func bytes(_ range: Range<Int>) -> [UInt8] {
        require(range.lowerBound >= 0 && range.upperBound <= byteCount, "bytes \(range) of \(byteCount)")
        return Kernels.bytes(of: self, range)
    }

    /// One element as a float.
    public func float(at index: Int) -> Float {
        require(index >= 0 && index < count, "element \(index) of \(count)")
        return Kernels.float(of: self, at: index)
    }

    /// The same values in another floating-point type; itself when it has that type already.
    public func converted(to type: ElementType) -> Tensor {
        if type == elementType { return self }
        let result = Tensor(uninitialized: shape, type)
        Kernels.convert(self, to: result)
        return result
    }

    /// The same values in memory of their own.
    public func copy() -> Tensor {
        let result = Tensor(uninitialized: shape, elementType)
        Kernels.copy(self, to: result)
        return result
    }

    /// A matrix with rows and columns exchanged, of elements of up to four bytes: [rows, columns] ↦ [columns, rows].
    public func transposed() -> Tensor {
        require(shape.count == 2 && elementType.byteCount <= 4, "the transpose of \(elementType) \(shape)")
        let result = Tensor(uninitialized: [shape[1], shape[0]], elementType)
        Kernels.transpose(self, to: result)
        return result
    }

    /// A float32 tensor with a number added to each element.
    package func adding(_ number: Float) -> Tensor {
        let result = Tensor(uninitialized: shape, .float32)
        Kernels.add(number, to: self, result: result)
        return result
    }

    /// A float32 tensor with each element multiplied by a number.
    package func multiplied(by factor: Float) -> Tensor {
        let result = Tensor(uninitialized: shape, .float32)
        Kernels.scale(self, by: factor, to: result)
        return result
    }

    /// Rows of a float32 matrix [n, d] as linear probes see them: each scaled to norm √d, standardized with a mean and an inverse deviation
    /// [d], a constant 1 behind it, and zeros up to `width`: [n, width]. A zero row is not scaled.
    package func standardizingRows(mean: [Float], inverseDeviation: [Float], to width: Int) -> Tensor {
        require(
            mean.count == self.width && inverseDeviation.count == self.width && width > self.width,
            "\(mean.count) means of \(self.width) columns for rows of \(width)")
        let result = Tensor(uninitialized: [rows, width], .float32)
        Kernels.standardizeRows(self, mean: mean, inverseDeviation: inverseDeviation, to: result)
        return result
    }

    /// The mean of the rows of a float32 matrix, [1, columns], summed in float64; zeros of no rows.
    package var meanRow: Tensor {
        let result = Tensor(uninitialized: [1, width], .float32)
        Kernels.columnMeans(self, to: result)
        return result
    }

    /// The rows with the given indices, in that order; float types.
    public func gatheringRows(_ indices: [Int32]) -> Tensor {
        require(indices.allSatisfy { $0 >= 0 && Int($0) < rows }, "a row outside 0..<\(rows)")
        let result = Tensor(uninitialized: [indices.count] + shape.dropFirst(), elementType)
        Kernels.gatherRows(indices, of: self, to: result)
        return result
    }

    /// Index of the first NaN or infinity in row-major order, or nil.
    public func firstNonFinite() -> Int? {
        count > 0 ? Kernels.firstNonFinite(self) : nil
    }

    /// ‖self − reference‖ / ‖reference‖ over all elements, in float64; the plain norm of the difference if the reference is zero.
    public func relativeError(to reference: Tensor) -> Double {
        require(count == reference.count, "\(shape) compared with \(reference.shape)")
        var difference = 0.0, scale = 0.0
        for (a, b) in zip(floats(), reference.floats()) {
            difference += (Double(a) - Double(b)) * (Double(a) - Double(b))
            scale += Double(b) * Double(b)
        }
        return (scale > 0 ? difference / scale : difference).squareRoot()
    }
}
