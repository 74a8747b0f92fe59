import Foundation
import GGUF
import Tensors

/// A kind of model as GGUF files name it: `general.architecture`, with what its converter did to the weights.
struct GGUFArchitecture: Sendable {
    /// The value of `general.architecture`, which also begins the names of its keys.
    let name: String
    /// The `model_type` of config.json.
    let modelType: String
    /// The class that transformers opens it with.
    let transformersClass: String
    /// The converter wrote the rows of queries and keys with the two halves of each head interleaved.
    let interleavesRotaryHalves: Bool
    /// The converter added 1 to the norms' weights.
    let addsOneToNorms: Bool
    /// Queries and keys have norms.
    let normalizesQueriesAndKeys: Bool
    /// Each sublayer's output has a norm, and `ffn_norm` stands before the MLP.
    let normalizesOutputs: Bool
    /// The layers of a block that may have biases, by the beginning of their family-independent names.
    let biases: [String]

    private init(
        _ name: String, _ modelType: String, _ transformersClass: String, interleavesRotaryHalves: Bool = false,
        addsOneToNorms: Bool = false, normalizesQueriesAndKeys: Bool = false, normalizesOutputs: Bool = false,
        biases: [String] = []
    ) {
        self.name = name
        self.modelType = modelType
        self.transformersClass = transformersClass
        self.interleavesRotaryHalves = interleavesRotaryHalves
        self.addsOneToNorms = addsOneToNorms
        self.normalizesQueriesAndKeys = normalizesQueriesAndKeys
        self.normalizesOutputs = normalizesOutputs
        self.biases = biases
    }

    /// What is read, as llama.cpp's convert_hf_to_gguf.py writes it.
    static let all = [
        GGUFArchitecture(
            "llama", "llama", "LlamaForCausalLM", interleavesRotaryHalves: true, biases: ["self_attn.", "mlp."]),
        GGUFArchitecture(
            "qwen2", "qwen2", "Qwen2ForCausalLM", biases: ["self_attn.q_", "self_attn.k_", "self_attn.v_"]),
        GGUFArchitecture("qwen3", "qwen3", "Qwen3ForCausalLM", normalizesQueriesAndKeys: true, biases: ["self_attn."]),
        GGUFArchitecture(
            "gemma3", "gemma3_text", "Gemma3ForCausalLM", addsOneToNorms: true, normalizesQueriesAndKeys: true,
            normalizesOutputs: true),
    ]

    /// The architecture of a file. Throws where it is not read.
    init(_ header: GGUFHeader) throws {
        let key = "general.architecture"
        let known = GGUFArchitecture.all.map(\.name).joined(separator: ", ")
        guard let name = try header.string(key) else {
            throw header.fail(key, "missing, so this is no model; name the model's file")
        }
        guard let found = GGUFArchitecture.all.first(where: { $0.name == name }) else {
            let says =
                name == "clip" ? "a vision model's projector; name the language model's file" : "known are \(known)"
            throw header.fail(key, "unknown architecture \(String(name.prefix(60)).debugDescription); \(says)")
        }
        self = found
    }
}

// MARK: - Names

extension GGUFArchitecture {
    /// The family-independent name of a tensor; nil for what is no part of the decoder.
    func canonicalName(_ name: String) -> String? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2, parts[1] == "weight" {
            switch parts[0] {
            case "token_embd": return "embed_tokens.weight"
            case "output_norm": return "norm.weight"
            case "output": return "lm_head.weight"
            default: return nil
            }
        }
        // A number is written in one way only.
        guard parts.count == 4, parts[0] == "blk", let block = Int(parts[1]), String(block) == parts[1], block >= 0,
            let layer = layer(parts[2]),
            parts[3] == "weight"
                || parts[3] == "bias" && layer.hasSuffix("_proj") && biases.contains(where: layer.hasPrefix)
        else { return nil }
        return "layers.\(block).\(layer).\(parts[3])"
    }

    /// The name in a file of a tensor with a family-independent name; nil where the architecture has none of that kind.
    func fileName(_ canonical: String) -> String? {
        switch canonical {
        case "embed_tokens.weight": return "token_embd.weight"
        case "norm.weight": return "output_norm.weight"
        case "lm_head.weight": return "output.weight"
        default:
            let parts = canonical.split(separator: ".").map(String.init)
            guard parts.count > 3, parts[0] == "layers", let kind = parts.last else { return nil }
            let layer = parts[2..<parts.count - 1].joined(separator: ".")
            return layers.first { $0.canonical == layer }.map { "blk.\(parts[1]).\($0.file).\(kind)" }
        }
    }

    private func layer(_ name: String) -> String? { layers.first { $0.file == name }?.canonical }

    /// The names of a block's layers, in the file and here.
    private var layers: [(file: String, canonical: String)] {
        let shared =
            [
                ("attn_norm", "input_layernorm"), ("attn_q", "self_attn.q_proj"), ("attn_k", "self_attn.k_proj"),
                ("attn_v", "self_attn.v_proj"), ("attn_output", "self_attn.o_proj"), ("ffn_gate", "mlp.gate_proj"),
                ("ffn_up", "mlp.up_proj"), ("ffn_down", "mlp.down_proj"),
            ]
            + (normalizesQueriesAndKeys
                ? [("attn_q_norm", "self_attn.q_norm"), ("attn_k_norm", "self_attn.k_norm")] : [])
        guard normalizesOutputs else { return shared + [("ffn_norm", "post_attention_layernorm")] }
        return shared + [
            ("post_attention_norm", "post_attention_layernorm"), ("ffn_norm", "pre_feedforward_layernorm"),
            ("post_ffw_norm", "post_feedforward_layernorm"),
        ]
    }
}

// MARK: - What the converter did to the weights

extension GGUFArchitecture {
    /// Whether the rows of a tensor are interleaved: queries and keys, weights and biases.
    func isInterleaved(_ canonical: String) -> Bool {
        interleavesRotaryHalves && (canonical.contains(".q_proj.") || canonical.contains(".k_proj."))
    }

    /// Whether 1 was added to a tensor.
    func hasOneAdded(_ canonical: String) -> Bool { addsOneToNorms && canonical.hasSuffix("norm.weight") }

    /// The rows of a file's matrix in the order that this package, like transformers, has them: within each head the first halves of
    /// the pairs that are turned, then the second halves. llama.cpp has the two of each pair side by side.
    static func rowsInHalves(_ count: Int, headWidth: Int) -> [Int32] {
        (0..<count).map { row in
            let (head, place) = row.quotientAndRemainder(dividingBy: headWidth)
            let (half, pair) = place.quotientAndRemainder(dividingBy: headWidth / 2)
            return Int32(head * headWidth + 2 * pair + half)
        }
    }

    /// The inverse of ``rowsInHalves(_:headWidth:)``: the rows as a file has them.
    static func rowsInPairs(_ count: Int, headWidth: Int) -> [Int32] {
        (0..<count).map { row in
            let (head, place) = row.quotientAndRemainder(dividingBy: headWidth)
            return Int32(head * headWidth + place % 2 * (headWidth / 2) + place / 2)
        }
    }
}
