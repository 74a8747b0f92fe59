import Foundation
import JSON
import Tensors
import TestSupport
import Testing

/// Ways for an adapter to be wrong.
enum AdapterDamage {
    private static let layer = "base_model.model.model.layers.1.mlp.down_proj"

    private static func setting(_ key: String, _ value: JSONValue?) -> Damage {
        Damage("\(key): \(value?.serialized() ?? "missing")", mentions: ["adapter_config.json", key]) { folder in
            try Folders.edit(folder.appending(path: "adapter_config.json")) { $0[key] = value }
        }
    }

    private static func tensors(_ name: String, mentions: [String], _ changes: [String: Tensor?]) -> Damage {
        Damage(name, mentions: ["adapter_model.safetensors"] + mentions) { folder in
            try Folders.rewrite(folder.appending(path: "adapter_model.safetensors"), changes)
        }
    }

    static let all: [Damage] = [
        setting("peft_type", "IA3"), setting("r", 0), setting("r", "3"), setting("use_dora", "yes"),
        setting("bias", "all"), setting("fan_in_fan_out", 1), setting("init_lora_weights", "pissa"),
        setting("modules_to_save", ["embed_tokens"]), setting("modules_to_save", "embed_tokens"),
        setting("rank_pattern", ["q_proj": "4"]), setting("lora_alpha", "7"), setting("lora_alpha", .number(1e300)),
        setting("lora_bias", true), setting("use_rslora", 1), setting("alora_invocation_tokens", [1]),
        Damage("magnitudes asked for and not there", mentions: ["adapter_model.safetensors", "use_dora"]) { folder in
            try Folders.edit(folder.appending(path: "adapter_config.json")) { $0["use_dora"] = true }
        },
        Damage("no rank, which is then PEFT's own", mentions: ["adapter_model.safetensors", "rank 8"]) { folder in
            try Folders.edit(folder.appending(path: "adapter_config.json")) { $0["r"] = nil }
        },
        Damage("a rank of its own for some layers", mentions: ["layers.0.self_attn.q_proj", "rank 4"]) { folder in
            try Folders.edit(folder.appending(path: "adapter_config.json")) { $0["rank_pattern"] = ["q_proj": 4] }
        },
        tensors(
            "another rank", mentions: ["layers.0.self_attn.q_proj"],
            ["base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": Tensor(zeros: [4, 24])]),
        tensors(
            "only one half", mentions: ["layers.1.mlp.down_proj", "lora_B"], ["\(layer).lora_B.weight": nil]),
        tensors(
            "another half", mentions: ["layers.1.mlp.down_proj", "lora_A"], ["\(layer).lora_A.weight": nil]),
        tensors(
            "a layer that is not there", mentions: ["layers.9"],
            ["base_model.model.model.layers.9.mlp.down_proj.lora_A.weight": Tensor(zeros: [3, 40])]),
        tensors(
            "NaN", mentions: ["layers.1.mlp.down_proj", "NaN"],
            ["\(layer).lora_B.weight": Tensor([Float](repeating: .nan, count: 72), shape: [24, 3])]),
        tensors(
            "whole numbers", mentions: ["layers.1.mlp.down_proj"],
            ["\(layer).lora_B.weight": Tensor(zeros: [24, 3], .int32)]),
        Damage("no adapters", mentions: ["adapter_model.safetensors", "no adapters"]) { folder in
            try SafetensorsFile.write([], to: folder.appending(path: "adapter_model.safetensors"))
        },
        Damage("no weights", mentions: ["adapter_model.safetensors"]) { folder in
            try FileManager.default.removeItem(at: folder.appending(path: "adapter_model.safetensors"))
        },
        Damage("no configuration", mentions: ["adapter_config.json", "missing"]) { folder in
            try FileManager.default.removeItem(at: folder.appending(path: "adapter_config.json"))
        },
        Damage("a configuration that is no JSON", mentions: ["adapter_config.json", "line 1"]) { folder in
            try Folders.write("{", to: folder.appending(path: "adapter_config.json"))
        },
    ]
}

@Suite("Damaged adapters")
struct BadAdapterTests {
    @Test("A damaged adapter is refused in one line", arguments: AdapterDamage.all)
    func adapter(damage: Damage) throws {
        try withScratch { folder in
            let adapter = try Folders.copy(of: "lora", into: folder)
            try damage.apply(adapter)
            let output = folder.appending(path: "out.safetensors")
            try Command.fail(
                [
                    "extract", "--model", Folders.model("llama").path, "--ids", "1", "--adapter", adapter.path,
                    "--output",
                    output.path,
                ], mentioning: damage.mentions)
            #expect(!FileManager.default.fileExists(atPath: output.path))
        }
    }

    @Test("An adapter folder that is not there is refused")
    func missing() throws {
        try withScratch { folder in
            try Command.fail(
                [
                    "extract", "--model", Folders.model("llama").path, "--ids", "1", "--adapter", "/no/such/adapter",
                    "--output",
                    folder.appending(path: "o").path,
                ], mentioning: ["/no/such/adapter"])
        }
    }
}
