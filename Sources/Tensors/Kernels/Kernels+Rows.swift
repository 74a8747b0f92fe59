import CKernels

/// Arithmetic on rows and elements.
extension Kernels {
    /// y += scale · x, float32.
    static func add(_ x: Tensor, to y: Tensor, scale: Float = 1) {
        ck_add_scaled(y.floatAddress, x.floatAddress, scale, y.count)
    }

    /// y = scale · x, float32; y may be x.
    static func scale(_ x: Tensor, by scale: Float, to y: Tensor) {
        ck_scale(y.floatAddress, x.floatAddress, scale, y.count)
    }

    /// y = x + number, float32; y may be x.
    static func add(_ number: Float, to x: Tensor, result y: Tensor) {
        ck_add_number(x.floatAddress, number, x.count, y.floatAddress)
    }

    /// x[i, i] += number, of a square matrix.
    static func addToDiagonal(_ number: Float, of x: Tensor) { ck_add_to_diagonal(x.floatAddress, number, x.width) }

    /// Σ x², float32.
    static func sumOfSquares(_ x: Tensor) -> Double { ck_sum_of_squares(x.floatAddress, x.count) }

    /// The same of each row by itself.
    static func rowSquares(_ x: Tensor) -> [Double] {
        var result = [Double](repeating: 0, count: x.rows)
        ck_row_squares(x.floatAddress, x.rows, x.width, &result)
        return result
    }

    /// a[rows[i]] · b[i] in float64, the terms added in order; row i of a without rows.
    static func rowDots(_ a: Tensor, rows: [Int32]? = nil, _ b: Tensor) -> [Double] {
        require(a.width == b.width && rows?.count ?? a.rows == b.rows, "products of rows of \(a.shape) and \(b.shape)")
        var result = [Double](repeating: 0, count: b.rows)
        ck_row_dots(a.floatAddress, rows, b.floatAddress, b.rows, b.width, &result)
        return result
    }

    /// Σ p log p of each row in float64, the terms added in order.
    static func rowEntropies(_ p: Tensor) -> [Double] {
        var result = [Double](repeating: 0, count: p.rows)
        ck_row_entropies(p.floatAddress, p.rows, p.width, &result)
        return result
    }

    /// The mean of each column, summed in float64 in the order of the rows.
    static func columnMeans(_ x: Tensor, to means: Tensor) {
        ck_column_means(x.floatAddress, x.rows, x.width, means.floatAddress)
    }

    /// sums += Σ rows of x, or sums = that.
    static func columnSums(_ x: Tensor, to sums: Tensor, accumulate: Bool) {
        ck_column_sums(x.address, x.kernelType, x.rows, x.width, sums.floatAddress, accumulate)
    }

    /// y[r] = scales[r] · x[r] in float32; y may be x.
    static func scaleRows(_ x: Tensor, by scales: Tensor, to y: Tensor) {
        ck_scale_rows(x.floatAddress, scales.floatAddress, x.rows, x.width, y.floatAddress)
    }

    /// The same with numbers of the host.
    static func scaleRows(_ x: Tensor, by scales: [Float], to y: Tensor) {
        ck_scale_rows(x.floatAddress, scales, x.rows, x.width, y.floatAddress)
    }

    /// y[rows[i]] += scales[i] · x[i]; rows differ.
    static func addRows(_ x: Tensor, scaledBy scales: [Float], to y: Tensor, rows: [Int32]) {
        ck_add_scaled_rows(x.floatAddress, scales, rows, rows.count, x.width, y.floatAddress)
    }

    /// y[r] = factors[r] · x[r], in float64 and rounded once; y may be x.
    static func scaleRows(_ x: Tensor, byExact factors: [Double], to y: Tensor) {
        ck_scale_rows_f64(x.floatAddress, factors, x.rows, x.width, y.floatAddress)
    }

    /// dy[r] = factors[r] · (dy[r] − along[r] · y[r]), in float64 and rounded once.
    static func scaleRowsBackward(_ dy: Tensor, _ y: Tensor, along: [Double], factors: [Double]) {
        ck_scale_rows_backward_f64(dy.floatAddress, y.floatAddress, along, factors, y.rows, y.width)
    }

    /// Rows of norm √width, standardized, then a 1, then zeros up to the width of y.
    static func standardizeRows(_ x: Tensor, mean: [Float], inverseDeviation: [Float], to y: Tensor) {
        ck_standardize_rows(x.floatAddress, mean, inverseDeviation, x.rows, x.width, y.width, y.floatAddress)
    }

    /// to[i] = scale · table[ids[i]], float32.
    static func embed(_ ids: [Int32], _ table: Tensor, scale: Float, to: Tensor) {
        ck_embed(table.address, table.kernelType, ids, ids.count, table.width, scale, to.floatAddress)
    }

    /// y = x / rms(x) · (weight + offset) for rows of the weight's length.
    static func rmsNorm(_ x: Tensor, _ weight: Tensor, offset: Float, epsilon: Float, to y: Tensor, inverse: Tensor?) {
        ck_rms_norm(
            x.floatAddress, weight.address, weight.kernelType, offset, epsilon, x.count / weight.count, weight.count,
            y.address, y.kernelType, inverse?.floatAddress)
    }

    /// Its backward pass; `dweight` is added to, where it is wanted.
    static func rmsNormBackward(
        _ dy: Tensor, _ x: Tensor, _ weight: Tensor, offset: Float, inverse: Tensor,
        dx: (memory: Tensor, accumulate: Bool), dweight: Tensor?
    ) {
        ck_rms_norm_backward(
            dy.floatAddress, x.floatAddress, weight.address, weight.kernelType, offset, inverse.floatAddress,
            x.count / weight.count, weight.count, dx.memory.floatAddress, dx.accumulate, dweight?.floatAddress)
    }

    /// Rotates the heads of each row in place; direction 1, or −1 to undo it.
    static func rotate(_ x: Tensor, positions: [Int32], _ table: RotaryTable, direction: Int32) {
        let width = 2 * table.cosine.width
        ck_rotate(
            x.floatAddress, positions, table.cosine.floatAddress, table.sine.floatAddress, x.rows, x.width / width,
            width, direction)
    }

    /// out = activation(gate) · up
    static func gated(_ gate: Tensor, _ up: Tensor, _ activation: Activation, to out: Tensor) {
        ck_gated(
            gate.address, up.address, gate.kernelType, activation.kernelActivation, gate.count, out.address,
            out.kernelType)
    }

    /// Its backward pass; dgate and dup have the type of gate and up.
    static func gatedBackward(
        _ dout: Tensor, _ gate: Tensor, _ up: Tensor, _ activation: Activation, dgate: Tensor, dup: Tensor
    ) {
        ck_gated_backward(
            dout.floatAddress, gate.address, up.address, gate.kernelType, activation.kernelActivation, gate.count,
            dgate.address, dup.address)
    }

    /// mean((√d·p/‖p‖ − √d·g/‖g‖)²) of each row.
    static func normalizedMeanSquaredError(_ prediction: Tensor, _ truth: Tensor, to errors: Tensor) {
        ck_normalized_mse(
            prediction.floatAddress, truth.floatAddress, truth.rows, truth.width, errors.floatAddress)
    }

    /// Its backward pass.
    static func normalizedMeanSquaredErrorBackward(
        _ prediction: Tensor, _ truth: Tensor, coefficients: Tensor, dprediction: Tensor
    ) {
        ck_normalized_mse_backward(
            prediction.floatAddress, truth.floatAddress, coefficients.floatAddress, truth.rows, truth.width,
            dprediction.floatAddress)
    }
}
