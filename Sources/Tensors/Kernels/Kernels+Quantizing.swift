import CKernels

/// What makes weights into codes.
extension Kernels {
    /// Float32 weights, whole groups a row, to the nearest code of a format. Scales and offsets come out in float32.
    static func quantizeGroups(_ weights: Tensor, _ format: CodeFormat, scales: Tensor, offsets: Tensor, codes: Tensor) {
        ck_quantize_groups(
            weights.floatAddress, scales.count, format.groupSize, Int32(format.bits), scales.floatAddress,
            offsets.floatAddress, codes.address(of: UInt8.self))
    }

    /// One step of a descent over the columns first..<first + group; see `ck_descend`.
    static func descend(
        _ format: CodeFormat, first: Int, weights: Tensor, curvature: Tensor, difference: Tensor, slope: Tensor,
        change: Tensor, scales: Tensor, offsets: Tensor, codes: Tensor, choosesScales: Bool
    ) {
        var step = ck_descent()
        (step.rows, step.columns, step.first, step.group) = (weights.rows, weights.width, first, format.groupSize)
        (step.bits, step.rounding) = (Int32(format.bits), format.type.kernelType)
        (step.weights, step.curvature) = (
            UnsafePointer(weights.floatAddress), UnsafePointer(curvature.floatAddress)
        )
        (step.difference, step.slope) = (difference.floatAddress, UnsafePointer(slope.floatAddress))
        (step.change, step.scales, step.offsets) = (change.floatAddress, scales.floatAddress, offsets.floatAddress)
        (step.codes, step.chooses_scales) = (codes.address(of: UInt8.self), choosesScales)
        ck_descend(&step)
    }

    /// Codes of one byte each, [rows, width], in as many bits as a code has.
    static func packCodes(_ codes: Tensor, bits: Int, to packed: Tensor) {
        ck_pack_codes(
            codes.address(of: UInt8.self), codes.rows, codes.width, Int32(bits), packed.address(of: UInt8.self))
    }

    /// Adds a number to the diagonal of a square float32 matrix.
    static func addToDiagonal(_ number: Float, of matrix: Tensor) {
        ck_add_to_diagonal(matrix.floatAddress, matrix.width, number)
    }
}
