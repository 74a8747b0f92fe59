import Tensors

/// A linear map with a constant, fitted by least squares with a ridge: ŷ = B·x + c.
struct LeastSquares {
    /// [outputs, inputs], and the constants [outputs].
    private let operand: LinearOperand

    /// Sums over examples, from which the map follows.
    struct Sums {
        private let inputs: Int, outputs: Int
        /// [inputs + 1, inputs + 1] and [inputs + 1, outputs].
        private var square: [Double], cross: [Double]
        private let tape = Tape(recording: false, precision: .float32)

        init(inputs: Int, outputs: Int) {
            self.inputs = inputs
            self.outputs = outputs
            square = [Double](repeating: 0, count: (inputs + 1) * (inputs + 1))
            cross = [Double](repeating: 0, count: (inputs + 1) * outputs)
        }

        /// Adds examples: x [n, inputs] and y [n, outputs], float32.
        mutating func add(_ x: Tensor, _ y: Tensor) {
            require(x.rows == y.rows && x.width == inputs && y.width == outputs, "\(x.shape) and \(y.shape)")
            let values = x.floats()
            var columns = [Float](repeating: 1, count: (inputs + 1) * x.rows)
            for row in 0..<x.rows {
                for column in 0..<inputs { columns[column * x.rows + row] = values[row * inputs + column] }
            }
            let features = Tensor(columns, shape: [inputs + 1, x.rows])
            func products(with other: Tensor) -> [Float] {
                tape.linear(Variable(features), LinearOperand(weight: Parameter(name: "examples", other))).value
                    .floats()
            }
            for (index, value) in products(with: features).enumerated() { square[index] += Double(value) }
            for (index, value) in products(with: y.transposed()).enumerated() { cross[index] += Double(value) }
        }

        /// The map. `ridge` is a share of the mean square of an input; the constant has none.
        func solve(ridge: Double) -> LeastSquares {
            let count = inputs + 1
            var matrix = square
            let mean = (0..<inputs).reduce(0.0) { $0 + square[$1 * count + $1] } / Double(max(1, inputs))
            for index in 0..<inputs { matrix[index * count + index] += ridge * mean + 1e-12 }
            matrix[count * count - 1] += 1e-12
            LeastSquares.factorize(&matrix, count)
            let solution = LeastSquares.solve(matrix, count, cross, outputs)
            let weights = Tensor(solution.prefix(inputs * outputs).map { Float($0) }, shape: [inputs, outputs])
            let constants = Tensor(solution.suffix(outputs).map { Float($0) }, shape: [outputs])
            return LeastSquares(
                operand: LinearOperand(
                    weight: Parameter(name: "least squares", weights.transposed()),
                    bias: Parameter(name: "constants", constants)))
        }
    }

    private init(operand: LinearOperand) { self.operand = operand }

    /// ŷ for x [n, inputs]: [n, outputs] float32.
    func predict(_ x: Tensor) -> Tensor {
        Tape(recording: false, precision: .float32).linear(Variable(x), operand).value
    }

    /// Cholesky's lower factor in place of a symmetric positive matrix; what stands above the diagonal is not looked at afterwards.
    private static func factorize(_ matrix: inout [Double], _ count: Int) {
        matrix.withUnsafeMutableBufferPointer { a in
            for row in 0..<count {
                for column in 0...row {
                    var sum = a[row * count + column]
                    for index in 0..<column { sum -= a[row * count + index] * a[column * count + index] }
                    // Inputs that say the same leave rounding in place of zero.
                    a[row * count + column] =
                        row == column ? sum.atLeast(1e-12).squareRoot() : sum / a[column * count + column]
                }
            }
        }
    }

    /// The solution of L·Lᵀ·X = B for B [count, width], row by row.
    private static func solve(_ factor: [Double], _ count: Int, _ right: [Double], _ width: Int) -> [Double] {
        var x = right
        x.withUnsafeMutableBufferPointer { x in
            factor.withUnsafeBufferPointer { l in
                for row in 0..<count {
                    for index in 0..<row {
                        let value = l[row * count + index]
                        for column in 0..<width { x[row * width + column] -= value * x[index * width + column] }
                    }
                    for column in 0..<width { x[row * width + column] /= l[row * count + row] }
                }
                for row in (0..<count).reversed() {
                    for column in 0..<width { x[row * width + column] /= l[row * count + row] }
                    for index in 0..<row {
                        let value = l[row * count + index]
                        for column in 0..<width { x[index * width + column] -= value * x[row * width + column] }
                    }
                }
            }
        }
        return x
    }
}
