import CKernels

// What the kernels call the kinds of things. No memory is touched here.

extension ElementType {
    var kernelType: ck_type {
        switch self {
        case .float32: CK_F32
        case .bfloat16: CK_BF16
        case .float16: CK_F16
        default: trap("the kernels do not compute with \(self)")
        }
    }

    /// What the kernels call it where it is the type of a scale; nil where it cannot be.
    var kernelScale: ck_scale_type? {
        switch self {
        case .float32: CK_SCALE_F32
        case .bfloat16: CK_SCALE_BF16
        case .float16: CK_SCALE_F16
        case .powerOfTwo: CK_SCALE_E8M0
        case .float8: CK_SCALE_E4M3
        default: nil
        }
    }
}

extension StoredLayout {
    /// Weights of one block; a row is whole blocks.
    public var blockWidth: Int { ck_block_weights(kernelLayout) }
    /// Bytes of one block.
    public var blockByteCount: Int { ck_block_bytes(kernelLayout) }

    var kernelLayout: ck_layout {
        switch self {
        case .q4_0: CK_Q4_0
        case .q4_1: CK_Q4_1
        case .q5_0: CK_Q5_0
        case .q5_1: CK_Q5_1
        case .q8_0: CK_Q8_0
        case .q2_K: CK_Q2_K
        case .q3_K: CK_Q3_K
        case .q4_K: CK_Q4_K
        case .q5_K: CK_Q5_K
        case .q6_K: CK_Q6_K
        case .q8_K: CK_Q8_K
        case .iq4_nl: CK_IQ4_NL
        case .iq4_xs: CK_IQ4_XS
        case .mxfp4: CK_MXFP4
        }
    }
}

extension GroupedCodes.Code {
    var kernelCode: ck_code {
        switch self {
        case .unsigned(2): CK_U2
        case .unsigned(3): CK_U3
        case .unsigned(4): CK_U4
        case .unsigned(5): CK_U5
        case .unsigned(6): CK_U6
        case .unsigned(8): CK_U8
        case .unsigned(let bits): trap("codes of \(bits) bits")
        case .signedByte: CK_I8
        case .float8: CK_E4M3
        case .pick(_, let highFirst): highFirst ? CK_PICK_HIGH : CK_PICK
        }
    }
}

extension Activation {
    var kernelActivation: ck_activation {
        switch self {
        case .silu: CK_SILU
        case .geluTanh: CK_GELU_TANH
        case .gelu: CK_GELU
        }
    }
}
