import CKernels

/// The optimizer, and float32 masters in two halves.
extension Kernels {
    /// One step's numbers, see `ck_adamw`.
    struct AdamWStep {
        var learningRate, beta1, beta2, epsilon, weightDecay, gradientScale: Float
        var step: Int

        fileprivate var kernel: ck_adamw {
            ck_adamw(
                learning_rate: learningRate, beta1: beta1, beta2: beta2, eps: epsilon, weight_decay: weightDecay,
                gradient_scale: gradientScale, step: step)
        }
    }

    /// A step on a weight; `low` is the rest of a bfloat16 weight's master.
    static func adamW(
        _ step: AdamWStep, _ weight: Tensor, low: Tensor?, gradient: Tensor, first: Tensor, second: Tensor
    ) {
        var settings = step.kernel
        if let low {
            ck_adamw_bf16(
                &settings, weight.address(of: UInt16.self), low.address(of: Int16.self), gradient.floatAddress,
                first.floatAddress, second.floatAddress, gradient.count)
        } else {
            ck_adamw_f32(
                &settings, weight.floatAddress, gradient.floatAddress, first.floatAddress, second.floatAddress,
                gradient.count)
        }
    }

    /// A step on a table of which few rows have a gradient: row r has row slots[r] of it.
    static func adamWRows(
        _ step: AdamWStep, _ table: Tensor, low: Tensor?, gradient: Tensor, slots: [Int32], touched: inout [UInt8],
        first: Tensor, second: Tensor
    ) {
        var settings = step.kernel
        ck_adamw_rows(
            &settings, table.address, low?.address(of: Int16.self), gradient.floatAddress, slots, &touched,
            first.floatAddress, second.floatAddress, table.rows, table.width)
    }

    /// A float32 master as bfloat16 and the rest.
    static func split(master: Tensor, upper: Tensor, low: Tensor) {
        ck_split_master(master.floatAddress, upper.address(of: UInt16.self), low.address(of: Int16.self), master.count)
    }

    /// The other way.
    static func join(upper: Tensor, low: Tensor, master: Tensor) {
        ck_join_master(upper.address(of: UInt16.self), low.address(of: Int16.self), master.floatAddress, master.count)
    }
}
