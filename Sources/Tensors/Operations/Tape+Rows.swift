/// The nonlinearity of a gated MLP.
public enum Activation: Sendable {
    case silu
    /// The tanh approximation of GELU.
    case geluTanh
    case gelu
}

extension Tape {
    /// Rows of a table, scaled: [ids, width], float32.
    public func embedding(_ ids: [Int32], table: Parameter, scale: Float = 1) -> Variable {
        let storage = table.storage
        require(
            ids.allSatisfy { $0 >= 0 && Int($0) < storage.rows }, "an id outside the vocabulary of \(storage.rows)")
        return result(storage.rows(ids, scale: scale), parameters: [table]) { gradient in
            if scale != 1 { Kernels.scale(gradient, by: scale, to: gradient) }
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
        require(
            x.value.elementType == .float32 && replacement.value.elementType == .float32, "replaced rows in float32")
        Kernels.storeRows(replacement.value, in: x.value, rows.map { Int($0)..<Int($0) + 1 })
        return result(x.value, from: [x, replacement]) { gradient in
            replacement.receive(gradient.gatheringRows(rows))
            Kernels.clearRows(rows, of: gradient)
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
        require(norms.count == x.value.rows, "\(norms.count) norms for \(x.value.rows) rows")
        let output = Tensor(uninitialized: x.value.shape, .float32)
        let factors = zip(norms, x.value.rowNorms).map { $1 > 0 ? $0 / $1 : 0 }
        Kernels.scaleRows(x.value, byExact: factors, to: output)
        return result(output, from: [x]) { gradient in
            // y = n x/‖x‖, so that dx = (n/‖x‖) (dy − y (y·dy)/n²).
            let along = zip(Kernels.rowDots(gradient, output), norms).map { $1 * $1 > 0 ? $0 / ($1 * $1) : 0 }
            Kernels.scaleRowsBackward(gradient, output, along: along, factors: factors)
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
        let before = x.value.gatheringRows(rows)
        let norms = Kernels.rowSquares(before).map { $0.squareRoot() }
        Kernels.addRows(units, scaledBy: norms.map { Float($0) }, to: x.value, rows: rows)
        return result(x.value, from: [x, directions]) { gradient in
            if directions.needsGradient {
                let dunits = gradient.gatheringRows(rows)
                Kernels.scaleRows(dunits, by: norms.map { Float($0) }, to: dunits)
                directions.receive(dunits)
            }
            // d‖h‖ = h/‖h‖, so that dh = dy + (dy·u) h/‖h‖; nothing where h is zero.
            let along = Kernels.rowDots(gradient, rows: rows, units)
            let some = rows.indices.filter { norms[$0] > 0 }
            Kernels.addRows(
                some.count == rows.count ? before : before.gatheringRows(some.map(Int32.init)),
                scaledBy: some.map { Float(along[$0] / norms[$0]) }, to: gradient, rows: some.map { rows[$0] })
            x.receive(gradient)
        }
    }

    /// Some rows of x, in the order asked for. Float32 gradients add up over rows asked for twice.
    public func selecting(_ rows: [Int32], of x: Variable) -> Variable {
        result(x.value.gatheringRows(rows), from: [x]) { gradient in
            let memory = x.gradientToAddTo()
            Kernels.addRows(gradient, to: memory, rows: rows)
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
        Kernels.rmsNorm(x.value, weight.value, offset: offset, epsilon: epsilon, to: output, inverse: inverse)
        return result(output, from: [x], parameters: [weight]) { gradient in
            guard let inverse else { return }
            Kernels.rmsNormBackward(
                gradient, x.value, weight.value, offset: offset, inverse: inverse, dx: x.gradientTarget(),
                dweight: weight.isTrainable ? weight.gradientToAddTo() : nil)
        }
    }

    /// x + y, float32. A tape that does not record writes the result over x.
    public func sum(_ x: Variable, _ y: Variable) -> Variable {
        let output = isRecording ? x.value.copy() : x.value
        Kernels.add(y.value, to: output)
        return result(output, from: [x, y]) { gradient in
            y.receive(gradient.copy())
            x.receive(gradient)
        }
    }

    /// factor · x in another element type; x float32.
    public func scaled(_ x: Variable, by factor: Float, to type: ElementType) -> Variable {
        let product = Tensor(uninitialized: x.value.shape, .float32)
        Kernels.scale(x.value, by: factor, to: product)
        return result(product.converted(to: type), from: [x]) { gradient in
            Kernels.scale(gradient, by: factor, to: gradient)
            x.receive(gradient)
        }
    }

    /// activation(gate) · up. Both are [rows, width] of one element type, used here only: their gradients come back in it.
    public func gated(_ gate: Variable, _ up: Variable, _ activation: Activation) -> Variable {
        let input = gate.value
        let output = Tensor(uninitialized: input.shape, precision.elementType)
        Kernels.gated(input, up.value, activation, to: output)
        return result(output, from: [gate, up]) { gradient in
            let dgate = Tensor(uninitialized: input.shape, input.elementType)
            let dup = Tensor(uninitialized: input.shape, input.elementType)
            Kernels.gatedBackward(gradient, input, up.value, activation, dgate: dgate, dup: dup)
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
        let output = Tensor(uninitialized: [truth.rows], .float32)
        Kernels.normalizedMeanSquaredError(prediction.value, truth, to: output)
        return result(output, from: [prediction]) { gradient in
            let dprediction = Tensor(uninitialized: [truth.rows, truth.width], .float32)
            Kernels.normalizedMeanSquaredErrorBackward(
                prediction.value, truth, coefficients: gradient, dprediction: dprediction)
            prediction.receive(dprediction)
        }
    }
}

extension Tensor {
    /// The Euclidean norm of each row of a float32 matrix, in float64: squares of the largest floats still fit.
    package var rowNorms: [Double] {
        Kernels.rowDots(self, self).map { $0.squareRoot() }
    }
}
