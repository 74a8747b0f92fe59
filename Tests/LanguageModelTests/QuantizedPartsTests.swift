import Foundation
import GGUF
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing

/// What a quantized checkpoint says of its parts, sentence by sentence of the formats' descriptions: scales that are no numbers, settings
/// that wrap others, layers that are named in several ways, what is quantized beside weights.
@Suite("Parts of quantized checkpoints")
struct QuantizedPartsTests {
    private typealias Named = [(name: String, tensor: Tensor)]

    /// A copy of a fixture with other settings and tensors.
    private func changed(
        _ name: String, _ scratch: Scratch, settings: (inout JSONObject) -> Void = { _ in },
        tensors: (String, Tensor) throws -> Named = { [($0, $1)] }
    ) throws -> URL {
        let folder = scratch.path(name + UUID().uuidString)
        try FileManager.default.copyItem(at: QuantizedModels.folder(name), to: folder)
        let place = folder.appending(path: "config.json"), weights = folder.appending(path: "model.safetensors")
        var json = try #require(try JSONValue.parse(Data(contentsOf: place)).object)
        settings(&json)
        try Data(JSONValue.object(json).serialized().utf8).write(to: place)
        let file = try SafetensorsFile(weights)
        try SafetensorsFile.write(try file.names.flatMap { try tensors($0, file.requiredTensor($0)) }, to: weights)
        return folder
    }

    private func opened(_ folder: URL) throws -> TransformerDecoder {
        try TransformerDecoder(Checkpoint(folder: folder))
    }

    private func refusal(_ folder: URL) -> String {
        do {
            _ = try opened(folder)
            return ""
        } catch { return "\(error)" }
    }

    /// Whether a decoder gives the logits that the fixture's own folder gives.
    private func expectSame(_ folder: URL, _ name: String) throws {
        let ids = [3, 31, 0, 17]
        let wanted = try TransformerDecoder(QuantizedModels.checkpoint(name)).logits(of: ids).floats()
        #expect(try opened(folder).logits(of: ids).floats() == wanted, "\(name)")
    }

    /// One element of a scale as NaN, in the type that it has: 255 of a power of two, 127 of an eight-bit float.
    private func withNaN(_ tensor: Tensor, _ name: String) -> Tensor {
        guard tensor.elementType == .uint8 else {
            var values = tensor.floats()
            values[values.count - 1] = .nan
            return Tensor(values, shape: tensor.shape).converted(to: tensor.elementType)
        }
        var bytes = tensor.bytes(0..<tensor.byteCount)
        bytes[bytes.count - 1] = name == "mlx-nvfp4" ? 0x7F : 0xFF
        return Tensor(bytes: bytes, shape: tensor.shape)
    }

