import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing

/// Tiny quantized checkpoints beside what their packages make of them (Tests/Goldens/make_quantized.py).
enum QuantizedModels {
    static let names = [
        "mlx-4", "mlx-8", "mlx-mixed", "mlx-mxfp4", "mlx-mxfp8", "mlx-nvfp4",
        "packed-4", "packed-4-zeros", "packed-3-channel", "packed-8-zeros", "int-8", "int-8-zeros",
        "float-8-tensor", "float-8-channel", "float-8-block", "fp8-blocks",
        "gptq-4", "gptq-4-order", "gptq-3", "gptq-2-zeros", "gptq-8", "awq-4", "bnb-nf4", "bnb-fp4", "bnb-int8",
    ]

    static func folder(_ name: String) -> URL { goldens.appending(path: "quantized/\(name)") }

    static func checkpoint(_ name: String) throws -> Checkpoint { try Checkpoint(folder: folder(name)) }

    static func expected(_ name: String) throws -> JSONValue {
        try JSONValue.parse(Data(contentsOf: folder(name).appending(path: "expected.json")))
    }

    /// Numbers of float32, little endian, in hexadecimal digits.
    static func floats(_ hexadecimal: String?) throws -> [Float] {
        let digits = Array(try #require(hexadecimal).utf8)
        func value(_ digit: UInt8) -> UInt32 { UInt32(digit) - (digit < 58 ? 48 : 87) }
        return stride(from: 0, to: digits.count, by: 8).map { begin in
            Float(
                bitPattern: (0..<4).reduce(0) { sum, byte in
                    let place = begin + 2 * byte
                    return sum | (value(digits[place]) << 4 | value(digits[place + 1])) << UInt32(8 * byte)
                })
        }
    }

    /// The FNV-1a hash of numbers as float32, little endian.
    static func hash(_ values: [Float]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for value in values {
            for shift in stride(from: UInt32(0), to: 32, by: 8) {
                hash = (hash ^ UInt64(value.bitPattern >> shift & 255)) &* 0x100_0000_01B3
            }
        }
        return String(format: "%016llx", hash)
    }
}

@Suite("Quantized checkpoints")
struct QuantizationTests {
    @Test(
        "Weights are the package's, bit for bit, and take a byte or less, with their scales",
        arguments: QuantizedModels.names)
    func weights(name: String) throws {
        let decoder = try TransformerDecoder(try QuantizedModels.checkpoint(name))
        let expected = try #require(try QuantizedModels.expected(name)["weights"]?.object)
        var found: Set<String> = []
        for parameter in decoder.parameters {
            let layer = (parameter.name.hasPrefix("lm_head") ? "" : "model.") + parameter.name.dropLast(".weight".count)
            guard let golden = expected[layer] else {
                guard case .dense = parameter.storage else {
                    Issue.record("\(parameter.name) is stored, and no golden")
                    continue
                }
                continue
            }
            guard case .stored(let matrix) = parameter.storage else {
                Issue.record("\(parameter.name) is not stored")
                continue
            }
            found.insert(layer)
            let values = matrix.unpacked().floats()
            let first = try QuantizedModels.floats(golden["first"]?.string)
            #expect(values.prefix(8).map(\.bitPattern) == first.map(\.bitPattern), "\(layer)")
            #expect(QuantizedModels.hash(values) == golden["hash"]?.string, "\(layer)")
            #expect(Double(matrix.byteCount) <= 1.13 * Double(values.count), "\(layer): \(matrix.byteCount)")
        }
        #expect(found == Set(expected.keys))
    }

    @Test("Logits are transformers' on the dequantized weights", arguments: QuantizedModels.names)
    func logits(name: String) throws {
        let expected = try QuantizedModels.expected(name)
        let ids = try #require(expected["ids"]?.array).compactMap(\.int)
        let logits = try QuantizedModels.floats(expected["logits"]?.string)
        let reference = Tensor(logits, shape: [ids.count, logits.count / ids.count])
        let decoder = try TransformerDecoder(try QuantizedModels.checkpoint(name))
        #expect(decoder.logits(of: ids).relativeError(to: reference) < 2e-5)
        // Many rows take another way through the kernels, and one row, too.
        let many = decoder.logits(of: Array(repeating: ids, count: 5).flatMap { $0 })
        #expect(many.rows(0..<ids.count).relativeError(to: reference) < 2e-5)
        #expect(decoder.logits(of: [ids[0]]).relativeError(to: reference.rows(0..<1)) < 2e-5)
    }

