import CKernels

/// The nonlinearity of a gated MLP.
public enum Activation: Sendable {
    case silu
    /// The tanh approximation of GELU.
    case geluTanh
    case gelu

    var kernelActivation: ck_activation {
        switch self {
        case .silu: CK_SILU
        case .geluTanh: CK_GELU_TANH
        case .gelu: CK_GELU
        }
    }
}

extension Tape {
    /// Rows of a table, scaled: [ids, width], float32.
    public func embedding(_ ids: [Int32], table: Parameter, scale: Float = 1) -> Variable {
        let storage = table.storage
        require(
            ids.allSatisfy { $0 >= 0 && Int($0) < storage.rows }, "an id outside the vocabulary of \(storage.rows)")
        return result(storage.rows(ids, scale: scale), parameters: [table]) { gradient in
            if scale != 1 { ck_scale(gradient.floatAddress, gradient.floatAddress, scale, gradient.count) }
            table.addGradient(ofRows: ids, gradient)
        }
    }

    /// x with some rows replaced: the injection of docs/method.md §2. Writes over x, which nothing else may have used.
    ///
    /// - Parameters:
    ///   - rows: distinct rows of x.
    ///   - replacement: [rows, width], float32.
    public func replacing(_ rows: [Int32], of x: Variable, with replacement: Variable) -> Variable {
        require(
            replacement.value.rows == rows.count && replacement.value.width == x.value.width,
            "replacement of another shape")
        require(rows.allSatisfy { $0 >= 0 && Int($0) < x.value.rows }, "a replaced row outside the batch")
        let width = x.value.width
        for (index, row) in rows.enumerated() {
            (x.value.floatAddress + Int(row) * width).update(
                from: replacement.value.floatAddress + index * width, count: width)
        }
        return result(x.value, from: [x, replacement]) { gradient in
            replacement.receive(gradient.gatheringRows(rows))
            for row in rows { ck_fill(gradient.floatAddress + Int(row) * width, 0, width) }
            x.receive(gradient)
        }
    }

    /// Every row scaled to the Euclidean norm `norm`, above 0. Zero stays zero, and lets no gradient through.
    public func scaledRows(_ x: Variable, toNorm norm: Double) -> Variable {
        scaledRows(x, toNorms: [Double](repeating: norm, count: x.value.rows))
    }

    /// Rows scaled each to a Euclidean norm of its own. A zero row stays zero, and lets no gradient through.
    ///
    /// - Parameters:
    ///   - x: [rows, d], float32.
    ///   - norms: a number for each row, 0 or more.
    public func scaledRows(_ x: Variable, toNorms norms: [Double]) -> Variable {
        let rows = x.value.rows, width = x.value.width
        require(norms.count == rows, "\(norms.count) norms for \(rows) rows")
        let output = x.value.copy()
        let factors = zip(norms, x.value.rowNorms).map { $1 > 0 ? $0 / $1 : 0 }
        for (row, factor) in factors.enumerated() {
            let target = output.floatAddress + row * width
            for column in 0..<width { target[column] = Float(Double(target[column]) * factor) }
        }
        return result(output, from: [x]) { gradient in
            // y = n x/‖x‖, so that dx = (n/‖x‖) (dy − y (y·dy)/n²).
            for (row, factor) in factors.enumerated() {
                let dy = gradient.floatAddress + row * width, y = output.floatAddress + row * width
                let squaredNorm = norms[row] * norms[row]
                let sum = (0..<width).reduce(0.0) { $0 + Double(dy[$1]) * Double(y[$1]) }
                let along = squaredNorm > 0 ? sum / squaredNorm : 0
                for column in 0..<width {
                    dy[column] = Float((Double(dy[column]) - along * Double(y[column])) * factor)
                }
            }
            x.receive(gradient)
        }
    }

    /// x with h + u·‖h‖ in place of some rows h: the norm-matched addition of docs/method.md §2 for unit vectors u. Writes over x,
    /// which nothing else may have used. The gradient passes through ‖h‖ too.
    ///
    /// - Parameters:
    ///   - rows: distinct rows of x.
    ///   - directions: u, [rows, width], float32; a zero row changes nothing.
    public func addingAtNorm(_ rows: [Int32], of x: Variable, directions: Variable) -> Variable {
        let units = directions.value
        require(
            units.rows == rows.count && units.width == x.value.width && units.elementType == .float32,
            "directions of another shape")
        let width = x.value.width
        let before = x.value.gatheringRows(rows)
        let norms = (0..<rows.count).map { index in
            ck_sum_of_squares(before.floatAddress + index * width, width).squareRoot()
        }
        for (index, row) in rows.enumerated() {
            ck_add_scaled(
                x.value.floatAddress + Int(row) * width, units.floatAddress + index * width, Float(norms[index]), width)
        }
        return result(x.value, from: [x, directions]) { gradient in
            if directions.needsGradient {
                let dunits = gradient.gatheringRows(rows)
                for (index, norm) in norms.enumerated() {
                    ck_scale(
                        dunits.floatAddress + index * width, dunits.floatAddress + index * width, Float(norm), width)
                }
                directions.receive(dunits)
            }
            for (index, row) in rows.enumerated() where norms[index] > 0 {
                let dy = gradient.floatAddress + Int(row) * width, u = units.floatAddress + index * width
                // d‖h‖ = h/‖h‖, so that dh = dy + (dy·u) h/‖h‖.
                let along = (0..<width).reduce(0.0) { $0 + Double(dy[$1]) * Double(u[$1]) }
                ck_add_scaled(dy, before.floatAddress + index * width, Float(along / norms[index]), width)
            }
            x.receive(gradient)
        }
    }

