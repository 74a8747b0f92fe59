/// The type of a tensor's elements in memory.
public enum ElementType: String, Sendable, CaseIterable {
    case float32 = "F32"
    case bfloat16 = "BF16"
    case float16 = "F16"
    case int64 = "I64"
    case int32 = "I32"
    case int16 = "I16"
    case int8 = "I8"
    /// Words of packed codes.
    case uint32 = "U32"
    /// Bytes, such as the codes of stored weights.
    case uint8 = "U8"
    /// Floats of eight bits: one of sign, four of exponent, three of mantissa; no infinities. Kernels read them as codes only.
    case float8 = "F8_E4M3"
    /// Powers of two from 2⁻¹²⁷ to 2¹²⁷: the exponent alone. Kernels read them as scales only.
    case powerOfTwo = "F8_E8M0"

    /// Bytes of one element.
    public var byteCount: Int {
        switch self {
        case .int64: 8
        case .float32, .int32, .uint32: 4
        case .bfloat16, .float16, .int16: 2
        case .uint8, .int8, .float8, .powerOfTwo: 1
        }
    }

    /// Whether kernels can compute with it.
    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .bfloat16, .float16: true
        case .int64, .int32, .int16, .int8, .uint32, .uint8, .float8, .powerOfTwo: false
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
