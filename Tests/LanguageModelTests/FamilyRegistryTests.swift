import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing

/// Families that another package brings: llama's computation under names of their own.
@Suite("Registered families")
struct FamilyRegistryTests {
    private static let settingNames = [
        "num_hidden_layers": "n_layer", "hidden_size": "n_embd", "tie_word_embeddings": "shares_embeddings",
    ]
    private static let weightNames = [
        ("transformer.h.", "model.layers."), ("transformer.wte.", "model.embed_tokens."),
        ("transformer.ln_f.", "model.norm."),
    ]

    private static func family(_ type: String) -> ModelFamily {
        ModelFamily(
            modelTypes: [type], settingNames: settingNames,
            weightName: { name in
                for (own, usual) in weightNames where name.hasPrefix(own) {
                    return Checkpoint.canonicalName(usual + name.dropFirst(own.count))
                }
                return name.hasPrefix("lm_head.") ? name : nil
            }, configuration: ModelFamily.llama.configuration)
    }

    /// The llama of the goldens in a folder, as this family would have written it.
    private static func renamed(_ type: String, in scratch: Scratch) throws -> URL {
        let folder = scratch.path("model")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var json = try #require(try TinyModels.json("llama").object)
        json["model_type"] = .string(type)
        for (usual, own) in settingNames {
            json[own] = json[usual]
            json[usual] = nil
        }
        try AtomicFile.write(JSONValue.object(json).serialized(), to: folder.appending(path: "config.json"))
        let file = try SafetensorsFile(TinyModels.folder("llama").appending(path: "model.safetensors"))
        let tensors = try file.names.map { name in
            let own = weightNames.first { name.hasPrefix($0.1) }.map { $0.0 + name.dropFirst($0.1.count) }
            return (own ?? name, try file.requiredTensor(name))
        }
        try SafetensorsFile.write(tensors, to: folder.appending(path: "model.safetensors"))
        return folder
    }

    private func logits(_ checkpoint: Checkpoint) throws -> [Float] {
        try TransformerDecoder(checkpoint).logits(of: [1, 5, 2, 9]).floats()
    }

    @Test("A family with settings and weights of its own names opens, computes and is written again")
    func renamed() throws {
        let scratch = try Scratch()
        let folder = try Self.renamed("renamed-llama", in: scratch)
        #expect(throws: ModelError.self) { try Checkpoint(folder: folder) }
        try ModelFamily.register(Self.family("renamed-llama"))
        let checkpoint = try Checkpoint(folder: folder)
        #expect(checkpoint.configuration.family == "renamed-llama")
        #expect(checkpoint.fileNames["layers.0.mlp.up_proj.weight"] == "transformer.h.0.mlp.up_proj.weight")
        #expect(try logits(checkpoint) == logits(TinyModels.checkpoint("llama")))
        try checkpoint.write(TransformerDecoder(checkpoint), type: .float32, to: scratch.path("copy"))
        let copy = try Checkpoint(folder: scratch.path("copy"))
        #expect(copy.fileNames == checkpoint.fileNames)
        #expect(try logits(copy) == logits(checkpoint))
    }

    @Test("An adapter finds its layers under the family's names")
    func adapters() throws {
        let scratch = try Scratch()
        let folder = try Self.renamed("adapted-llama", in: scratch)
        try ModelFamily.register(Self.family("adapted-llama"))
        let checkpoint = try Checkpoint(folder: folder)
        let decoder = try TransformerDecoder(checkpoint)
        let settings = LoRAConfiguration(rank: 2, alpha: 4, targets: ["q_proj"])
        try decoder.attachAdapters(settings, seed: 1, precision: .float32)
        try decoder.writeAdapters(
            settings, baseModel: nil, fileNames: checkpoint.fileNames, to: scratch.path("adapter"))
        let names = try SafetensorsFile(scratch.path("adapter/adapter_model.safetensors")).names
        #expect(names.allSatisfy { $0.contains("transformer.h.") })
        #expect(try TransformerDecoder(checkpoint).attachAdapters(from: scratch.path("adapter")).rank == 2)
    }

    @Test("A message about a setting has the file's name for it")
    func messages() throws {
        try ModelFamily.register(Self.family("named-llama"))
        var json = try #require(try TinyModels.json("llama").object)
        json["model_type"] = "named-llama"
        let error = #expect(throws: ModelError.self) {
            try DecoderConfiguration(json: .object(json), source: "config.json")
        }
        #expect(error?.description.contains("n_embd: missing") == true)
    }

    @Test("A model_type is registered once, and the built-in ones are taken")
    func duplicates() throws {
        try ModelFamily.register(Self.family("once"))
        #expect(throws: ModelError.self) { try ModelFamily.register(Self.family("once")) }
        let mixed = ModelFamily(
            modelTypes: ["never-known", "qwen2"], configuration: ModelFamily.qwen2.configuration)
        let error = #expect(throws: ModelError.self) { try ModelFamily.register(mixed) }
        #expect(error?.description.contains("qwen2") == true)
        #expect(ModelFamily.named("never-known") == nil)
        #expect(ModelFamily.named("qwen2")?.name == "qwen2" && ModelFamily.named("gemma3")?.name == "gemma3_text")
    }

    @Test("Threads may register and read at once")
    func threads() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<64 {
                group.addTask {
                    try ModelFamily.register(Self.family("thread-\(index)"))
                    #expect(ModelFamily.named("thread-\(index)") != nil && ModelFamily.named("llama") != nil)
                }
            }
            try await group.waitForAll()
        }
        #expect(ModelFamily.all.count(where: { $0.name.hasPrefix("thread-") }) == 64)
    }
}