    /// Some rows of x, in the order asked for. Float32 gradients add up over rows asked for twice.
    public func selecting(_ rows: [Int32], of x: Variable) -> Variable {
        result(x.value.gatheringRows(rows), from: [x]) { gradient in
            let memory = x.gradientToAddTo()
            ck_scatter_add_rows(gradient.floatAddress, rows, rows.count, x.value.width, memory.floatAddress)
        }
    }

    /// x / rms(x) · (weight + offset), per row of `weight`'s length (Zhang and Sennrich 2019; Gemma's offset is 1).
    ///
    /// - Parameters:
    ///   - x: float32; its rows may hold several groups of the weight's length (heads), each normalized by itself.
    ///   - type: the result's element type.
    public func rmsNorm(
        _ x: Variable, weight: Parameter, offset: Float = 0, epsilon: Float, to type: ElementType
    ) -> Variable {
        let width = weight.value.count
        require(width > 0 && x.value.count % width == 0, "\(weight.name) of \(width) for \(x.value.shape)")
        let rows = x.value.count / width
        let output = Tensor(uninitialized: x.value.shape, type)
        let inverse = isRecording ? Tensor(uninitialized: [rows], .float32) : nil
        ck_rms_norm(
            x.value.floatAddress, weight.value.address, weight.value.kernelType, offset, epsilon, rows, width,
            output.address, output.kernelType, inverse?.floatAddress)
        return result(output, from: [x], parameters: [weight]) { gradient in
            guard let inverse else { return }
            let (dx, accumulate) = x.gradientTarget()
            ck_rms_norm_backward(
                gradient.floatAddress, x.value.floatAddress, weight.value.address, weight.value.kernelType, offset,
                inverse.floatAddress, rows, width, dx.floatAddress, accumulate,
                weight.isTrainable ? weight.gradientToAddTo().floatAddress : nil)
        }
    }

    /// x + y, float32. A tape that does not record writes the result over x.
    public func sum(_ x: Variable, _ y: Variable) -> Variable {
        let output = isRecording ? x.value.copy() : x.value
        ck_add_scaled(output.floatAddress, y.value.floatAddress, 1, output.count)
        return result(output, from: [x, y]) { gradient in
            y.receive(gradient.copy())
            x.receive(gradient)
        }
    }

    /// factor · x in another element type; x float32.
    public func scaled(_ x: Variable, by factor: Float, to type: ElementType) -> Variable {
        let product = Tensor(uninitialized: x.value.shape, .float32)
        ck_scale(product.floatAddress, x.value.floatAddress, factor, product.count)
        return result(product.converted(to: type), from: [x]) { gradient in
            ck_scale(gradient.floatAddress, gradient.floatAddress, factor, gradient.count)
            x.receive(gradient)
        }
    }

    /// activation(gate) · up. Both are [rows, width] of one element type, used here only: their gradients come back in it.
    public func gated(_ gate: Variable, _ up: Variable, _ activation: Activation) -> Variable {
        let input = gate.value
        let output = Tensor(uninitialized: input.shape, precision.elementType)
        ck_gated(
            input.address, up.value.address, input.kernelType, activation.kernelActivation, input.count, output.address,
            output.kernelType)
        return result(output, from: [gate, up]) { gradient in
            let dgate = Tensor(uninitialized: input.shape, input.elementType)
            let dup = Tensor(uninitialized: input.shape, input.elementType)
            ck_gated_backward(
                gradient.floatAddress, input.address, up.value.address, input.kernelType, activation.kernelActivation,
                input.count, dgate.address, dup.address)
            if gate.needsGradient { gate.gradient = dgate }
            if up.needsGradient { up.gradient = dup }
        }
    }

    /// Per row, mean((√d·p/‖p‖ − √d·g/‖g‖)²) = 2(1 − cos): the reconstruction loss of docs/method.md §3.
    ///
    /// - Parameters:
    ///   - prediction: [rows, d], float32.
    ///   - truth: [rows, d], float32.
    /// - Returns: [rows], 0...4, 2 is orthogonal.
    public func normalizedMeanSquaredError(_ prediction: Variable, truth: Tensor) -> Variable {
        require(
            prediction.value.shape == truth.shape,
            "a prediction of \(prediction.value.shape) for a truth of \(truth.shape)")
        let rows = truth.rows, width = truth.width
        let output = Tensor(uninitialized: [rows], .float32)
        ck_normalized_mse(prediction.value.floatAddress, truth.floatAddress, rows, width, output.floatAddress)
        return result(output, from: [prediction]) { gradient in
            let dprediction = Tensor(uninitialized: [rows, width], .float32)
            ck_normalized_mse_backward(
                prediction.value.floatAddress, truth.floatAddress, gradient.floatAddress, rows, width,
                dprediction.floatAddress)
            prediction.receive(dprediction)
        }
    }
}

extension Tensor {
    /// The Euclidean norm of each row of a float32 matrix, in float64: squares of the largest floats still fit.
    package var rowNorms: [Double] {
        (0..<rows).map { row in
            let values = floatAddress + row * width
            return (0..<width).reduce(0.0) { $0 + Double(values[$1]) * Double(values[$1]) }.squareRoot()
        }
    }
}