    @Test(
        "What is written of a quantized checkpoint are its numbers",
        arguments: ["mlx-mixed", "gptq-4-order", "bnb-nf4"])
    func written(name: String) throws {
        let scratch = try Scratch(), folder = scratch.path("model")
        let checkpoint = try QuantizedModels.checkpoint(name), decoder = try TransformerDecoder(checkpoint)
        try checkpoint.write(decoder, type: .float32, to: folder)
        let again = try Checkpoint(folder: folder), other = try TransformerDecoder(again)
        #expect(checkpoint.quantizationMethod != nil && again.quantizationMethod == nil)
        #expect(try again.otherTensors().isEmpty)
        for (one, other) in zip(decoder.parameters, other.parameters) {
            #expect(one.name == other.name && one.value.floats() == other.value.floats())
        }
        #expect(decoder.logits(of: [3, 1, 4]).relativeError(to: other.logits(of: [3, 1, 4])) < 2e-5)
    }
}

@Suite("Quantized checkpoints that are refused")
struct QuantizationRefusalTests {
    /// What is said of a fixture with other settings, at the latest when its weights are asked for.
    private func refusal(_ name: String, _ edit: (inout JSONObject) -> Void) throws -> String {
        let scratch = try Scratch(), folder = try scratch.copy(QuantizedModels.folder(name))
        let place = folder.appending(path: "config.json")
        var json = try #require(try JSONValue.parse(Data(contentsOf: place)).object)
        edit(&json)
        try Data(JSONValue.object(json).serialized().utf8).write(to: place)
        let error = #expect(throws: (any Error).self) { _ = try TransformerDecoder(Checkpoint(folder: folder)) }
        return error.map { "\($0)" } ?? ""
    }

    /// The same with one setting of the quantization changed.
    private func refusal(_ name: String, _ path: [String], _ value: JSONValue?) throws -> String {
        func changed(_ old: JSONValue?, _ path: ArraySlice<String>) -> JSONValue? {
            guard let key = path.first else { return value }
            var object = old?.object ?? JSONObject()
            object[key] = changed(object[key], path.dropFirst())
            return .object(object)
        }
        return try refusal(name) { json in
            for key in ["quantization", "quantization_config"] where json[key] != nil {
                json[key] = changed(json[key], path[...])
            }
        }
    }

    @Test("A method, format or option that is not read is named")
    func settings() throws {
        let weights = ["config_groups", "group_0", "weights"]
        let cases: [(String, [String], JSONValue?, String)] = [
            ("gptq-4", ["quant_method"], "hqq", "hqq"), ("gptq-4", ["quant_method"], nil, "quant_method"),
            ("mlx-4", ["mode"], "mxfp9", "mxfp9"), ("mlx-4", ["bits"], 7, "bits: 7"),
            ("mlx-4", ["group_size"], 48, "group_size: 48"), ("mlx-4", ["rotation"], "hadamard", "rotation"),
            ("mlx-mxfp4", ["bits"], 8, "bits: 8"),
            ("packed-4", ["format"], "marlin-24", "marlin-24"),
            ("packed-4", ["sparsity_config"], ["format": "sparse-24-bitmask"], "sparsity_config"),
            ("packed-4", ["transform_config"], ["a": 1], "transform_config"),
            ("packed-4", weights + ["strategy"], "tensor_group", "tensor_group"),
            ("packed-4", weights + ["type"], "complex", "complex"), ("packed-4", weights + ["levels"], 3, "levels"),
            ("packed-4", ["quantization_status"], "frozen", "quantization_status"),
            ("fp8-blocks", ["fmt"], "e5m2", "e5m2"), ("fp8-blocks", ["weight_block_size"], [128], "weight_block_size"),
            ("gptq-4", ["bits"], 5, "bits: 5"), ("gptq-4", ["checkpoint_format"], "marlin", "marlin"),
            ("gptq-4", ["dynamic"], ["+:.*": ["bits": 8]], "dynamic"),
            ("awq-4", ["version"], "gemv", "gemv"), ("awq-4", ["bits"], 8, "bits"),
            ("awq-4", ["zero_point"], false, "zero_point"),
            ("bnb-nf4", ["bnb_4bit_quant_storage"], "bfloat16", "bnb_4bit_quant_storage"),
        ]
        for (name, path, value, mention) in cases {
            let line = try refusal(name, path, value)
            #expect(line.contains(mention) && line.contains("config.json") && !line.contains("\n"), "\(path): \(line)")
        }
        let both = try refusal("gptq-4") { $0["quantization"] = ["group_size": 64, "bits": 4] }
        #expect(both.contains("quantization_config") && both.contains("differ"), "\(both)")
    }

