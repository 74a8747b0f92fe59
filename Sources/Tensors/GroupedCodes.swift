/// A matrix as quantized checkpoints hold it: codes of one width, and apart from them a scale for each group of rows and columns.
///
///     weight = ((number of the code − zero − zero point of the group) · scale + offset) · factor
///
/// rounded to one type after the product and after what follows it, as the package that made the checkpoint rounds.
public struct GroupedCodes: Sendable {
    /// How wide codes are, and the number that each stands for.
    public enum Code: Sendable, Equatable {
        /// A whole number of 2, 3, 4, 5, 6 or 8 bits, the lowest bit first, across the bytes.
        case unsigned(bits: Int)
        /// A whole number, −128...127.
        case signedByte
        /// A float of eight bits, E4M3.
        case float8
        /// Four bits that pick one of sixteen numbers; the low half of a byte comes first, or the high one.
        case pick([Float], highFirst: Bool)

        /// A float of four bits, E2M1 (OCP Microscaling Formats, 5.3.3), the low half of a byte first.
        public static let float4 = Code.pick(
            [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6], highFirst: false)

        /// Bits of one code.
        public var bits: Int {
            switch self {
            case .unsigned(let bits): bits
            case .signedByte, .float8: 8
            case .pick: 4
            }
        }
        /// Widths of whole numbers.
        public static let widths = [2, 3, 4, 5, 6, 8]
    }

    /// How codes are packed.
    public let code: Code
    /// Columns.
    public let width: Int
    /// [rows, bytes of a row]: whole bytes of codes, a row's first code first.
    public let codes: Tensor
    /// [⌈rows / group's rows⌉, groups of columns] of a floating-point type, `.float8` or `.powerOfTwo`.
    public let scales: Tensor
    /// What is added once the number is scaled, in the scales' shape and type; nil for nothing.
    public let offsets: Tensor?
    /// What is taken off every number before it is scaled.
    public let zero: Int
    /// What is taken off besides in each group: int8, in the scales' shape.
    public let zeroPoints: Tensor?
    /// Rows and columns that share a scale.
    public let group: (rows: Int, columns: Int)
    /// The group of each column, [width] int32, where groups are not columns side by side.
    public let groupOfColumn: Tensor?
    /// The type that values are rounded to.
    public let rounding: ElementType
    /// What everything is multiplied by at last; 1 for nothing.
    public let factor: Float

    /// Codes with their scales.
    ///
    /// - Parameters:
    ///   - codes: [rows, …] of any type; its bytes are the codes.
    ///   - groupOfColumn: group of each column, each within the scales' width; nil where column c is of group c / `group.columns`.
    ///   - rounding: float32, bfloat16 or float16.
    public init(
        _ code: Code, width: Int, codes: Tensor, scales: Tensor, offsets: Tensor? = nil,
        zero: Int = 0, zeroPoints: Tensor? = nil, group: (rows: Int, columns: Int), groupOfColumn: [Int32]? = nil,
        rounding: ElementType, factor: Float = 1
    ) {
        let bytes = codes.asBytes()
        require(width > 0 && bytes.width >= (width * code.bits + 7) / 8, "\(codes.shape) codes for \(width) columns")
        require(group.rows > 0 && group.columns > 0, "empty groups")
        let groups = groupOfColumn == nil ? (width + group.columns - 1) / group.columns : scales.width
        require(
            scales.elementType.kernelScale != nil
                && scales.shape == [(bytes.rows + group.rows - 1) / group.rows, groups],
            "scales of \(scales.elementType) \(scales.shape) for \(bytes.rows) rows in groups of \(group)")
        if let offsets {
            require(
                offsets.shape == scales.shape && offsets.elementType == scales.elementType
                    && offsets.elementType.isFloatingPoint, "offsets of \(offsets.elementType) \(offsets.shape)")
        }
        if let zeroPoints {
            require(
                zeroPoints.shape == scales.shape && zeroPoints.elementType == .int8,
                "zero points of \(zeroPoints.elementType) \(zeroPoints.shape)")
        }
        if let groupOfColumn {
            require(
                groupOfColumn.count == width && groupOfColumn.allSatisfy { $0 >= 0 && Int($0) < groups },
                "a column of no group")
        }
        if case .pick(let numbers, _) = code { require(numbers.count == 16, "\(numbers.count) numbers for 16 codes") }
        require(rounding.isFloatingPoint, "values rounded to \(rounding)")
        (self.code, self.width, self.codes, self.scales, self.offsets) = (code, width, bytes, scales, offsets)
        (self.zero, self.zeroPoints) = (zero, zeroPoints)
        (self.group, self.rounding, self.factor) = (group, rounding, factor)
        self.groupOfColumn = groupOfColumn.map { Tensor(integers: $0, shape: [width]) }
    }

    /// Rows.
    public var rows: Int { codes.rows }

    /// Bytes that it takes.
    public var byteCount: Int {
        [codes, scales, offsets, zeroPoints, groupOfColumn].reduce(0) { $0 + ($1?.byteCount ?? 0) }
    }
}
