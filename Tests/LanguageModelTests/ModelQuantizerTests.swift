import Foundation
import JSON
import Tensors
import TestSupport
import Testing

import LanguageModel

@Suite("Quantizing a model")
struct ModelQuantizerTests {
    private static let vocabulary = 64

    /// A random Llama whose widths are 64 and 96, written as a folder.
    private func model(
        in folder: URL, ties: Bool = false, type: ElementType = .bfloat16, seed: UInt64 = 4
    ) throws -> Checkpoint {
        let json: JSONValue = [
            "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 96,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
            "vocab_size": .integer(ModelQuantizerTests.vocabulary), "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
            "max_position_embeddings": 256, "tie_word_embeddings": .bool(ties), "torch_dtype": "bfloat16",
            "hidden_act": "silu",
        ]
        let configuration = try DecoderConfiguration(json: json, source: "test")
        let decoder = TransformerDecoder(random: configuration, type, deviation: 0.12, seed: seed)
        try Checkpoint.write(decoder, json: json, type: type, to: folder)
        return try Checkpoint(folder: folder)
    }

    /// Random walks over the vocabulary, whose tokens depend on those before them.
    private func text(_ count: Int, seed: UInt64) -> [Int32] {
        var random = Random(seed: seed), token: Int32 = 1
        return (0..<count).map { _ in
            token = (token + Int32.random(in: 1...7, using: &random)) % Int32(ModelQuantizerTests.vocabulary)
            return token
        }
    }

    private func quantize(
        _ checkpoint: Checkpoint, to folder: URL, _ change: (inout ModelQuantizer.Options) -> Void = { _ in }
    ) throws -> (rows: [ModelQuantizer.Row], written: Checkpoint) {
        var options = ModelQuantizer.Options()
        options.precision = .float32
        change(&options)
        let rows = try ModelQuantizer(checkpoint, options).write(to: folder, origin: "ab")
        return (rows, try Checkpoint(folder: folder))
    }

    @Test("Matrices become mlx's codes, norms and matrices of no whole groups stay, and config.json says so")
    func layout() throws {
        try withScratch { scratch in
            let checkpoint = try model(in: scratch.appending(path: "model"))
            let (rows, written) = try quantize(checkpoint, to: scratch.appending(path: "q"))
            let settings: JSONValue = ["group_size": 64, "bits": 4, "mode": "affine"]
            #expect(written.json["quantization"] == settings && written.json["quantization_config"] == settings)
            #expect(written.storage == "mlx 4-bit group 64" && written.isQuantized && written.quantizedFrom == "ab")
            #expect(checkpoint.storage == "bf16" && !checkpoint.isQuantized && checkpoint.quantizedFrom == nil)
            let before = try TransformerDecoder(checkpoint), after = try TransformerDecoder(written)
            let file = try SafetensorsFile(written.folder.appending(path: "model.safetensors"))
            #expect(file.entries["model.layers.0.mlp.up_proj.weight"]?.type == "U32")
            #expect(file.entries["model.layers.0.mlp.up_proj.weight"]?.shape == [96, 8])
            #expect(file.entries["model.layers.0.mlp.up_proj.scales"]?.shape == [96, 1])
            #expect(file.entries["lm_head.biases"]?.type == "BF16")
            // 96 columns are no whole groups of 64.
            #expect(file.entries["model.layers.0.mlp.down_proj.weight"]?.type == "BF16")
            let format = CodeFormat(bits: 4, groupSize: 64, type: .bfloat16)
            for (one, other) in zip(before.parameters, after.parameters) {
                let row = try #require(rows.first { $0.name == one.name })
                #expect(row.shape == one.storage.shape && row.bytesBefore == one.storage.byteCount)
                guard case .stored(let matrix) = other.storage else {
                    #expect(one.storage.shape.count == 1 || one.name.contains("down_proj"), "\(one.name)")
                    #expect(one.value.floats() == other.value.floats(), "\(one.name)")
                    #expect(row.bits == nil && row.relativeError == 0 && row.bytesAfter == row.bytesBefore)
                    continue
                }
                let nearest = StoredMatrix(GroupedCodes(quantizing: one.storage, format)).unpacked()
                #expect(matrix.unpacked().floats() == nearest.floats(), "\(one.name)")
                #expect(row.bits == 4 && !row.isCalibrated && row.bytesAfter == matrix.byteCount)
                #expect(abs(row.relativeError - nearest.relativeError(to: one.value)) < 1e-6)
                #expect(row.relativeError > 0.03 && row.relativeError < 0.2)
            }
            #expect(rows.count == before.parameters.count)
        }
    }

