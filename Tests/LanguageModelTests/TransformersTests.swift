import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing

/// What the Python packages make of folders written here.
@Suite("Interchange with transformers")
struct TransformersTests {
    @Test(
        "transformers loads the folders written here, misses nothing and computes the same logits",
        .enabled(
            if: Python.has("transformers", "torch", "safetensors"),
            "python3 has no transformers; INTERLINEAR_PYTHON may name an interpreter that has"))
    func logits() throws {
        let scratch = try Scratch()
        let ids = [5, 7, 9, 11, 36, 0, 2, 3]
        let names = ["llama", "llama-odd", "qwen2", "qwen2-window", "qwen3", "gemma3"]
        var ours: [String: Tensor] = [:]
        for (index, name) in names.enumerated() {
            let original = try TinyModels.checkpoint(name)
            let decoder = TransformerDecoder(
                random: original.configuration, .float32, deviation: 0.15, seed: UInt64(index))
            ours[name] = decoder.logits(of: ids)
            // Every other one in shards.
            try Checkpoint.write(
                decoder, json: original.json, fileNames: original.fileNames, type: .float32,
                shardBytes: index % 2 == 0 ? 20_000 : 1 << 30, to: scratch.path(name))
        }
        let script = """
            import sys, torch, transformers
            from safetensors.torch import save_file
            for folder in sys.argv[2:]:
                model, info = transformers.AutoModelForCausalLM.from_pretrained(
                    folder, dtype=torch.float32, output_loading_info=True)
                assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
                ids = torch.tensor([[int(i) for i in sys.argv[1].split(",")]])
                save_file({"logits": model.eval()(input_ids=ids).logits[0].detach()}, folder + "/theirs.safetensors")
            """
        let outcome = try Python.run(
            script, [ids.map(String.init).joined(separator: ",")] + names.map { scratch.path($0).path })
        try #require(outcome.status == 0, "\(outcome.errors)")
        for name in names {
            let theirs = try SafetensorsFile(scratch.path("\(name)/theirs.safetensors")).requiredTensor("logits")
            #expect(try #require(ours[name]).relativeError(to: theirs) <= 2e-5, "\(name)")
        }
    }

    @Test(
        "PEFT loads the adapters written here and computes the same logits",
        .enabled(
            if: Python.has("transformers", "torch", "safetensors", "peft"),
            "python3 has no peft; INTERLINEAR_PYTHON may name an interpreter that has"))
    func adapters() throws {
        let scratch = try Scratch()
        let checkpoint = try TinyModels.checkpoint("llama")
        let decoder = try TransformerDecoder(checkpoint)
        let configuration = LoRAConfiguration(rank: 4, alpha: 8, targets: ["k_proj", "up_proj"])
        try decoder.attachAdapters(configuration, seed: 1, precision: .float32)
        for (index, parameter) in decoder.adapterParameters.enumerated() {
            parameter.set(
                master: .uniform(parameter.value.shape, .float32, deviation: 0.2, seed: UInt64(index)),
                precision: .float32)
        }
        try decoder.writeAdapters(
            configuration, baseModel: nil, fileNames: checkpoint.fileNames, to: scratch.path("adapter"))
        let script = """
            import sys, torch, transformers, peft
            from safetensors.torch import save_file
            base = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
            model = peft.PeftModel.from_pretrained(base, sys.argv[2]).eval()
            ids = torch.tensor([[5, 7, 9, 11]])
            save_file({"logits": model(input_ids=ids).logits[0].detach()}, sys.argv[2] + "/theirs.safetensors")
            """
        let outcome = try Python.run(script, [checkpoint.folder.path, scratch.path("adapter").path])
        try #require(outcome.status == 0, "\(outcome.errors)")
        let theirs = try SafetensorsFile(scratch.path("adapter/theirs.safetensors")).requiredTensor("logits")
        #expect(decoder.logits(of: [5, 7, 9, 11]).relativeError(to: theirs) <= 2e-5)
    }
}
