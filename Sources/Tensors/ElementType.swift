import CKernels

/// The type of a tensor's elements in memory.
public enum ElementType: String, Sendable, CaseIterable {
    case float32 = "F32"
    case bfloat16 = "BF16"
    case float16 = "F16"
    case int64 = "I64"
    case int32 = "I32"
    case int16 = "I16"
    /// Bytes, such as the codes of stored weights.
    case uint8 = "U8"

    /// Bytes of one element.
    public var byteCount: Int {
        switch self {
        case .int64: 8
        case .float32, .int32: 4
        case .bfloat16, .float16, .int16: 2
        case .uint8: 1
        }
    }

    /// Whether kernels can compute with it.
    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .bfloat16, .float16: true
        case .int64, .int32, .int16, .uint8: false
        }
    }

    var kernelType: ck_type {
        switch self {
        case .float32: CK_F32
        case .bfloat16: CK_BF16
        case .float16: CK_F16
        default: trap("the kernels do not compute with \(self)")
        }
    }
}

/// What matrix products take in. Sums, norms, softmax and the residual stream are float32 in both.
public enum Precision: String, Sendable, CaseIterable {
    case float32 = "f32"
    case bfloat16 = "bf16"

    /// The element type of a matrix product's inputs.
    public var elementType: ElementType { self == .float32 ? .float32 : .bfloat16 }

    /// The faster one here: bfloat16 where this CPU has instructions for its products, float32 elsewhere.
    public static var native: Precision { Machine.multipliesBFloat16 ? .bfloat16 : .float32 }
}
