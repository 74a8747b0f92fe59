import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing

/// What PEFT writes into adapter_config.json: computed as PEFT does, or refused by name.
@Suite("Settings of adapters")
struct AdapterSettingTests {
    /// A copy of a committed adapter with changed settings.
    private func adapter(_ scratch: Scratch, of name: String = "lora", _ changes: [String: JSONValue?]) throws -> URL {
        let folder = scratch.path("adapter")
        try FileManager.default.copyItem(at: TinyModels.folder(name), to: folder)
        let file = folder.appending(path: "adapter_config.json")
        var json = try #require(try JSONValue.parse(Data(contentsOf: file)).object)
        for (key, value) in changes { json[key] = value }
        try Data(JSONValue.object(json).serialized().utf8).write(to: file)
        return folder
    }

    private func logits(_ folder: URL, _ ids: [Int]) throws -> Tensor {
        let decoder = try TransformerDecoder(TinyModels.checkpoint("llama"))
        try decoder.attachAdapters(from: folder)
        return decoder.logits(of: ids)
    }

    @Test(
        "Patterns for names, ranks and scales, layers, copies of the output matrix, and magnitudes of rows give what PEFT computes",
        arguments: ["lora-patterns", "lora-head", "dora"])
    func goldens(name: String) throws {
        let expected = try TinyModels.expected(name)
        let ids = try expected.requiredTensor("ids").integers()
        let ours = try logits(TinyModels.folder(name), ids)
        #expect(ours.relativeError(to: try expected.requiredTensor("logits")) <= 2e-5)
        #expect(try TransformerDecoder(TinyModels.checkpoint("llama")).logits(of: ids).relativeError(to: ours) > 1e-2)
    }

