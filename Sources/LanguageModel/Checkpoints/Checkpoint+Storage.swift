import JSON
import Tensors

extension Checkpoint {
    /// How most of its weights are stored, in words that files and messages keep: `bf16`, `mlx 4-bit group 64`, `gguf Q4_K`.
    public var storage: String {
        if let quantization { return quantization.summary }
        // A mix is named by the type of most of its bytes.
        var bytes: [String: Int] = [:]
        for name in fileNames.keys {
            guard let stored = try? stored(name), stored.shape.count == 2 else { continue }
            bytes[stored.typeName, default: 0] += stored.byteCount
        }
        let most = bytes.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? ElementType.bfloat16.rawValue
        let isPlain = ElementType(rawValue: most)?.isFloatingPoint == true
        return isPlain ? most.lowercased() : "gguf \(most)"
    }

    /// Whether its weights are stored as codes with scales.
    public var isQuantized: Bool { quantization != nil || storage.hasPrefix("gguf ") }

    /// The content hash of the model that it was made from by quantizing, where its `config.json` names one.
    public var quantizedFrom: String? { json[Checkpoint.quantizedFromKey]?.string?.lowercased() }

    /// The type of its own numbers, such as norms that are numbers in every format: that of a matrix, or of most vectors; bfloat16 where it
    /// has none.
    func numberType() throws -> ElementType {
        if let type = try stored("embed_tokens.weight")?.elementType, type.isFloatingPoint { return type }
        if quantization != nil, let type = try stored("norm.weight")?.elementType, type.isFloatingPoint { return type }
        return .bfloat16
    }
}