    @Test("A tied model has no output matrix of its own, and shards hold what one file does")
    func tiedAndSharded() throws {
        try withScratch { scratch in
            let checkpoint = try model(in: scratch.appending(path: "model"), ties: true, type: .float32)
            let (_, whole) = try quantize(checkpoint, to: scratch.appending(path: "whole")) { $0.bits = 8 }
            let (_, parts) = try quantize(checkpoint, to: scratch.appending(path: "parts")) {
                $0.bits = 8
                $0.shardBytes = 20_000
            }
            #expect(whole.configuration.tiesEmbeddings && whole.fileNames["lm_head.weight"] == nil)
            let names = try FileManager.default.contentsOfDirectory(atPath: parts.folder.path)
            #expect(names.contains("model.safetensors.index.json") && !names.contains("model.safetensors"))
            #expect(names.filter { $0.hasPrefix("model-") }.count > 2)
            for (one, other) in zip(
                try TransformerDecoder(whole).parameters, try TransformerDecoder(parts).parameters)
            {
                #expect(one.value.floats() == other.value.floats(), "\(one.name)")
            }
            // Scales are of the model's own type.
            let file = try SafetensorsFile(whole.folder.appending(path: "model.safetensors"))
            #expect(file.entries["model.embed_tokens.scales"]?.type == "F32")
        }
    }

    @Test("What is kept stays as it was, a name that fits nothing is refused, and so is a group that fits no matrix")
    func kept() throws {
        try withScratch { scratch in
            let checkpoint = try model(in: scratch.appending(path: "model"))
            let (rows, written) = try quantize(checkpoint, to: scratch.appending(path: "q")) {
                $0.kept = ["lm_head", "layers.0", "model.layers.1.self_attn.q_proj", "v_proj.weight"]
            }
            let quantized = Set(rows.filter { $0.bits != nil }.map(\.name))
            #expect(
                quantized
                    == Set(
                        ["self_attn.k_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj"].map {
                            "layers.1.\($0).weight"
                        } + ["embed_tokens.weight"]))
            // Numbers beside codes are read as they are.
            let decoder = try TransformerDecoder(written)
            #expect(
                decoder.parameters.filter { if case .stored = $0.storage { true } else { false } }.count
                    == quantized.count)
            func message(_ change: (inout ModelQuantizer.Options) -> Void) -> String? {
                var options = ModelQuantizer.Options()
                change(&options)
                do {
                    _ = try ModelQuantizer(checkpoint, options)
                    return nil
                } catch { return "\(error)" }
            }
            #expect(message { $0.kept = ["q_prj"] }?.contains("--keep q_prj") == true)
            #expect(message { $0.groupSize = 128 }?.contains("groups of 128") == true)
            #expect(message { $0.calibrationText = [5, 64] }?.contains("token id 64") == true)
        }
    }

    @Test("A quantized model is quantized anew from its numbers, and names the first one")
    func again() throws {
        try withScratch { scratch in
            let first = try Checkpoint(folder: QuantizedModels.folder("gptq-4"))
            let (rows, written) = try quantize(first, to: scratch.appending(path: "q")) { $0.bits = 8 }
            #expect(written.quantizedFrom == "ab")
            #expect(rows.filter { $0.bits != nil }.allSatisfy { $0.relativeError < 0.01 })
            let (_, second) = try quantize(written, to: scratch.appending(path: "again"))
            #expect(second.quantizedFrom == "ab" && second.storage == "mlx 4-bit group 64")
            // Numbers that are made of it are those of no quantized copy.
            try second.write(TransformerDecoder(second), type: .bfloat16, to: scratch.appending(path: "numbers"))
            #expect(try Checkpoint(folder: scratch.appending(path: "numbers")).quantizedFrom == nil)
        }
    }

    /// Σ of the squared differences of the logits of two models on a text.
    private func difference(_ one: Checkpoint, _ other: Checkpoint, _ ids: [Int32]) throws -> Double {
        let logits = try [one, other].map { try TransformerDecoder($0).logits(of: ids.map(Int.init)).floats() }
        return zip(logits[0], logits[1]).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
    }

    @Test(
        "A model that is fitted to a text computes logits of another text that are nearer to its own",
        arguments: [3, 4])
    func calibrated(bits: Int) throws {
        try withScratch { scratch in
            let checkpoint = try model(in: scratch.appending(path: "model"))
            let (_, nearest) = try quantize(checkpoint, to: scratch.appending(path: "nearest")) {
                $0.bits = bits
                $0.groupSize = 32
                $0.kept = ["embed_tokens"]
            }
            let (rows, fitted) = try quantize(checkpoint, to: scratch.appending(path: "fitted")) {
                $0.bits = bits
                $0.groupSize = 32
                $0.kept = ["embed_tokens"]
                $0.calibrationText = text(3000, seed: 1)
                $0.calibrationTokens = 2048
            }
            // All matrices but the embedding, whose codes are the nearest ones in any case and would hide the difference.
            #expect(rows.allSatisfy { $0.isCalibrated == ($0.shape.count == 2 && $0.name != "embed_tokens.weight") })
            let other = text(200, seed: 9)
            let shares = try difference(checkpoint, fitted, other) / difference(checkpoint, nearest, other)
            #expect(shares < 0.7, "\(shares)")
        }
    }

    @Test("Weights that are no numbers are refused, and nothing is left behind")
    func notFinite() throws {
        try withScratch { scratch in
            let checkpoint = try model(in: scratch.appending(path: "model"))
            let decoder = try TransformerDecoder(checkpoint)
            let weight = decoder.parameters[3]
            var values = weight.value.floats()
            values[7] = .nan
            weight.set(master: Tensor(values, shape: weight.storage.shape), precision: .bfloat16)
            let folder = scratch.appending(path: "damaged")
            try checkpoint.write(decoder, type: .bfloat16, to: folder)
            #expect(throws: ModelError.self) {
                try self.quantize(Checkpoint(folder: folder), to: scratch.appending(path: "q"))
            }
            #expect(try Set(FileManager.default.contentsOfDirectory(atPath: scratch.path)) == ["model", "damaged"])
        }
    }
}