    @Test(
        "Adapters that are attached are written with their own ranks, scales and layers, and give the same again",
        arguments: ["lora", "lora-patterns", "lora-head"])
    func written(name: String) throws {
        let scratch = try Scratch()
        let checkpoint = try TinyModels.checkpoint("llama"), decoder = try TransformerDecoder(checkpoint)
        try decoder.attachAdapters(from: TinyModels.folder(name))
        let folder = scratch.path("written")
        try decoder.writeAdapters(fileNames: checkpoint.fileNames, to: folder)
        let ids = try TinyModels.expected(name).requiredTensor("ids").integers()
        // What PEFT computes, through the file that was written.
        #expect(
            try logits(folder, ids).relativeError(to: try TinyModels.expected(name).requiredTensor("logits")) <= 2e-5)
        #expect(try logits(folder, ids).floats() == decoder.logits(of: ids).floats())
        #expect(throws: ModelError.self) { try TransformerDecoder(checkpoint).writeAdapters(to: scratch.path("none")) }
    }

    @Test(
        "Settings that change nothing in a loaded adapter are taken",
        arguments: [
            ("init_lora_weights", "gaussian"), ("init_lora_weights", "eva"), ("init_lora_weights", "orthogonal"),
            ("init_lora_weights", "mica"), ("init_lora_weights", .null), ("init_lora_weights", false),
            ("lora_dropout", 0.5),
            ("fan_in_fan_out", true), ("layers_to_transform", []), ("exclude_modules", []),
            ("exclude_modules", ["up_proj"]),
            ("loftq_config", ["loftq_bits": 4]), ("eva_config", ["rho": 2.0]), ("target_modules", ".*(q|down)_proj"),
            ("target_modules", "all-linear"), ("rank_pattern", ["up_proj": 7]), ("a_setting_of_the_future", false),
            ("layers_to_transform", [0, 1, 2]), ("task_type", "FEATURE_EXTRACTION"), ("modules_to_save", []),
            ("modules_to_save", ["score", "classifier"]),
        ] as [(String, JSONValue)])
    func taken(key: String, value: JSONValue) throws {
        let scratch = try Scratch()
        let expected = try TinyModels.expected("lora")
        let ids = try expected.requiredTensor("ids").integers()
        let ours = try logits(try adapter(scratch, [key: value]), ids)
        #expect(ours.relativeError(to: try expected.requiredTensor("logits")) <= 2e-5)
    }

    @Test(
        "Settings that compute something else are refused by name",
        arguments: [
            ("init_lora_weights", "pissa"), ("init_lora_weights", "pissa_niter_4"), ("init_lora_weights", "olora"),
            ("init_lora_weights", "loftq"), ("init_lora_weights", "corda"), ("init_lora_weights", "lora_ga"),
            ("init_lora_weights", "of the future"), ("use_dora", "yes"), ("bias", "lora_only"), ("bias", "all"),
            ("lora_bias", true), ("modules_to_save", ["lm_head"]), ("modules_to_save", "lm_head"),
            ("layer_replication", [[0, 2], [1, 3]]),
            ("trainable_token_indices", [1]), ("trainable_token_indices", ["embed_tokens": [1]]),
            ("target_parameters", ["mlp.weight"]), ("use_qalora", true), ("use_bdlora", [:]), ("arrow_config", [:]),
            ("velora_config", [:]), ("kasa_config", [:]), ("monteclora_config", [:]), ("alora_invocation_tokens", []),
            ("ensure_weight_tying", true), ("megatron_config", ["a": 1]), ("a_setting_of_the_future", true),
            ("peft_type", "LOHA"), ("peft_type", "ADALORA"), ("peft_type", .null), ("use_rslora", .null),
            ("rank_pattern", ["q_proj": 0]), ("rank_pattern", ["(": 3]), ("alpha_pattern", ["q_proj": "3"]),
            ("target_modules", "(q_proj"), ("target_modules", 5), ("layers_to_transform", -1), ("lora_alpha", .null),
        ] as [(String, JSONValue)])
    func refused(key: String, value: JSONValue) throws {
        let scratch = try Scratch()
        let folder = try adapter(scratch, [key: value])
        let error = #expect(throws: ModelError.self) { try logits(folder, [1, 2]) }
        #expect(error?.description.contains("adapter_config.json: \(key)") == true, "\(error?.description ?? "")")
    }

    @Test(
        "A file that holds more than its settings cover is refused: PEFT would leave the rest out",
        arguments: [
            ("target_modules", ["q_proj"]), ("layers_to_transform", 0), ("exclude_modules", ["layers.1.mlp.down_proj"]),
            ("exclude_modules", ".*q_proj"), ("target_modules", .null), ("layers_to_transform", [7]),
        ] as [(String, JSONValue)])
    func uncovered(key: String, value: JSONValue) throws {
        let scratch = try Scratch()
        let folder = try adapter(scratch, [key: value])
        let error = #expect(throws: ModelError.self) { try logits(folder, [1, 2]) }
        #expect(error?.description.contains("leaves out") == true, "\(error?.description ?? "")")
    }

    @Test(
        "Magnitudes of rows are where the settings ask for them, one for each row, or the adapter is refused",
        arguments: [
            ("lora", true, nil, "has no magnitudes"), ("dora", false, nil, "does not say use_dora"),
            ("dora", true, Tensor(zeros: [25]), "shape [25]"),
            ("dora", true, Tensor([Float](repeating: .nan, count: 24), shape: [24]), "finite"),
            ("dora", true, Tensor(zeros: [24], .int32), "finite"),
        ] as [(String, Bool, Tensor?, String)])
    func magnitudes(name: String, isAsked: Bool, tensor: Tensor?, says: String) throws {
        let scratch = try Scratch()
        let folder = try adapter(scratch, of: name, ["use_dora": .bool(isAsked)])
        if let tensor {
            let file = folder.appending(path: "adapter_model.safetensors"), weights = try SafetensorsFile(file)
            let changed = "base_model.model.model.layers.1.self_attn.q_proj.lora_magnitude_vector"
            let tensors = try weights.names.map { name -> (String, Tensor) in
                let own = try weights.requiredTensor(name).copy()
                return (name, name == changed ? tensor : own)
            }
            try SafetensorsFile.write(tensors, to: file)
        }
        let error = #expect(throws: ModelError.self) { try logits(folder, [1, 2]) }
        #expect(error?.description.contains(says) == true, "\(error?.description ?? "")")
    }

    @Test("A model with magnitudes merged into it computes the same after it was written")
    func decomposed() throws {
        let scratch = try Scratch(), checkpoint = try TinyModels.checkpoint("llama")
        let expected = try TinyModels.expected("dora"), ids = try expected.requiredTensor("ids").integers()
        let decoder = try TransformerDecoder(checkpoint)
        try decoder.attachAdapters(from: TinyModels.folder("dora"))
        #expect(decoder.adapterParameters.isEmpty)
        try checkpoint.write(decoder, type: .float32, to: scratch.path("merged"))
        let merged = try TransformerDecoder(Checkpoint(folder: scratch.path("merged"))).logits(of: ids)
        #expect(merged.relativeError(to: try expected.requiredTensor("logits")) <= 2e-5)
        // The file of the base is as it was.
        let again = try TransformerDecoder(checkpoint).logits(of: ids)
        #expect(again.relativeError(to: merged) > 1e-2)
    }

    @Test("Older files name the magnitudes as weights")
    func olderNames() throws {
        let scratch = try Scratch(), folder = try adapter(scratch, of: "dora", [:])
        let file = folder.appending(path: "adapter_model.safetensors"), weights = try SafetensorsFile(file)
        let tensors = try weights.names.map {
            ($0.hasSuffix("magnitude_vector") ? $0 + ".weight" : $0, try weights.requiredTensor($0).copy())
        }
        try SafetensorsFile.write(tensors, to: file)
        let expected = try TinyModels.expected("dora")
        let ours = try logits(folder, try expected.requiredTensor("ids").integers())
        #expect(ours.relativeError(to: try expected.requiredTensor("logits")) <= 2e-5)
    }

    @Test("A pattern that would be tried for ever does not match")
    func slowPattern() throws {
        let scratch = try Scratch()
        let slow: JSONValue = .object(JSONObject([("(((a|_|[a-z.0-9])+)+)+!", 5)]))
        let folder = try adapter(scratch, ["alpha_pattern": slow])
        #expect(try logits(folder, [1, 2]).shape == [2, 37])
    }

    @Test("Another output matrix beside its adapter is refused")
    func otherHead() throws {
        let scratch = try Scratch()
        let folder = try adapter(scratch, of: "lora-head", [:])
        let file = folder.appending(path: "adapter_model.safetensors")
        let weights = try SafetensorsFile(file)
        let name = "base_model.model.lm_head.base_layer.weight"
        var tensors = try weights.names.map { ($0, try weights.requiredTensor($0).copy()) }
        tensors.removeAll { $0.0 == name }
        try SafetensorsFile.write(tensors + [(name, Tensor(zeros: [37, 24]))], to: file)
        let error = #expect(throws: ModelError.self) { try logits(folder, [1, 2]) }
        #expect(error?.description.contains(name) == true)
    }
}
