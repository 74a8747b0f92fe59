import Foundation
import Tensors

/// A normal distribution fitted to clean activations, and their nearest neighbours: how unusual a vector is.
struct CleanDistribution {
    private let width: Int
    private let mean: [Double]
    /// Lower triangle L of the covariance, L Lᵀ = Σ, row-major [d, d].
    private let triangle: [Double]
    /// The clean vectors as units, [n, d].
    private let units: Parameter

    /// What is added to the variance of each coordinate, as a share of their mean.
    private static let ridge = 1e-3

    /// - Parameter vectors: [n, d] float32, more than one.
    init(_ vectors: Tensor) {
        require(vectors.rows > 1, "a distribution of \(vectors.rows) vectors")
        width = vectors.width
        let values = vectors.floats(), d = width, n = vectors.rows
        var mean = [Double](repeating: 0, count: d)
        for row in 0..<n { for column in 0..<d { mean[column] += Double(values[row * d + column]) / Double(n) } }
        var centred = values
        for row in 0..<n { for column in 0..<d { centred[row * d + column] -= Float(mean[column]) } }
        // Σ = Xᵀ X / n, as a product of the kernels: the columns of X are the rows of both factors.
        let columns = Tensor(centred, shape: [n, d]).transposed()
        let product = Tape(recording: false).linear(
            Variable(columns), LinearOperand(weight: Parameter(name: "activations", columns)))
        var covariance = product.value.floats().map { Double($0) / Double(n) }
        let trace = (0..<d).reduce(0.0) { $0 + covariance[$1 * d + $1] }
        for index in 0..<d { covariance[index * d + index] += CleanDistribution.ridge * trace / Double(d) }
        self.mean = mean
        triangle = CleanDistribution.cholesky(covariance, d)
        units = Parameter(name: "units", CleanDistribution.units(vectors))
    }

    private static func cholesky(_ matrix: [Double], _ d: Int) -> [Double] {
        var lower = [Double](repeating: 0, count: d * d)
        for row in 0..<d {
            for column in 0...row {
                var sum = matrix[row * d + column]
                for k in 0..<column { sum -= lower[row * d + k] * lower[column * d + k] }
                lower[row * d + column] =
                    row == column ? sum.atLeast(1e-12).squareRoot() : sum / lower[column * d + column]
            }
        }
        return lower
    }

    private static func units(_ vectors: Tensor) -> Tensor {
        Tape(recording: false).scaledRows(Variable(vectors), toNorm: 1).value
    }

    /// √((v − m)ᵀ Σ⁻¹ (v − m)) of each row (Mahalanobis 1936).
    func mahalanobis(_ vectors: Tensor) -> [Double] {
        let values = vectors.floats()
        return (0..<vectors.rows).map { row in
            var solved = [Double](repeating: 0, count: width), sum = 0.0
            for index in 0..<width {
                var rest = Double(values[row * width + index]) - mean[index]
                for k in 0..<index { rest -= triangle[index * width + k] * solved[k] }
                solved[index] = rest / triangle[index * width + index]
                sum += solved[index] * solved[index]
            }
            return sum.squareRoot()
        }
    }

    /// 1 − cosine to the nearest clean activation.
    func nearest(_ vectors: Tensor) -> [Double] {
        let products = Tape(recording: false).linear(
            Variable(CleanDistribution.units(vectors)), LinearOperand(weight: units)
        ).value
        let values = products.floats()
        return (0..<products.rows).map { row in
            1 - Double(values[row * products.width..<(row + 1) * products.width].largest() ?? 0)
        }
    }
}