    @Test("Settings that the tensors contradict are refused")
    func contradictions() throws {
        let weights = ["config_groups", "group_0", "weights"]
        let cases: [(String, [String], JSONValue?)] = [
            ("mlx-4", ["bits"], 8), ("mlx-4", ["group_size"], 32), ("mlx-4", ["mode"], "mxfp4"),
            ("mlx-nvfp4", ["mode"], "affine"),
            ("packed-4", weights + ["num_bits"], 8), ("packed-4", weights + ["group_size"], 64),
            ("packed-4", weights + ["symmetric"], false), ("packed-4-zeros", weights + ["symmetric"], true),
            ("packed-4", weights + ["strategy"], "channel"), ("int-8", weights + ["type"], "float"),
            ("float-8-block", weights + ["block_structure"], [64, 64]),
            ("fp8-blocks", ["weight_block_size"], [128, 128]),
            ("gptq-4", ["bits"], 8), ("gptq-4", ["group_size"], 128), ("awq-4", ["group_size"], 64),
        ]
        for (name, path, value) in cases {
            let line = try refusal(name, path, value)
            #expect(!line.isEmpty && !line.contains("\n"), "\(name) \(path): \(line)")
        }
    }

    /// What is said of a fixture whose tensors were changed.
    private func refusal(_ name: String, tensors edit: (String, Tensor) -> Tensor?) throws -> String {
        let scratch = try Scratch(), folder = try scratch.copy(QuantizedModels.folder(name))
        let place = folder.appending(path: "model.safetensors"), file = try SafetensorsFile(place)
        let tensors = try file.names.compactMap { name in
            try edit(name, file.requiredTensor(name)).map { (name: name, tensor: $0) }
        }
        try SafetensorsFile.write(tensors, to: place)
        let error = #expect(throws: (any Error).self, "\(name)") {
            _ = try TransformerDecoder(Checkpoint(folder: folder))
        }
        return error.map { "\($0)" } ?? ""
    }

    @Test("A part that is missing, of another shape, or NaN is named")
    func parts() throws {
        let parts: [(String, String)] = [
            ("mlx-4", "up_proj.biases"), ("packed-4", "up_proj.weight_scale"), ("packed-4", "up_proj.weight_shape"),
            ("packed-4-zeros", "up_proj.weight_zero_point"), ("int-8", "up_proj.weight_scale"),
            ("fp8-blocks", "up_proj.weight_scale_inv"), ("gptq-4", "up_proj.scales"), ("gptq-4", "up_proj.qzeros"),
            ("awq-4", "up_proj.qzeros"), ("bnb-nf4", "up_proj.weight.absmax"), ("bnb-int8", "up_proj.weight"),
        ]
        for (name, part) in parts {
            let missing = try refusal(name) { $0.hasSuffix(part) ? nil : $1 }
            #expect(missing.contains(part) || missing.contains("up_proj.weight"), "\(name) \(part): \(missing)")
            let shorter = try refusal(name) { $0.hasSuffix(part) ? $1.rows(0..<$1.rows - 1) : $1 }
            #expect(shorter.contains(part), "\(name) \(part): \(shorter)")
            let damaged = try refusal(name) { tensor, value in
                guard tensor.hasSuffix(part), value.elementType.isFloatingPoint else {
                    return tensor.hasSuffix(part) ? nil : value
                }
                return Tensor([Float](repeating: .infinity, count: value.count), shape: value.shape)
                    .converted(to: value.elementType)
            }
            #expect(damaged.contains("up_proj"), "\(name) \(part): \(damaged)")
        }
    }

