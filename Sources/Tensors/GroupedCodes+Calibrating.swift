/// Second moments of what goes into a matrix: Σ xᵀx over the rows seen, each scaled to a root mean square of 1, [width, width] float32.
///
/// Unscaled, the first token of a text, whose activation is hundreds of times as large as others in many models, would count for all of them.
public final class InputMoments {
    /// Inputs.
    public let width: Int
    /// Rows seen.
    public private(set) var count = 0
    private let sum: Tensor
    private let ones: Tensor

    /// Of no rows yet.
    public init(width: Int) {
        self.width = width
        sum = Tensor(zeros: [width, width])
        ones = Tensor([Float](repeating: 1, count: width), shape: [width])
    }

    /// Adds rows [n, width], float32 or bfloat16.
    public func add(_ rows: Tensor) {
        require(rows.width == width, "inputs of \(rows.width) numbers for \(width)")
        count += rows.rows
        let numbers = rows.converted(to: .float32), scaled = Tensor(uninitialized: rows.shape, .float32)
        Kernels.rmsNorm(numbers, ones, offset: 0, epsilon: 1e-20, to: scaled, inverse: nil)
        Product.run([Product(a: scaled, aIsTransposed: true, b: .dense(scaled), c: sum, accumulates: true)])
    }

    /// Σ xᵀx / n + λI, where λ is this share of the mean of the diagonal: what was not seen in the inputs counts a little too.
    func curvature(damping: Float) -> Tensor {
        let result = sum.copy()
        let share = 1 / Float(max(1, count))
        Kernels.scale(result, by: share, to: result)
        let diagonal = Kernels.floats(of: result, at: (0..<width).map { $0 * width + $0 })
        let mean = Float(diagonal.reduce(0.0) { $0 + Double($1) } / Double(width))
        Kernels.addToDiagonal(damping * mean, of: result)
        return result
    }
}

extension GroupedCodes {
    /// Weights in the codes with which the matrix's outputs come nearest to what they were, for inputs with these moments.
    ///
    /// For each row w the sum of squares Σ (x·(ŵ − w))² = (ŵ − w) H (ŵ − w)ᵀ is made small: column by column each gets the code that is best
    /// while the others stay (QuantEase; Behdin et al. 2023, algorithm 1). In the first sweep the columns behind are still as they were, and a
    /// group's scale is chosen when its turn comes. A row that comes out no better than to the nearest is taken to the nearest.
    ///
    /// - Parameters:
    ///   - weight: a matrix whose columns are whole groups; every number must be finite.
    ///   - inputs: of as many inputs as it has columns.
    ///   - sweeps: over all columns.
    ///   - damping: the share of H's mean diagonal that is added to its diagonal.
    public init(
        calibrating weight: WeightStorage, _ format: CodeFormat, inputs: InputMoments, sweeps: Int = 4,
        damping: Float = 0.01
    ) {
        let nearest = GroupedCodes(quantizing: weight, format)
        let (rows, width) = (weight.rows, weight.width), groups = width / format.groupSize
        require(inputs.width == width, "moments of \(inputs.width) inputs for \(width)")
        let curvature = inputs.curvature(damping: damping)
        let codes = nearest.codes.copy(), scales = nearest.scales.copy(), offsets = nearest.offsets?.copy()
        guard let offsets else { trap("affine codes without offsets") }
        let matrix = StoredMatrix(nearest)
        // Rows do not know of each other.
        let step = max(1, (16 << 20) / width)
        for begin in stride(from: 0, to: rows, by: step) {
            let range = begin..<min(rows, begin + step), count = range.count
            let slice = weight.floatRows(range)
            let descent = Descent(slice, curvature, format)
            for sweep in 0..<max(1, sweeps) { descent.sweep(choosesScales: sweep == 0) }
            let own = descent.errors()
            let difference = matrix.unpacked(rows: range.map(Int32.init))
            Kernels.add(slice, to: difference, scale: -1)
            let other = Descent.errors(difference, curvature)
            let better = (0..<count).filter { own[$0] < other[$0] }
            guard !better.isEmpty else { continue }
            let packed = Tensor(uninitialized: [count, format.rowBytes(width)], .uint8)
            Kernels.packCodes(descent.codes, bits: format.bits, to: packed)
            for (from, to) in [
                (packed, codes), (descent.scales.converted(to: format.type), scales),
                (descent.offsets.converted(to: format.type), offsets),
            ] {
                Kernels.storeRows(
                    from.gatheringRows(better.map(Int32.init)), in: to, better.map { begin + $0..<begin + $0 + 1 })
            }
        }
        require(scales.width == groups, "\(scales.shape) scales for \(groups) groups")
        self.init(format, width: width, codes: codes, scales: scales, offsets: offsets)
    }
}

/// The descent over the columns of some rows.
struct Descent {
    let weights: Tensor
    let curvature: Tensor
    let format: CodeFormat
    /// Values − weights, and that times the curvature.
    let difference: Tensor, slope: Tensor
    let change: Tensor
    let scales: Tensor, offsets: Tensor
    /// One byte each.
    let codes: Tensor

    init(_ weights: Tensor, _ curvature: Tensor, _ format: CodeFormat) {
        self.weights = weights
        self.curvature = curvature
        self.format = format
        difference = Tensor(zeros: weights.shape)
        slope = Tensor(zeros: weights.shape)
        change = Tensor(zeros: [weights.rows, format.groupSize])
        scales = Tensor(zeros: [weights.rows, weights.width / format.groupSize])
        offsets = Tensor(zeros: scales.shape)
        codes = Tensor(zeros: weights.shape, .uint8)
    }

    func sweep(choosesScales: Bool) {
        for first in stride(from: 0, to: weights.width, by: format.groupSize) {
            Kernels.descend(self, first: first, choosesScales: choosesScales)
            let rows = curvature.rows(first..<first + format.groupSize)
            Product.run([Product(a: change, b: .dense(rows), c: slope, accumulates: true)])
        }
    }

    /// The error of each row's outputs.
    func errors() -> [Double] { Descent.errors(difference, curvature) }

    static func errors(_ difference: Tensor, _ curvature: Tensor) -> [Double] {
        let product = Tensor(uninitialized: difference.shape, .float32)
        Product.run([Product(a: difference, b: .dense(curvature), c: product, accumulates: false)])
        return Kernels.rowDots(difference, product)
    }
}
