import Foundation
import Tensors

/// Logistic regression by Newton's method, for a few features.
package enum LogisticRegression {
    /// Coefficients and bias that make the labels likeliest, less `penalty`/2 · ‖coefficients‖².
    package static func fit(
        _ features: [[Double]], _ labels: [Bool], penalty: Double
    ) -> (coefficients: [Double], bias: Double) {
        let width = (features.first?.count ?? 0) + 1
        var weights = [Double](repeating: 0, count: width)
        for _ in 0..<50 {
            var gradient = [Double](repeating: 0, count: width)
            var hessian = [[Double]](repeating: gradient, count: width)
            for (row, label) in zip(features, labels) {
                let x = row + [1]
                let probability = 1 / (1 + exp(-zip(weights, x).reduce(0) { $0 + $1.0 * $1.1 }))
                let error = (label ? 1 : 0) - probability, curvature = probability * (1 - probability)
                for i in 0..<width {
                    gradient[i] += error * x[i]
                    for j in 0...i { hessian[i][j] += curvature * x[i] * x[j] }
                }
            }
            for i in 0..<width - 1 {
                gradient[i] -= penalty * weights[i]
                hessian[i][i] += penalty
            }
            // The bias is not held back; the tiny addition keeps separable data from dividing by nothing.
            hessian[width - 1][width - 1] += 1e-9
            let step = solve(hessian, gradient)
            let largest = step.map(abs).largest() ?? 0
            // A long step is cut: far from the optimum the quadratic picture misleads.
            let length = largest > 4 ? 4 / largest : 1
            for i in 0..<width { weights[i] += length * step[i] }
            if largest < 1e-10 { break }
        }
        return (Array(weights.dropLast()), weights[width - 1])
    }

    /// Solves A x = b for a symmetric positive definite A, given by its lower triangle (Cholesky).
    private static func solve(_ matrix: [[Double]], _ b: [Double]) -> [Double] {
        let count = b.count
        var lower = matrix, x = b
        for i in 0..<count {
            for j in 0...i {
                var sum = matrix[i][j]
                for k in 0..<j { sum -= lower[i][k] * lower[j][k] }
                lower[i][j] = i == j ? sum.atLeast(1e-12).squareRoot() : sum / lower[j][j]
            }
        }
        for i in 0..<count {
            for k in 0..<i { x[i] -= lower[i][k] * x[k] }
            x[i] /= lower[i][i]
        }
        for i in (0..<count).reversed() {
            for k in i + 1..<count { x[i] -= lower[k][i] * x[k] }
            x[i] /= lower[i][i]
        }
        return x
    }
}
