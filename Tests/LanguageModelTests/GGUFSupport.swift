import Foundation
import LanguageModel
import Tensors
import TestSupport

/// GGUF files of the tiny checkpoints, made as llama.cpp's convert_hf_to_gguf.py makes them: names, reversed axes, interleaved rows of
/// Llama's queries and keys, norms of Gemma with 1 added.
enum ConvertedModel {
    /// The file of a checkpoint of the architecture `llama`, `qwen2`, `qwen3` or `gemma3`.
    static func builder(_ checkpoint: Checkpoint, _ architecture: String) throws -> GGUFBuilder {
        var builder = GGUFBuilder(metadata(checkpoint.configuration, architecture))
        for name in checkpoint.fileNames.keys.sorted() {
            guard let tensor = try checkpoint.tensor(name), let fileName = fileName(name, architecture) else {
                continue
            }
            if name == "lm_head.weight", checkpoint.configuration.tiesEmbeddings { continue }
            var floats = tensor.floats()
            let width = tensor.shape.count > 1 ? tensor.shape[1] : 1
            if architecture == "llama", name.contains(".q_proj.") || name.contains(".k_proj.") {
                floats = interleaved(floats, width: width, headWidth: checkpoint.configuration.headWidth)
            }
            if architecture == "gemma3", name.hasSuffix("norm.weight") { floats = floats.map { $0 + 1 } }
            builder.tensors.append(.init(fileName, tensor.shape, floats: floats))
        }
        return builder
    }

    /// `permute` of the converter: `w.reshape(heads, 2, width / 2, …).swapaxes(1, 2).reshape(…)`.
    static func interleaved<Element>(_ rows: [Element], width: Int, headWidth: Int) -> [Element] {
        var result: [Element] = []
        for head in 0..<rows.count / width / headWidth {
            for pair in 0..<headWidth / 2 {
                for half in 0..<2 {
                    let row = (head * 2 + half) * (headWidth / 2) + pair
                    result += rows[row * width..<(row + 1) * width]
                }
            }
        }
        return result
    }

    private static func metadata(
        _ c: DecoderConfiguration, _ architecture: String
    ) -> [(String, GGUFBuilder.Value)] {
        func key(_ name: String) -> String { "\(architecture).\(name)" }
        return [
            ("general.architecture", .string(architecture)), (key("block_count"), .uint32(UInt32(c.blockCount))),
            (key("context_length"), .uint32(64)), (key("embedding_length"), .uint32(UInt32(c.hiddenSize))),
            (key("feed_forward_length"), .uint32(UInt32(c.intermediateSize))),
            (key("attention.head_count"), .uint32(UInt32(c.headCount))),
            (key("attention.head_count_kv"), .uint32(UInt32(c.keyValueHeadCount))),
            (key("attention.key_length"), .uint32(UInt32(c.headWidth))),
            (key("attention.value_length"), .uint32(UInt32(c.headWidth))),
            (key("attention.layer_norm_rms_epsilon"), .float32(c.normEpsilon)),
            (key("rope.freq_base"), .float32(Float(c.rotaries[0].base))),
        ]
    }

    private static func fileName(_ name: String, _ architecture: String) -> String? {
        switch name {
        case "embed_tokens.weight": return "token_embd.weight"
        case "norm.weight": return "output_norm.weight"
        case "lm_head.weight": return "output.weight"
        default: break
        }
        let isGemma = architecture == "gemma3"
        let layers = [
            "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
            "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
            "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
            "mlp.down_proj": "ffn_down", "post_attention_layernorm": isGemma ? "post_attention_norm" : "ffn_norm",
            "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
        ]
        let parts = name.split(separator: ".").map(String.init)
        guard parts.count >= 4, let layer = layers[parts[2..<parts.count - 1].joined(separator: ".")] else {
            return nil
        }
        return "blk.\(parts[1]).\(layer).\(parts[parts.count - 1])"
    }
}
