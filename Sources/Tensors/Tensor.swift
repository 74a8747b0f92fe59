import CKernels

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
        address.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }

    /// Values in row-major order. Their number must be the shape's.
    public init(_ values: [Float], shape: [Int]) {
        self.init(uninitialized: shape, .float32)
        require(values.count == count, "\(values.count) values for the shape \(shape)")
        values.withUnsafeBytes { if let base = $0.baseAddress { address.copyMemory(from: base, byteCount: $0.count) } }
    }

    /// 64-bit integers in row-major order.
    public init(integers values: [Int], shape: [Int]) {
        self.init(uninitialized: shape, .int64)
        require(values.count == count, "\(values.count) values for the shape \(shape)")
        values.withUnsafeBytes { if let base = $0.baseAddress { address.copyMemory(from: base, byteCount: $0.count) } }
    }

    /// Bytes, such as the codes of stored weights.
    public init(bytes: [UInt8], shape: [Int]) {
        self.init(uninitialized: shape, .uint8)
        require(bytes.count == count, "\(bytes.count) bytes for the shape \(shape)")
        bytes.withUnsafeBytes { if let base = $0.baseAddress { address.copyMemory(from: base, byteCount: $0.count) } }
    }

    /// 32-bit integers in row-major order.
    init(integers values: [Int32], shape: [Int]) {
        self.init(uninitialized: shape, .int32)
        require(values.count == count, "\(values.count) values for the shape \(shape)")
        values.withUnsafeBytes { if let base = $0.baseAddress { address.copyMemory(from: base, byteCount: $0.count) } }
    }

    /// Number of elements.
    public var count: Int { shape.reduce(1, *) }
    /// Bytes they take.
    public var byteCount: Int { count * elementType.byteCount }
    /// Length of the first axis; 1 for a scalar.
    public var rows: Int { shape.first ?? 1 }
    /// Elements of one row, that is of everything behind the first axis.
    public var width: Int { shape.dropFirst().reduce(1, *) }

    var address: UnsafeMutableRawPointer { buffer.address + byteOffset }

    /// Whether two lie in the same memory, such as a mapped file's.
    package func sharesMemory(with other: Tensor) -> Bool { address == other.address && byteCount == other.byteCount }
    var floatAddress: UnsafeMutablePointer<Float> {
        require(elementType == .float32, "float32 expected, \(elementType) found")
        return address.assumingMemoryBound(to: Float.self)
    }
    var kernelType: ck_type { elementType.kernelType }

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
        return [Float](unsafeUninitializedCapacity: count) { target, filled in
            if count > 0, let base = target.baseAddress { ck_convert(address, kernelType, base, CK_F32, count) }
            filled = count
        }
    }

    /// The elements as integers; traps for a floating-point tensor.
    public func integers() -> [Int] {
        switch elementType {
        case .int64: loaded(as: Int64.self).map(Int.init)
        case .int32: loaded(as: Int32.self).map(Int.init)
        case .int16: loaded(as: Int16.self).map(Int.init)
        case .int8: loaded(as: Int8.self).map(Int.init)
        case .uint32: loaded(as: UInt32.self).map(Int.init)
        case .uint8: loaded(as: UInt8.self).map(Int.init)
        default: trap("integers wanted of a tensor of \(elementType)")
        }
    }

    /// Some of the bytes as they lie in memory, for hashing.
    public func bytes(_ range: Range<Int>) -> [UInt8] {
        require(range.lowerBound >= 0 && range.upperBound <= byteCount, "bytes \(range) of \(byteCount)")
        return Array(UnsafeRawBufferPointer(start: address + range.lowerBound, count: range.count))
    }

    private func loaded<T: BitwiseCopyable>(as type: T.Type) -> [T] {
        (0..<count).map { address.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: type) }
    }

    /// One element as a float.
    public func float(at index: Int) -> Float {
        require(index >= 0 && index < count, "element \(index) of \(count)")
        var value: Float = 0
        ck_plain_convert(address + index * elementType.byteCount, kernelType, &value, CK_F32, 1)
        return value
    }

    /// The same values in another floating-point type; itself when it has that type already.
    public func converted(to type: ElementType) -> Tensor {
        if type == elementType { return self }
        let result = Tensor(uninitialized: shape, type)
        ck_convert(address, kernelType, result.address, type.kernelType, count)
        return result
    }

    /// The same values in memory of their own.
    public func copy() -> Tensor {
        let result = Tensor(uninitialized: shape, elementType)
        if elementType.isFloatingPoint {
            ck_convert(address, kernelType, result.address, kernelType, count)
        } else {
            result.address.copyMemory(from: address, byteCount: byteCount)
        }
        return result
    }

    /// A float32 matrix with rows and columns exchanged. Plain code, for small matrices now and then.
    public func transposed() -> Tensor {
        require(shape.count == 2 && elementType == .float32, "the transpose of \(elementType) \(shape)")
        let values = floats(), rows = rows, width = width
        var result = [Float](repeating: 0, count: values.count)
        for row in 0..<rows { for column in 0..<width { result[column * rows + row] = values[row * width + column] } }
        return Tensor(result, shape: [width, rows])
    }

    /// The rows with the given indices, in that order; float types.
    public func gatheringRows(_ indices: [Int32]) -> Tensor {
        require(indices.allSatisfy { $0 >= 0 && Int($0) < rows }, "a row outside 0..<\(rows)")
        let result = Tensor(uninitialized: [indices.count] + shape.dropFirst(), elementType)
        ck_gather_rows(address, indices, indices.count, width * elementType.byteCount, result.address)
        return result
    }

    /// Index of the first NaN or infinity in row-major order, or nil.
    public func firstNonFinite() -> Int? {
        guard count > 0 else { return nil }
        let index = ck_first_nonfinite(address, kernelType, count)
        return index < 0 ? nil : index
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