    @Test("A NaN in any scale or table is named when the model is opened", arguments: QuantizedModels.names)
    func scales(name: String) throws {
        let scratch = try Scratch()
        let file = try SafetensorsFile(QuantizedModels.folder(name).appending(path: "model.safetensors"))
        let layer = "model.layers.0.mlp.up_proj."
        let kinds = [
            "scales", "biases", "weight_scale", "weight_scale_inv", "SCB", "weight.absmax", "weight.quant_map",
            "weight.nested_absmax", "weight.nested_quant_map",
        ]
        // The scales of double quantization are codes themselves.
        let parts = kinds.filter { part in
            file.names.contains(layer + part)
                && !(part == "weight.absmax" && file.names.contains(layer + "weight.nested_absmax"))
        }
        #expect(!parts.isEmpty)
        for part in parts {
            let folder = try changed(name, scratch, tensors: { [($0, $0 == layer + part ? withNaN($1, name) : $1)] })
            let line = refusal(folder)
            #expect(
                line.contains("up_proj.\(part)") && line.contains("NaN") && !line.contains("\n"), "\(part): \(line)")
        }
    }

    @Test("Settings of a wrapped text model are its own", arguments: ["gptq-4", "mlx-mixed", "packed-4", "bnb-nf4"])
    func wrapped(name: String) throws {
        let scratch = try Scratch()
        let folder = try changed(name, scratch) { json in
            var text = json
            if let settings = text["quantization"]?.object {
                // The layers have the wrapper's names.
                text["quantization"] = .object(
                    JSONObject(settings.map { ($0.contains(".") ? "language_model.\($0)" : $0, $1) }))
                text["quantization_config"] = text["quantization"]
            }
            json = ["model_type": "llava", "tie_word_embeddings": false, "text_config": .object(text)]
        } tensors: {
            [("language_model.\($0)", $1)]
        }
        try expectSame(folder, name)
        let both = try changed(name, scratch) { json in
            var inner = json
            inner["quantization"] = nil
            inner["quantization_config"] = ["quant_method": "awq", "bits": 4, "group_size": 32]
            json["text_config"] = .object(inner)
        }
        #expect(refusal(both).contains("differ"))
    }

    @Test("An embedding that is quantized is the output matrix, too, where the file ties them")
    func tied() throws {
        let scratch = try Scratch()
        func tensors(_ name: String, _ tensor: Tensor) -> Named { name.hasPrefix("lm_head.") ? [] : [(name, tensor)] }
        let tied = try changed("mlx-4", scratch, settings: { $0["tie_word_embeddings"] = true }, tensors: tensors)
        let copied = try changed(
            "mlx-4", scratch,
            tensors: { name, tensor in
                if name.hasPrefix("lm_head.") { return [] }
                guard name.hasPrefix("model.embed_tokens.") else { return [(name, tensor)] }
                return [(name, tensor), ("lm_head." + name.dropFirst("model.embed_tokens.".count), tensor)]
            })
        let one = try Checkpoint(folder: tied), other = try Checkpoint(folder: copied)
        #expect(one.configuration.tiesEmbeddings && !other.configuration.tiesEmbeddings)
        let ids = [3, 31, 0, 17, 8]
        #expect(
            try TransformerDecoder(one).logits(of: ids).floats() == TransformerDecoder(other).logits(of: ids).floats())
        // Without the flag there is no output matrix.
        #expect(refusal(try changed("mlx-4", scratch, tensors: tensors)).contains("no output matrix lm_head.weight"))
    }

    @Test("Lists of layers that are left alone change nothing: the tensors say which are")
    func ignored() throws {
        let scratch = try Scratch()
        func check(_ name: String, _ key: String, _ layers: JSONValue) throws {
            let folder = try changed(name, scratch) { json in
                var settings = json["quantization_config"]?.object ?? JSONObject()
                settings[key] = layers
                json["quantization_config"] = .object(settings)
            }
            try expectSame(folder, name)
        }
        try check("packed-4", "ignore", ["lm_head", "re:.*norm", "visual"])
        try check("fp8-blocks", "modules_to_not_convert", ["lm_head"])
        try check("awq-4", "modules_to_not_convert", ["lm_head", "visual"])
        try check("bnb-int8", "llm_int8_skip_modules", ["lm_head"])
    }

    /// Targets as `match_targets` of compressed-tensors 0.20 orders them: names, then patterns, then classes.
    @Test("A layer's own name counts more than a pattern, and that more than its class")
    func targets() throws {
        let scratch = try Scratch()
        let layers = [
            "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj",
            "mlp.up_proj", "mlp.down_proj",
        ].map { "model.layers.0.\($0)" }
        func group(_ targets: [String], size: Int) -> JSONValue {
            [
                "targets": .array(targets.map { .string($0) }),
                "weights": [
                    "num_bits": 4, "type": "int", "symmetric": true, "strategy": "group", "group_size": .integer(size),
                ],
            ]
        }
        func folder(_ groups: [JSONValue]) throws -> URL {
            try changed("packed-4", scratch) { json in
                var settings = json["quantization_config"]?.object ?? JSONObject()
                settings["config_groups"] = .object(
                    JSONObject(groups.enumerated().map { ("group_\($0.offset)", $0.element) }))
                json["quantization_config"] = .object(settings)
            }
        }
        // Groups of 32 are right.
        try expectSame(folder([group(["re:.*proj"], size: 64), group(layers, size: 32)]), "packed-4")
        try expectSame(folder([group(["Linear"], size: 64), group(["re:.*proj"], size: 32)]), "packed-4")
        try expectSame(folder([group(["lm_head"], size: 64), group(["Linear"], size: 32)]), "packed-4")
        try expectSame(folder([group(["Embedding"], size: 64), group(["Linear"], size: 32)]), "packed-4")
        try expectSame(folder([group(["re:.*proj"], size: 32), group(["re:model.*proj"], size: 64)]), "packed-4")
        #expect(refusal(try folder([group(["re:.*proj"], size: 32), group(layers, size: 64)])).contains("_proj"))
        #expect(refusal(try folder([group(["Embedding"], size: 32)])).contains("config_groups say nothing of it"))
        #expect(refusal(try folder([group(["re:proj"], size: 32)])).contains("config_groups say nothing of it"))
    }

    @Test("Columns that were reordered need the tensor that says how")
    func reordered() throws {
        let scratch = try Scratch()
        let gptq = try changed("gptq-4-order", scratch, tensors: { $0.hasSuffix("up_proj.g_idx") ? [] : [($0, $1)] })
        #expect(refusal(gptq).contains("up_proj.g_idx: the checkpoint has no such tensor, which desc_act asks for"))
        // In order, or in one group, nothing is missing.
        let inOrder = try changed("gptq-4", scratch, tensors: { $0.hasSuffix("g_idx") ? [] : [($0, $1)] })
        try expectSame(inOrder, "gptq-4")
        for (order, isRefused) in [("group", true), ("dynamic", true), ("weight", false), ("static", false)] {
            let packed = try changed("packed-4", scratch) { json in
                var settings = json["quantization_config"]?.object ?? JSONObject()
                var groups = settings["config_groups"]?.object ?? JSONObject()
                var group = groups["group_0"]?.object ?? JSONObject(),
                    weights = group["weights"]?.object ?? JSONObject()
                weights["actorder"] = .string(order)
                group["weights"] = .object(weights)
                groups["group_0"] = .object(group)
                settings["config_groups"] = .object(groups)
                json["quantization_config"] = .object(settings)
            }
            #expect(refusal(packed).contains("weight_g_idx") == isRefused, "\(order): \(refusal(packed))")
        }
    }

    @Test("What is quantized beside weights is said, and computed without")
    func activations() throws {
        let scratch = try Scratch()
        func remarks(_ name: String, _ edit: (inout JSONObject) -> Void) throws -> [String] {
            let folder = try changed(name, scratch) { json in
                var settings = json["quantization_config"]?.object ?? JSONObject()
                edit(&settings)
                json["quantization_config"] = .object(settings)
            }
            try expectSame(folder, name)
            return try Checkpoint(folder: folder).quantizationRemarks
        }
        let int8 = try remarks("int-8") { settings in
            var groups = settings["config_groups"]?.object ?? JSONObject(),
                group = groups["group_0"]?.object ?? JSONObject()
            group["input_activations"] = ["num_bits": 8, "type": "int", "dynamic": true, "strategy": "token"]
            groups["group_0"] = .object(group)
            settings["config_groups"] = .object(groups)
            settings["kv_cache_scheme"] = ["num_bits": 8, "type": "float"]
        }
        #expect(int8.count == 1 && int8[0].contains("(input_activations, kv_cache_scheme)") && !int8[0].contains("\n"))
        #expect(try remarks("int-8") { _ in }.isEmpty)
        #expect(try remarks("fp8-blocks") { _ in }.first?.contains("(activation_scheme)") == true)
        #expect(try remarks("bnb-int8") { _ in }.first?.contains("(load_in_8bit)") == true)
        for name in ["mlx-4", "gptq-4", "awq-4", "bnb-nf4"] {
            #expect(try QuantizedModels.checkpoint(name).quantizationRemarks.isEmpty, "\(name)")
        }
    }

    @Test(
        "A method that is not read is named",
        arguments: [
            "aqlm", "auto-round", "bitnet", "compressed_tensors", "eetq", "fbgemm_fp8", "fp_quant", "higgs", "hqq",
            "modelopt", "mxfp4", "quanto", "quark", "spqr", "torchao", "vptq",
        ])
    func methods(name: String) throws {
        let scratch = try Scratch()
        let folder = try changed("gptq-4", scratch) { $0["quantization_config"] = ["quant_method": .string(name)] }
        let line = refusal(folder)
        #expect(line.contains("\"\(name)\" is not supported; read are") && !line.contains("\n"), "\(line)")
    }

    @Test("Formats of compressed-tensors that are not read are named")
    func formats() throws {
        let scratch = try Scratch()
        for format in ["nvfp4-pack-quantized", "mxfp4-pack-quantized", "marlin-24", "sparse-bitmask", "dense"] {
            let folder = try changed("packed-4", scratch) { json in
                var settings = json["quantization_config"]?.object ?? JSONObject()
                settings["format"] = .string(format)
                json["quantization_config"] = .object(settings)
            }
            #expect(refusal(folder).contains("\"\(format)\" is not supported"), "\(format): \(refusal(folder))")
        }
    }

    @Test(
        "Codes without settings are refused, not taken for numbers",
        arguments: ["mlx-4", "int-8", "fp8-blocks", "bnb-nf4"])
    func withoutSettings(name: String) throws {
        let scratch = try Scratch()
        let folder = try changed(name, scratch) { json in
            json["quantization"] = nil
            json["quantization_config"] = nil
        }
        let line = refusal(folder)
        #expect(line.contains("names no quantization") || line.contains("has shape"), "\(line)")
    }

    @Test("A folder of codes is not written as GGUF, and says why")
    func conversion() throws {
        #expect {
            _ = try GGUFConversion(QuantizedModels.checkpoint("gptq-4"), as: .f16)
        } throws: { "\($0)".contains("its weights are quantized (gptq)") }
    }

    @Test("A scale of a GGUF block that is NaN is named once it is computed with", arguments: ["Q8_0", "Q4_1", "Q6_K"])
    func blocks(name: String) throws {
        let scratch = try Scratch()
        let layout = try #require(StoredLayout(rawValue: name)),
            type = try #require(GGMLType.allCases.first { $0.name == name })
        let place = ["Q8_0": 0, "Q4_1": 2, "Q6_K": 208][name] ?? 0
        // Rows of whole blocks, 256 wide.
        let matrix = try Self.wideModel(scratch)
        var builder = try ConvertedModel.builder(matrix, "qwen3")
        let index = try #require(builder.tensors.firstIndex { $0.name == "blk.1.ffn_down.weight" })
        let shape = try #require(try matrix.stored("layers.1.mlp.down_proj.weight")).shape
        var bytes = [UInt8](repeating: 0, count: shape[0] * shape[1] / layout.blockWidth * layout.blockByteCount)
        builder.tensors[index] = .init(
            "blk.1.ffn_down.weight", type: type.rawValue, shape.reversed().map(UInt64.init), bytes)
        try builder.write(to: scratch.path("whole.gguf"))
        #expect(try Checkpoint(folder: scratch.path("whole.gguf")).nonFiniteWeights().isEmpty)
        bytes[place] = 0
        bytes[place + 1] = 0x7E
        builder.tensors[index] = .init(
            "blk.1.ffn_down.weight", type: type.rawValue, shape.reversed().map(UInt64.init), bytes)
        try builder.write(to: scratch.path("damaged.gguf"))
        let damaged = try Checkpoint(folder: scratch.path("damaged.gguf"))
        #expect(try damaged.nonFiniteWeights() == ["blk.1.ffn_down.weight"])
        let extractor = ActivationExtractor(damaged, try TransformerDecoder(damaged), precision: .float32)
        let error = #expect(throws: ModelError.self) {
            try extractor.extract([[1, 2, 3]], .init(layers: [1], logits: false))
        }
        #expect(error?.description.contains("blk.1.ffn_down.weight holds NaN") == true, "\(error?.description ?? "")")
    }

    /// A tiny Qwen 3 whose MLP is 256 wide, of random weights.
    private static func wideModel(_ scratch: Scratch) throws -> Checkpoint {
        let folder = try scratch.copy(TinyModels.folder("qwen3"))
        let place = folder.appending(path: "config.json"), weights = folder.appending(path: "model.safetensors")
        var json = try #require(try JSONValue.parse(Data(contentsOf: place)).object)
        json["intermediate_size"] = 256
        try Data(JSONValue.object(json).serialized().utf8).write(to: place)
        let file = try SafetensorsFile(weights)
        var random = Random(seed: 9)
        let tensors = try file.names.map { name -> (name: String, tensor: Tensor) in
            let tensor = try file.requiredTensor(name)
            guard name.contains(".mlp.") else { return (name, tensor) }
            let shape = name.contains("down_proj") ? [tensor.shape[0], 256] : [256, tensor.shape[1]]
            return (name, .random(shape, deviation: 0.1, using: &random))
        }
        try SafetensorsFile.write(tensors, to: weights)
        return try Checkpoint(folder: folder)
    }
}
