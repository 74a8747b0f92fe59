import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing

/// PEFT's `modules_to_save`: modules that an adapter brings whole.
@Suite("Modules that adapters bring whole")
struct SavedModuleTests {
    /// Adapters, and the models that they are over.
    static let adapters = [("lora-saved", "llama"), ("lora-saved-tied", "qwen2"), ("lora-saved-head", "qwen2")]

    private func ids(_ name: String) throws -> [Int] {
        try TinyModels.expected(name).requiredTensor("ids").integers()
    }

    /// A copy of the adapter lora-saved with other tensors in it; nil leaves one out.
    private func edited(_ scratch: Scratch, _ changes: [String: Tensor?]) throws -> URL {
        let folder = try scratch.copy(TinyModels.folder("lora-saved"))
        let file = folder.appending(path: "adapter_model.safetensors"), weights = try SafetensorsFile(file)
        var tensors = try Dictionary(
            uniqueKeysWithValues: weights.names.map { ($0, try weights.requiredTensor($0).copy()) })
        for (name, tensor) in changes { tensors[name] = tensor }
        try SafetensorsFile.write(tensors.sorted { $0.key < $1.key }.map { (name: $0.key, tensor: $0.value) }, to: file)
        return folder
    }

    private func message(_ folder: URL) throws -> String {
        let decoder = try TransformerDecoder(TinyModels.checkpoint("llama"))
        let before = decoder.logits(of: [1, 2, 3]).floats()
        let error = #expect(throws: ModelError.self) { try decoder.attachAdapters(from: folder) }
        // None of it stays.
        #expect(decoder.logits(of: [1, 2, 3]).floats() == before)
        return error?.description ?? ""
    }

    @Test("They take the place of the model's, and give the logits that PEFT computes", arguments: adapters)
    func goldens(name: String, base: String) throws {
        let decoder = try TransformerDecoder(TinyModels.checkpoint(base)), ids = try ids(name)
        let plain = decoder.logits(of: ids)
        try decoder.attachAdapters(from: TinyModels.folder(name))
        let expected = try TinyModels.expected(name).requiredTensor("logits")
        #expect(decoder.logits(of: ids).relativeError(to: expected) <= 2e-5)
        #expect(plain.relativeError(to: expected) > 1e-2)
        #expect(!decoder.configuration.tiesEmbeddings)
    }

    @Test(
        "A model that they are merged into computes the same, and says that its output matrix is its own",
        arguments: adapters)
    func merged(name: String, base: String) throws {
        let scratch = try Scratch(), checkpoint = try TinyModels.checkpoint(base), ids = try ids(name)
        let decoder = try TransformerDecoder(checkpoint)
        try decoder.attachAdapters(from: TinyModels.folder(name))
        let logits = decoder.logits(of: ids)
        try decoder.mergeAdapters(precision: .float32)
        try checkpoint.write(decoder, type: .float32, to: scratch.path("merged"))
        let merged = try Checkpoint(folder: scratch.path("merged"))
        #expect(merged.json["tie_word_embeddings"] == false && !merged.configuration.tiesEmbeddings)
        #expect(try TransformerDecoder(merged).logits(of: ids).relativeError(to: logits) <= 2e-6)
    }

    @Test("Those of parts that were not opened are left aside")
    func cut() throws {
        let checkpoint = try TinyModels.checkpoint("llama"), decoder = try TransformerDecoder(checkpoint, blockCount: 1)
        try decoder.attachAdapters(from: TinyModels.folder("lora-saved"))
        let saved = try SafetensorsFile(TinyModels.folder("lora-saved").appending(path: "adapter_model.safetensors"))
        let embedding = try saved.requiredTensor("base_model.model.model.embed_tokens.weight")
        #expect(decoder.embedding.value.floats() == embedding.floats())
    }

    @Test("They are kept in the type of the weights that they replace")
    func types() throws {
        let scratch = try Scratch(), checkpoint = try TinyModels.checkpoint("llama")
        try checkpoint.write(TransformerDecoder(checkpoint), type: .bfloat16, to: scratch.path("half"))
        let decoder = try TransformerDecoder(Checkpoint(folder: scratch.path("half")))
        try decoder.attachAdapters(from: TinyModels.folder("lora-saved"))
        #expect(decoder.parameters.allSatisfy { $0.value.elementType == .bfloat16 })
    }

    @Test(
        "What PEFT would not load is refused by name, and nothing of it stays",
        arguments: [
            ("model.norm.weight", nil, "norm.weight is one of them"),
            ("lm_head.weight", nil, "lm_head.weight is one of them"),
            ("lm_head.weight", Tensor(zeros: [38, 24]), "has shape [38, 24]"),
            ("model.norm.weight", Tensor(zeros: [24], .int32), "no floating-point"),
            ("model.norm.weight", Tensor([Float](repeating: .nan, count: 24), shape: [24]), "NaN"),
            ("model.layers.9.mlp.norm.weight", Tensor(zeros: [24]), "layers.9.mlp.norm.weight is no weight"),
            ("lm_head.modules_to_save.default.weight", Tensor(zeros: [37, 24]), "is no weight"),
            ("model.layers.0.mlp.down_proj.weight", Tensor(zeros: [24, 40]), "layers.0.mlp.down_proj"),
            ("model.layers.1.mlp.up_proj.lora_A.weight", Tensor(zeros: [2, 24]), "lora_A and lora_B"),
        ] as [(String, Tensor?, String)])
    func refused(name: String, tensor: Tensor?, says: String) throws {
        let scratch = try Scratch()
        let said = try message(edited(scratch, ["base_model.model.\(name)": tensor]))
        #expect(said.contains(says) && !said.contains("\n"), "\(said)")
    }

    @Test("A low-rank adapter of a module that is brought whole is refused")
    func both() throws {
        let scratch = try Scratch(), layer = "base_model.model.model.layers.1.mlp.up_proj"
        let folder = try edited(
            scratch,
            ["\(layer).lora_A.weight": Tensor(zeros: [2, 24]), "\(layer).lora_B.weight": Tensor(zeros: [40, 2])])
        #expect(try message(folder).contains("leaves out"))
    }

    @Test("Whole weights that the settings do not name are refused")
    func unnamed() throws {
        let scratch = try Scratch(), folder = try edited(scratch, [:])
        let file = folder.appending(path: "adapter_config.json")
        var json = try #require(try JSONValue.parse(Data(contentsOf: file)).object)
        json["modules_to_save"] = ["lm_head"]
        try Data(JSONValue.object(json).serialized().utf8).write(to: file)
        #expect(try message(folder).contains("embed_tokens.weight belongs to no linear layer"))
    }
}
