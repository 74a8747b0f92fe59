import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing

@Suite("Adapters")
struct AdapterTests {
    private func ids() throws -> [Int] { try TinyModels.expected("lora").requiredTensor("ids").integers() }

    @Test("An adapter of PEFT gives the logits that PEFT computes")
    func golden() throws {
        let decoder = try TransformerDecoder(TinyModels.checkpoint("llama"))
        let plain = decoder.logits(of: try ids())
        try decoder.attachAdapters(from: TinyModels.folder("lora"))
        let expected = try TinyModels.expected("lora").requiredTensor("logits")
        #expect(decoder.logits(of: try ids()).relativeError(to: expected) <= 2e-5)
        #expect(plain.relativeError(to: expected) > 1e-2)
    }

    @Test("Several adapters over one base compute with its weights where they lie, each as it does alone")
    func shared() throws {
        let checkpoint = try TinyModels.checkpoint("llama"), names = ["lora", "lora-patterns"]
        let decoders = try names.map { try ModelSource(checkpoint, adapter: TinyModels.folder($0)).decoder() }
        let base = try TransformerDecoder(checkpoint)
        for decoder in decoders {
            #expect(zip(decoder.parameters, base.parameters).allSatisfy { $0.value.sharesMemory(with: $1.value) })
        }
        for (decoder, name) in zip(decoders, names) {
            let expected = try TinyModels.expected(name)
            let ids = try expected.requiredTensor("ids").integers()
            #expect(decoder.logits(of: ids).relativeError(to: try expected.requiredTensor("logits")) <= 2e-5)
        }
        #expect(!decoders[0].embedding.value.copy().sharesMemory(with: base.embedding.value))
    }

    @Test("Written adapters give the same logits when they are read again")
    func roundTrip() throws {
        let scratch = try Scratch()
        let checkpoint = try TinyModels.checkpoint("llama")
        let decoder = try TransformerDecoder(checkpoint)
        let configuration = try decoder.attachAdapters(from: TinyModels.folder("lora"))
        try decoder.writeAdapters(
            configuration, baseModel: "llama", fileNames: checkpoint.fileNames, to: scratch.path("adapter"))
        let again = try TransformerDecoder(checkpoint)
        let read = try again.attachAdapters(from: scratch.path("adapter"))
        #expect(read.rank == 3 && read.alpha == 7 && read.targets == configuration.targets && !read.isRankStabilized)
        #expect(again.logits(of: try ids()).floats() == decoder.logits(of: try ids()).floats())
        let names = try SafetensorsFile(scratch.path("adapter/adapter_model.safetensors")).names
        #expect(
            names == (try SafetensorsFile(TinyModels.folder("lora").appending(path: "adapter_model.safetensors")).names)
        )
    }

    @Test("Adapters of a wrapped model are written under the names of its layers")
    func wrapped() throws {
        let scratch = try Scratch()
        let checkpoint = try TinyModels.checkpoint("gemma3-wrapped")
        let decoder = try TransformerDecoder(checkpoint)
        let configuration = LoRAConfiguration(rank: 2, alpha: 4, targets: ["q_proj"])
        try decoder.attachAdapters(configuration, seed: 1, precision: .float32)
        try decoder.writeAdapters(
            configuration, baseModel: nil, fileNames: checkpoint.fileNames, to: scratch.path("adapter"))
        let layer = try #require(checkpoint.fileNames["layers.0.self_attn.q_proj.weight"]).dropLast(".weight".count)
        let names = try SafetensorsFile(scratch.path("adapter/adapter_model.safetensors")).names
        #expect(names.contains("base_model.model.\(layer).lora_A.weight"))
        #expect(try TransformerDecoder(checkpoint).attachAdapters(from: scratch.path("adapter")).rank == 2)
    }

    @Test(
        "A fresh adapter changes nothing, and covers what it names",
        arguments: [
            (["q_proj"], 3), (["layers.1.mlp.up_proj"], 1), (LoRAConfiguration.allLinear, 21),
        ])
    func fresh(targets: [String], count: Int) throws {
        let decoder = try TransformerDecoder(TinyModels.checkpoint("llama"))
        let before = decoder.logits(of: [1, 2, 3])
        try decoder.attachAdapters(
            LoRAConfiguration(rank: 2, alpha: 4, targets: targets), seed: 1, precision: .float32)
        #expect(decoder.adapterParameters.count == 2 * count)
        #expect(decoder.adapterParameters.allSatisfy { $0.isTrainable })
        #expect(decoder.logits(of: [1, 2, 3]).relativeError(to: before) < 1e-6)
    }

    @Test("A target that names no layer is refused")
    func unknownTarget() throws {
        let decoder = try TransformerDecoder(TinyModels.checkpoint("llama"))
        let error = #expect(throws: ModelError.self) {
            try decoder.attachAdapters(
                LoRAConfiguration(rank: 2, alpha: 4, targets: ["proj"]), seed: 1, precision: .float32)
        }
        #expect(error?.description.contains("proj") == true)
    }

    @Test("A rank-stabilized adapter is scaled by the root of its rank")
    func rankStabilized() {
        var configuration = LoRAConfiguration(rank: 4, alpha: 8)
        #expect(configuration.scale == 2)
        configuration.isRankStabilized = true
        #expect(configuration.scale == 4)
    }

    @Test("An adapter for another model is refused, and none of it stays")
    func otherModel() throws {
        let scratch = try Scratch()
        let folder = scratch.path("adapter")
        try FileManager.default.copyItem(at: TinyModels.folder("lora"), to: folder)
        let file = folder.appending(path: "adapter_model.safetensors")
        let weights = try SafetensorsFile(file)
        var tensors = try weights.names.map { ($0, try weights.requiredTensor($0).copy()) }
        tensors.append(("base_model.model.model.layers.7.mlp.down_proj.lora_A.weight", Tensor(zeros: [3, 40])))
        try SafetensorsFile.write(tensors, to: file)
        let decoder = try TransformerDecoder(TinyModels.checkpoint("llama"))
        let before = decoder.logits(of: [1, 2, 3]).floats()
        let error = #expect(throws: ModelError.self) { try decoder.attachAdapters(from: folder) }
        #expect(error?.description.contains("layers.7") == true)
        #expect(decoder.adapterParameters.isEmpty)
        #expect(decoder.logits(of: [1, 2, 3]).floats() == before)
    }
}
