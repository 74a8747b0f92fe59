/// How weights are made into codes: MLX's affine layout.
public struct CodeFormat: Sendable, Equatable {
    /// Bits of a code: 2, 3, 4, 5, 6 or 8.
    public let bits: Int
    /// Columns that share a scale: 32, 64 or 128.
    public let groupSize: Int
    /// The type of scales and offsets, in which values are rounded.
    public let type: ElementType

    /// A format. Traps for other numbers than those listed.
    public init(bits: Int, groupSize: Int, type: ElementType) {
        require(GroupedCodes.Code.widths.contains(bits), "codes of \(bits) bits")
        require([32, 64, 128].contains(groupSize), "groups of \(groupSize)")
        require(type.isFloatingPoint, "scales of \(type)")
        (self.bits, self.groupSize, self.type) = (bits, groupSize, type)
    }

    /// Bytes of the codes of a row.
    func rowBytes(_ width: Int) -> Int { width * bits / 8 }
}

extension GroupedCodes {
    /// Weights to the nearest code. The values are those of `mlx.core.quantize` on the weights in the format's type, bit for bit.
    ///
    /// - Parameter weight: a matrix whose columns are whole groups; every number must be finite.
    public init(quantizing weight: WeightStorage, _ format: CodeFormat) {
        let (rows, width) = (weight.rows, weight.width), groups = width / format.groupSize
        require(
            rows > 0 && width > 0 && width % format.groupSize == 0, "\(weight.shape) in groups of \(format.groupSize)")
        let codes = Tensor(uninitialized: [rows, format.rowBytes(width)], .uint8)
        let scales = Tensor(uninitialized: [rows, groups], .float32)
        let offsets = Tensor(uninitialized: [rows, groups], .float32)
        // A slice of rows in float32 at a time.
        let step = max(1, (4 << 20) / width)
        for begin in stride(from: 0, to: rows, by: step) {
            let range = begin..<min(rows, begin + step)
            let slice = weight.floatRows(range).converted(to: format.type).converted(to: .float32)
            Kernels.quantize(
                slice, format, codes: codes.rows(range), scales: scales.rows(range), offsets: offsets.rows(range))
        }
        self.init(
            format, width: width, codes: codes, scales: scales.converted(to: format.type),
            offsets: offsets.converted(to: format.type))
    }

    init(_ format: CodeFormat, width: Int, codes: Tensor, scales: Tensor, offsets: Tensor) {
        self.init(
            .unsigned(bits: format.bits), width: width, codes: codes, scales: scales, offsets: offsets,
            group: (1, format.groupSize), rounding: format.type)
    }

    /// The codes in words of 32 bits, as MLX's files hold them: [rows, width · bits / 32].
    public var words: Tensor { codes.viewed(as: .uint32, shape: [rows, codes.width / 4]) }

    /// ‖values − weights‖ / ‖weights‖ over all of a matrix; 0 where every weight is 0 and so is every value.
    public func relativeError(to weight: WeightStorage) -> Double {
        require(weight.rows == rows && weight.width == width, "\(weight.shape) compared with \([rows, width])")
        let matrix = StoredMatrix(self), step = max(1, (4 << 20) / width)
        var difference = 0.0, scale = 0.0
        for begin in stride(from: 0, to: rows, by: step) {
            let range = begin..<min(rows, begin + step)
            let truth = weight.floatRows(range).copy()
            scale += Kernels.sumOfSquares(truth)
            let values = matrix.unpacked(rows: range.map(Int32.init))
            Kernels.add(values, to: truth, scale: -1)
            difference += Kernels.sumOfSquares(truth)
        }
        return (scale > 0 ? difference / scale : difference).squareRoot()
    }
}

extension WeightStorage {
    /// Some rows in float32: [rows, width].
    package func floatRows(_ range: Range<Int>) -> Tensor {
        switch self {
        case .dense(let tensor): tensor.rows(range).converted(to: .float32)
        case .stored(let matrix): matrix.unpacked(rows: range.map(Int32.init))
        }
    }
}
