/// How a tensor of a GGUF file holds its weights: a number for each, or blocks of a fixed number of weights with their scales.
///
/// Numbers, names and sizes are those of ggml (`ggml_type` in ggml.h). A row of a matrix holds whole blocks.
package enum GGMLType: UInt32, Sendable, CaseIterable {
    case f32 = 0
    case f16 = 1
    case q4_0 = 2
    case q4_1 = 3
    case q5_0 = 6
    case q5_1 = 7
    case q8_0 = 8
    case q2_K = 10
    case q3_K = 11
    case q4_K = 12
    case q5_K = 13
    case q6_K = 14
    case q8_K = 15
    case iq4_NL = 20
    case iq4_XS = 23
    case i8 = 24
    case i16 = 25
    case i32 = 26
    case i64 = 27
    case f64 = 28
    case bf16 = 30
    case mxfp4 = 39

    /// Weights of one block, and the bytes it takes.
    package var block: (weights: Int, bytes: Int) {
        switch self {
        case .f32, .i32: (1, 4)
        case .f16, .bf16, .i16: (1, 2)
        case .f64, .i64: (1, 8)
        case .i8: (1, 1)
        case .q4_0, .iq4_NL: (32, 18)
        case .q4_1: (32, 20)
        case .q5_0: (32, 22)
        case .q5_1: (32, 24)
        case .q8_0: (32, 34)
        case .mxfp4: (32, 17)
        case .q2_K: (256, 84)
        case .q3_K: (256, 110)
        case .q4_K: (256, 144)
        case .q5_K: (256, 176)
        case .q6_K: (256, 210)
        case .q8_K: (256, 292)
        case .iq4_XS: (256, 136)
        }
    }

    /// The name in messages and in the names of files: `Q4_K`.
    package var name: String { "\(self)".uppercased() }

    /// Whether several weights share a block.
    package var isPacked: Bool { block.weights > 1 }

    /// Whether it holds whole numbers, which no weights are.
    package var isInteger: Bool { [.i8, .i16, .i32, .i64].contains(self) }

    /// Bytes of a row of `count` weights; nil where it would end within a block.
    package func rowBytes(_ count: Int) -> Int? {
        let (blocks, rest) = count.quotientAndRemainder(dividingBy: block.weights)
        return rest == 0 ? blocks * block.bytes : nil
    }

    /// The name of a type that is not read, or its number.
    static func foreignName(_ number: UInt32) -> String { foreignNames[number] ?? "number \(number)" }

    private static let foreignNames: [UInt32: String] = [
        4: "Q4_2", 5: "Q4_3", 9: "Q8_1", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 21: "IQ3_S",
        22: "IQ2_S", 29: "IQ1_M", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8", 34: "TQ1_0", 35: "TQ2_0",
        36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8", 40: "NVFP4", 41: "Q1_0",
    ]
}