    @Test("A zero point that packages read differently is refused in one convention, and read in the other")
    func zeroPoints() throws {
        func ones(_ name: String, _ value: Tensor) -> Tensor {
            guard name.hasSuffix("up_proj.qzeros") else { return value }
            return Tensor(bytes: [UInt8](repeating: 255, count: value.byteCount), shape: [value.rows, 4 * value.width])
                .viewed(as: .int32, shape: value.shape)
        }
        let line = try refusal("gptq-4") { ones($0, $1) }
        #expect(line.contains("up_proj.qzeros") && line.contains("gptq_v2"), "\(line)")
        let scratch = try Scratch(), folder = try scratch.copy(QuantizedModels.folder("gptq-4-order"))
        let place = folder.appending(path: "model.safetensors"), file = try SafetensorsFile(place)
        try SafetensorsFile.write(
            try file.names.map { (name: $0, tensor: ones($0, try file.requiredTensor($0))) }, to: place)
        _ = try TransformerDecoder(Checkpoint(folder: folder))
    }

    @Test(
        "An output matrix with the embedding's codes and other scales is a matrix of its own, though the file ties them"
    )
    func equalCodes() throws {
        let scratch = try Scratch(), folder = try scratch.copy(QuantizedModels.folder("mlx-4"))
        let place = folder.appending(path: "model.safetensors"), file = try SafetensorsFile(place)
        let codes = try file.requiredTensor("model.embed_tokens.weight")
        try SafetensorsFile.write(
            try file.names.map { name in
                (name: name, tensor: name == "lm_head.weight" ? codes : try file.requiredTensor(name))
            }, to: place)
        let settings = folder.appending(path: "config.json")
        var json = try #require(try JSONValue.parse(Data(contentsOf: settings)).object)
        json["tie_word_embeddings"] = true
        try Data(JSONValue.object(json).serialized().utf8).write(to: settings)
        let checkpoint = try Checkpoint(folder: folder),
            shape = [checkpoint.configuration.vocabularySize, checkpoint.configuration.hiddenSize]
        #expect(!checkpoint.configuration.tiesEmbeddings)
        let (embedding, head) = try (
            checkpoint.weight("embed_tokens.weight", shape), checkpoint.weight("lm_head.weight", shape)
        )
        #expect(embedding.value.floats() != head.value.floats())
    }

    @Test("A code that is no number is found when it is computed with")
    func codes() throws {
        let scratch = try Scratch(), folder = try scratch.copy(QuantizedModels.folder("fp8-blocks"))
        let place = folder.appending(path: "model.safetensors"), file = try SafetensorsFile(place)
        let tensors = try file.names.map { name in
            let tensor = try file.requiredTensor(name)
            guard name.hasSuffix("up_proj.weight") else { return (name: name, tensor: tensor) }
            let bytes = Tensor(bytes: [UInt8](repeating: 0x7F, count: tensor.count), shape: tensor.shape)
            return (name: name, tensor: bytes.viewed(as: .float8))
        }
        try SafetensorsFile.write(tensors, to: place)
        #expect(try Checkpoint(folder: folder).nonFiniteWeights() == ["model.layers.0.mlp.up_proj.weight"])
    }

    @Test("Damaged checkpoints are opened and compute, or are refused in one line", arguments: QuantizedModels.names)
    func damage(name: String) throws {
        let scratch = try Scratch(), folder = try scratch.copy(QuantizedModels.folder(name))
        let config = folder.appending(path: "config.json"), weights = folder.appending(path: "model.safetensors")
        let json = try JSONValue.parse(Data(contentsOf: config)), file = [UInt8](try Data(contentsOf: weights))
        let length = file.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        let header = try JSONValue.parse(Array(file[8..<8 + length]))
        var survival = Survival()
        for number in 0..<Damage.cases(120) {
            var damage = Damage(seed: 61, number)
            let hitsConfig = number % 2 == 0
            try hitsConfig ? damage.document(json).write(to: config) : Data(json.serialized().utf8).write(to: config)
            let text = hitsConfig ? Data(file[8..<8 + length]) : damage.document(header)
            let size = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) }
            try (size + text + Data(file[(8 + length)...])).write(to: weights)
            survival.of(number) {
                let checkpoint = try Checkpoint(folder: folder)
                guard checkpoint.configuration.parameterCount < 1 << 20 else { return }
                let decoder = try TransformerDecoder(checkpoint)
                _ = decoder.logits(of: [0, 0])
            }
        }
        #expect(survival.faults.isEmpty, "\(survival.faults.prefix(3))")
        #expect(survival.read > 0 && survival.refused > 20, "\(survival)")
    }
}
