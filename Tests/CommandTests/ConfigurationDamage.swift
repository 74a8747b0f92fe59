import Foundation
import JSON

/// Ways for a `config.json` to be wrong.
enum ConfigurationDamage {
    private static func text(_ name: String, _ text: String, mentions: [String]) -> Damage {
        Damage(name, mentions: ["config.json"] + mentions) {
            try Folders.write(text, to: $0.appending(path: "config.json"))
        }
    }

    private static func value(_ key: String, _ value: JSONValue?, mentions: [String] = []) -> Damage {
        Damage("\(key): \(value?.serialized() ?? "missing")", mentions: ["config.json", key] + mentions) { model in
            try Folders.edit(model.appending(path: "config.json")) { $0[key] = value }
        }
    }

    private static func rope(_ key: String, _ value: JSONValue?) -> Damage {
        Damage("rope_parameters.\(key): \(value?.serialized() ?? "missing")", mentions: ["rope_parameters", key]) {
            model in
            try Folders.edit(model.appending(path: "config.json")) { json in
                var rope = json["rope_parameters"]?.object ?? JSONObject()
                rope[key] = value
                json["rope_parameters"] = .object(rope)
            }
        }
    }

    static let files: [Damage] = [
        text("nothing", "", mentions: ["empty file"]),
        text("half an object", "{\"model_type\": \"llama\",\n \"vocab", mentions: ["line 2"]),
        text("a list", "[]", mentions: ["object"]),
        text("a web page", "<!DOCTYPE html><title>404</title>", mentions: ["web page"]),
        text("a server's message", "{\"error\": \"Repository not found\"}", mentions: ["Repository not found"]),
        text("no UTF-8", "{\"model_type\": \"\u{0}\"}", mentions: ["line 1"]),
        text("an empty object", "{}", mentions: ["model_type"]),
        text("deep nesting", String(repeating: "{\"a\":", count: 100_000), mentions: ["line 1"]),
        Damage("none", mentions: ["config.json", "missing"]) {
            try FileManager.default.removeItem(at: $0.appending(path: "config.json"))
        },
        Damage("a folder", mentions: ["config.json"]) { model in
            try FileManager.default.removeItem(at: model.appending(path: "config.json"))
            try FileManager.default.createDirectory(
                at: model.appending(path: "config.json"), withIntermediateDirectories: false)
        },
    ]

    private static let sizes = [
        "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
        "head_dim",
        "vocab_size",
    ]
    private static let absurd: [JSONValue] = [
        0, -1, 0.5, "24", [24], true, 1_000_000_000, 4_294_967_296, .integer(.max), .number(1e300), .number(.nan),
    ]

    static let numbers: [Damage] = sizes.flatMap { key in
        absurd.map { value in
            // The absurdity of a size that is only large shows against the others, or against the weights.
            Damage("\(key): \(value.serialized())", mentions: value == 1_000_000_000 ? [] : ["config.json", key]) {
                model in
                try Folders.edit(model.appending(path: "config.json")) { $0[key] = value }
            }
        }
    }

    static let settings: [Damage] = [
        value("model_type", "mamba", mentions: ["unknown architecture", "llama"]),
        value("model_type", .string(String(repeating: "x", count: 100_000))),
        value("model_type", 5), value("model_type", nil), value("vocab_size", nil), value("num_hidden_layers", nil),
        value("hidden_act", "relu6", mentions: ["unknown activation", "silu"]), value("hidden_act", 5),
        Damage("heads that do not divide the width", mentions: ["config.json", "num_attention_heads", "10"]) { model in
            try Folders.edit(model.appending(path: "config.json")) { json in
                json["head_dim"] = nil
                json["num_attention_heads"] = 10
            }
        }, value("num_key_value_heads", 3), value("head_dim", 7),
        value("rms_norm_eps", .null), value("is_causal", false), value("rms_norm_eps", -1),
        value("rms_norm_eps", .number(1e300)), value("rms_norm_eps", "small"),
        value("tie_word_embeddings", "yes"), value("attention_bias", 1), value("mlp_bias", .string("")),
        value("rope_parameters", "default"), value("rope_parameters", []),
        value("quantization_config", ["bits": 4], mentions: ["not supported"]), value("text_config", 3),
    ]

    static let ropes: [Damage] = [
        rope("rope_type", "dynamic"), rope("rope_type", 3), rope("rope_theta", 0), rope("rope_theta", -5),
        rope("rope_theta", "big"), rope("rope_theta", .number(1e300)), rope("factor", 0), rope("factor", nil),
        rope("factor", .number(.infinity)), rope("factor", "4"), rope("low_freq_factor", -1),
        rope("low_freq_factor", 4),
        rope("high_freq_factor", nil), rope("original_max_position_embeddings", 0), rope("partial_rotary_factor", 0.5),
    ]

    static let gemma: [Damage] = [
        value("attn_logit_softcapping", 50), value("final_logit_softcapping", 30),
        value("use_bidirectional_attention", true),
        value("query_pre_attn_scalar", 0), value("sliding_window", 0), value("sliding_window", -4),
        value("layer_types", ["full_attention"]), value("layer_types", "full_attention"),
        value("layer_types", ["a", "b", "c", "d", "e", "f", "g"]), value("rope_parameters", ["rope_theta": 10000]),
    ]

    static let qwen: [Damage] = [
        value("sliding_window", "3"), value("max_window_layers", "1"), value("max_window_layers", -1),
        value("use_sliding_window", 1),
    ]
}
