import CKernels

/// Weights made into codes.
extension Kernels {
    /// Float32 weights, whole groups, to the nearest codes; scales and offsets in float32, not rounded.
    static func quantize(_ weights: Tensor, _ format: CodeFormat, codes: Tensor, scales: Tensor, offsets: Tensor) {
        ck_quantize_groups(
            weights.floatAddress, weights.count / format.groupSize, format.groupSize, Int32(format.bits),
            scales.floatAddress, offsets.floatAddress, codes.address(of: UInt8.self))
    }

    /// Codes of one byte each, [rows, width] ↦ [rows, width · bits / 8].
    static func packCodes(_ codes: Tensor, bits: Int, to packed: Tensor) {
        ck_pack_codes(
            codes.address(of: UInt8.self), codes.rows, codes.width, Int32(bits), packed.address(of: UInt8.self))
    }

    /// A step over the columns of one group, from `first` on.
    static func descend(_ descent: Descent, first: Int, choosesScales: Bool) {
        var step = ck_descent()
        step.rows = descent.weights.rows
        step.columns = descent.weights.width
        (step.first, step.group) = (first, descent.format.groupSize)
        (step.bits, step.rounding) = (Int32(descent.format.bits), descent.format.type.kernelType)
        step.weights = UnsafePointer(descent.weights.floatAddress)
        step.curvature = UnsafePointer(descent.curvature.floatAddress)
        step.difference = descent.difference.floatAddress
        step.slope = UnsafePointer(descent.slope.floatAddress)
        step.change = descent.change.floatAddress
        step.scales = descent.scales.floatAddress
        step.offsets = descent.offsets.floatAddress
        step.codes = descent.codes.address(of: UInt8.self)
        step.chooses_scales = choosesScales
        withExtendedLifetime(descent) { ck_descend(&step) }
    }
}