@Suite("The loss of a text")
struct TextLossTests {
    @Test("Every token is counted once: all but the first of each window, or with an overlap all but the first")
    func windows() {
        for (count, length, overlap) in [
            (10, 4, 0), (10, 4, 1), (10, 4, 3), (4, 4, 0), (3, 4, 2), (9, 4, 0), (2, 2, 1),
        ] {
            let windows = TextLoss.Windows(length: length, overlap: overlap).of(count)
            let counted = windows.flatMap { Array($0.counted) }
            let starts = overlap == 0 ? Set(stride(from: 0, to: count, by: length)) : [0]
            #expect(counted == (0..<count).filter { !starts.contains($0) }, "\(count) \(length) \(overlap)")
            for (tokens, counted) in windows {
                #expect(tokens.count <= length && tokens.lowerBound < counted.lowerBound)
                #expect(tokens.upperBound == counted.upperBound)
                #expect(overlap == 0 || tokens.lowerBound == 0 || counted.lowerBound - tokens.lowerBound >= overlap)
            }
        }
    }

    @Test("The loss is that of the logits, window by window")
    func values() throws {
        let checkpoint = try TinyModels.checkpoint("llama"), decoder = try TransformerDecoder(checkpoint)
        let ids = (0..<23).map { Int32($0 * 7 % 37) }
        let windows = TextLoss.Windows(length: 8, overlap: 3)
        let loss = try TextLoss(ids, checkpoint, decoder, windows: windows, precision: .float32)
        var sum = 0.0, count = 0
        for (tokens, counted) in windows.of(ids.count) {
            let logits = decoder.logits(of: ids[tokens].map(Int.init))
            for place in counted {
                let row = logits.rows(place - 1 - tokens.lowerBound..<place - tokens.lowerBound).floats().map(
                    Double.init)
                let largest = row.max() ?? 0
                sum += largest + log(row.reduce(0) { $0 + exp($1 - largest) }) - row[Int(ids[place])]
                count += 1
            }
        }
        #expect(loss.counted == 22 && count == 22 && loss.tokens == 23)
        #expect(abs(loss.mean - sum / Double(count)) < 1e-5)
        #expect(throws: ModelError.self) { try TextLoss([3], checkpoint, decoder, precision: .float32) }
        #expect(throws: ModelError.self) { try TextLoss([3, 37], checkpoint, decoder, precision: .float32) }
    }
}
