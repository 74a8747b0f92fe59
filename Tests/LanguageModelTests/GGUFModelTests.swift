import Foundation
import GGUF
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing
import Tokenization

@Suite("GGUF models")
struct GGUFModelTests {
    private func same(_ one: DecoderConfiguration, _ other: DecoderConfiguration) -> Bool { "\(one)" == "\(other)" }

    /// A copy of a tiny model's folder with other settings.
    private func changed(_ name: String, _ scratch: Scratch, _ change: (inout JSONObject) -> Void) throws -> Checkpoint
    {
        let folder = scratch.path(name)
        try FileManager.default.copyItem(at: TinyModels.folder(name), to: folder)
        var json = try TinyModels.json(name).object ?? JSONObject()
        change(&json)
        try Data(JSONValue.object(json).serialized().utf8).write(to: folder.appending(path: "config.json"))
        return try Checkpoint(folder: folder)
    }

    /// Writes a file and opens it.
    private func opened(_ builder: GGUFBuilder, _ scratch: Scratch, _ name: String = "m.gguf") throws -> Checkpoint {
        try builder.write(to: scratch.path(name))
        return try Checkpoint(folder: scratch.path(name))
    }

    /// What is said of a file that is refused.
    private func complaint(_ builder: GGUFBuilder, _ scratch: Scratch) throws -> String {
        do {
            _ = try TransformerDecoder(opened(builder, scratch))
            return ""
        } catch { return "\(error)" }
    }

    private func expectSame(_ file: Checkpoint, _ model: Checkpoint) throws {
        #expect(same(file.configuration, model.configuration), "\(file.configuration)\n\(model.configuration)")
        #expect(Set(file.fileNames.keys) == Set(model.fileNames.keys))
        for name in model.fileNames.keys.sorted() {
            let found = try #require(try file.tensor(name)), wanted = try #require(try model.tensor(name))
            let isGemmaNorm = model.configuration.normOffset == 1 && name.hasSuffix("norm.weight")
            // 1 was added and is taken away again, each rounded to float32.
            let tolerance: Float = isGemmaNorm ? 1e-7 : 0
            #expect(
                found.shape == wanted.shape
                    && zip(found.floats(), wanted.floats()).allSatisfy { abs($0 - $1) <= tolerance }, "\(name)")
        }
        let ids = [1, 5, 9, 3, 30, 2, 7]
        let error = try TransformerDecoder.logits(of: file, ids).relativeError(
            to: TransformerDecoder.logits(of: model, ids))
        #expect(error < 1e-6)
    }

    @Test("Qwen models are what their folders are", arguments: ["qwen2", "qwen3"])
    func qwen(name: String) throws {
        let scratch = try Scratch(), model = try TinyModels.checkpoint(name)
        let file = try opened(try ConvertedModel.builder(model, name), scratch)
        try expectSame(file, model)
        #expect(file.folder.lastPathComponent == "m.gguf" && file.json["model_type"]?.string == name)
    }

    @Test("The interleaved rows of Llama's queries and keys are put in order, and its stretch is known by the divisors")
    func llama() throws {
        let scratch = try Scratch(), model = try TinyModels.checkpoint("llama")
        var builder = try ConvertedModel.builder(model, "llama")
        builder.metadata.append(("llama.rope.dimension_count", .uint32(6)))
        builder.metadata.append(("llama.rope.scaling.original_context_length", .uint32(16)))
        // From the converter's formula, by hand: wavelengths 2π·10000^(i/3) against 16/4 and 16/1. All are beyond 16 but the first, 6.283:
        // (16 / 6.2832 − 1) / 3 = 0.51549, 1 / ((1 − 0.51549) / 4 + 0.51549) = 1.570829.
        builder.tensors.append(.init("rope_freqs.weight", [3], floats: [1.570829, 4, 4]))
        try expectSame(opened(builder, scratch), model)
        builder.tensors[builder.tensors.count - 1] = .init("rope_freqs.weight", [3], floats: [1.2, 4, 4])
        #expect(try complaint(builder, scratch).contains("rope_freqs.weight: the divisors are not those of Llama 3.1"))
    }

    @Test("The 1 that was added to Gemma's norms is taken away")
    func gemma() throws {
        let scratch = try Scratch()
        // The converter keeps no scale of its own; llama.cpp takes the width of a head.
        let model = try changed("gemma3", scratch) { $0["query_pre_attn_scalar"] = 10 }
        var builder = try ConvertedModel.builder(model, "gemma3")
        builder.metadata += [
            (key: "gemma3.attention.sliding_window", value: .uint32(4)),
            (key: "gemma3.rope.scaling.type", value: .string("linear")),
            (key: "gemma3.rope.scaling.factor", value: .float32(8)),
        ]
        let file = try opened(builder, scratch)
        try expectSame(file, model)
        // A list may say which blocks slide.
        builder.metadata.append(
            ("gemma3.attention.sliding_window_pattern", .bools((0..<7).map { $0 != 5 })))
        #expect(same(try opened(builder, scratch).configuration, model.configuration))
        #expect(file.configuration.blocks.map { $0.window } == [4, 4, 4, 4, 4, nil, 4])
    }

    @Test("YaRN is read from the metadata")
    func yarn() throws {
        let scratch = try Scratch()
        let model = try changed("qwen3", scratch) { json in
            json["rope_scaling"] = ["type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8]
        }
        var builder = try ConvertedModel.builder(model, "qwen3")
        builder.metadata += [
            (key: "qwen3.rope.scaling.type", value: .string("yarn")),
            (key: "qwen3.rope.scaling.factor", value: .float32(4)),
            (key: "qwen3.rope.scaling.original_context_length", value: .uint32(8)),
        ]
        try expectSame(opened(builder, scratch), model)
    }

    @Test("Rows of packed queries are moved whole")
    func packedRows() throws {
        let scratch = try Scratch()
        var builder = try ConvertedModel.builder(TinyModels.checkpoint("qwen3"), "qwen3")
        for index in builder.metadata.indices {
            builder.metadata[index].key = builder.metadata[index].key.replacingOccurrences(of: "qwen3", with: "llama")
        }
        builder.metadata[0].value = .string("llama")
        let place = try #require(builder.tensors.firstIndex { $0.name == "blk.0.attn_q.weight" })
        // 32 rows of one Q8_0 block each, told apart by their bytes; heads are 8 wide.
        let rows = (0..<32).map { row in [UInt8](repeating: UInt8(row), count: 34) }
        builder.tensors[place] = .init(
            "blk.0.attn_q.weight", type: 8, [32, 32],
            ConvertedModel.interleaved(rows, width: 1, headWidth: 8).flatMap { $0 })
        builder.tensors.removeAll { $0.name.contains("attn_q_norm") || $0.name.contains("attn_k_norm") }
        let stored = try #require(try opened(builder, scratch).stored("layers.0.self_attn.q_proj.weight"))
        #expect(stored.typeName == "Q8_0" && stored.shape == [32, 32])
        #expect(stored.bytes(0..<stored.byteCount) == rows.flatMap { $0 })
    }

    @Test("What would change the computation, and what does not fit, is refused by its name")
    func refused() throws {
        let scratch = try Scratch()
        let whole = try ConvertedModel.builder(TinyModels.checkpoint("qwen3"), "qwen3")
        func check(_ says: String, _ change: (inout GGUFBuilder) -> Void) throws {
            var builder = whole
            change(&builder)
            let said = try complaint(builder, scratch)
            #expect(said.contains(says) && said.contains("m.gguf") && !said.contains("\n"), "\(says): \(said)")
        }
        func add(_ says: String, _ key: String, _ value: GGUFBuilder.Value) throws {
            try check(says) { $0.metadata.append((key, value)) }
        }
        try check("general.architecture: unknown architecture \"bloom\"") { $0.metadata[0].value = .string("bloom") }
        try check("vision model's projector") { $0.metadata[0].value = .string("clip") }
        try check("qwen3.block_count: missing") { $0.metadata.removeAll { $0.key == "qwen3.block_count" } }
        try add("qwen3.expert_count: 8 is not supported", "qwen3.expert_count", .uint32(8))
        try add("qwen3.logit_scale", "qwen3.logit_scale", .float32(0.5))
        try add("only causal models", "qwen3.attention.causal", .bool(false))
        try add("qwen3.rope.dimension_count: 4 is not supported", "qwen3.rope.dimension_count", .uint32(4))
        try add("qwen3.vocab_size: 38", "qwen3.vocab_size", .uint32(38))
        try add("qwen3.attention.sliding_window: 8", "qwen3.attention.sliding_window", .uint32(8))
        try add("\"longrope\" is not supported", "qwen3.rope.scaling.type", .string("longrope"))
        try check("it differs from block to block") {
            $0.metadata.removeAll { $0.key == "qwen3.attention.head_count_kv" }
            $0.metadata.append(("qwen3.attention.head_count_kv", .int32s([2, 2, 1])))
        }
        try check("tensor blk.0.ffn_gate_inp.weight") {
            $0.tensors.append(.init("blk.0.ffn_gate_inp.weight", [2], floats: [0, 0]))
        }
        try check("tensor blk.1.attn_norm.bias: no part") {
            $0.tensors.append(.init("blk.1.attn_norm.bias", [2], floats: [0, 0]))
        }
        try check("tensor blk.3.attn_norm.weight: no part of a qwen3 model of 3 blocks") {
            $0.tensors.append(.init("blk.3.attn_norm.weight", [24], floats: [Float](repeating: 1, count: 24)))
        }
        try check("no tensor layers.0.self_attn.q_proj.bias") {
            $0.tensors.append(.init("blk.1.attn_q.bias", [32], floats: [Float](repeating: 1, count: 32)))
        }
        try check("no tensor layers.1.mlp.up_proj.weight") { $0.tensors.removeAll { $0.name == "blk.1.ffn_up.weight" } }
        try check("blk.1.attn_norm.weight has shape [23], the metadata asks for [24]") {
            let place = $0.tensors.firstIndex { $0.name == "blk.1.attn_norm.weight" } ?? 0
            $0.tensors[place] = .init("blk.1.attn_norm.weight", [23], floats: [Float](repeating: 1, count: 23))
        }
        try check("holds I32, not weights") {
            let place = $0.tensors.firstIndex { $0.name == "output_norm.weight" } ?? 0
            $0.tensors[place].type = 26
        }
    }

    @Test("A model in parts is opened by any of them, and a missing part is named")
    func parts() throws {
        let scratch = try Scratch(), model = try TinyModels.checkpoint("qwen3")
        let whole = try ConvertedModel.builder(model, "qwen3")
        for part in 0..<3 {
            var builder = whole
            if part > 0 { builder.metadata = [] }
            builder.metadata += [
                (key: "split.no", value: .uint16(UInt16(part))), (key: "split.count", value: .uint16(3)),
                (key: "split.tensors.count", value: .int32(Int32(whole.tensors.count))),
            ]
            builder.tensors = whole.tensors.enumerated().filter { $0.offset % 3 == part }.map(\.element)
            try builder.write(to: scratch.path("m-0000\(part + 1)-of-00003.gguf"))
        }
        try expectSame(Checkpoint(folder: scratch.path("m-00002-of-00003.gguf")), model)
        try expectSame(Checkpoint(folder: scratch.url), model)
        let alone = scratch.path("alone.gguf")
        try FileManager.default.copyItem(at: scratch.path("m-00001-of-00003.gguf"), to: alone)
        #expect { _ = try Checkpoint(folder: alone) } throws: { "\($0)".contains("split.count: the model has 3 parts") }
        #expect { _ = try Checkpoint(folder: scratch.url) } throws: { "\($0)".contains("holds 2 models in GGUF") }
        try FileManager.default.removeItem(at: scratch.path("m-00003-of-00003.gguf"))
        #expect { _ = try Checkpoint(folder: scratch.path("m-00001-of-00003.gguf")) } throws: {
            "\($0)".contains("1 of 3 parts are missing from the folder (m-00003-of-00003.gguf)")
        }
    }

    @Test("A folder with one GGUF file stands for it, and safetensors come first")
    func folders() throws {
        let scratch = try Scratch(), model = try TinyModels.checkpoint("qwen2")
        try ConvertedModel.builder(model, "qwen2").write(to: scratch.path("m.Q8_0.gguf"))
        try Data("GGUF".utf8).write(to: scratch.path("mmproj-m.gguf"))
        try expectSame(Checkpoint(folder: scratch.url), model)
        for name in ["config.json", "model.safetensors"] {
            try FileManager.default.copyItem(
                at: TinyModels.folder("llama").appending(path: name), to: scratch.path(name))
        }
        #expect(try Checkpoint(folder: scratch.url).configuration.family == "llama")
    }

    // MARK: Writing

    /// A tokenizer of two letters, with the pre-tokenizer given.
    private func addTokenizer(_ folder: URL, splitter: String) throws {
        let text = """
            {"added_tokens": [{"id": 3, "content": "<s>", "special": true, "normalized": false}], "normalizer": null,
            "pre_tokenizer": \(splitter), "decoder": {"type": "ByteLevel"},
            "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}}
            """
        try Data(text.utf8).write(to: folder.appending(path: "tokenizer.json"))
        try Data(#"{"eos_token": "<s>", "chat_template": "{{ 1 }}"}"#.utf8).write(
            to: folder.appending(path: "tokenizer_config.json"))
    }

    private let gpt2 = #"{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}"#

    @Test(
        "A folder becomes a file, and the file a folder, that are the same model",
        arguments: ["llama", "qwen2", "qwen3", "gemma3"])
    func converted(name: String) throws {
        let scratch = try Scratch()
        let model = try changed(name, scratch) { if name == "gemma3" { $0["query_pre_attn_scalar"] = 10 } }
        try addTokenizer(model.folder, splitter: gpt2)
        let file = scratch.path("m.gguf"), folder = scratch.path("folder")
        let conversion = try GGUFConversion(model, as: .f32)
        #expect(conversion.remarks.isEmpty)
        try conversion.write(to: file)
        let written = try Checkpoint(folder: file)
        try expectSame(written, model)
        try written.write(TransformerDecoder(written), type: .float32, to: folder)
        try expectSame(Checkpoint(folder: folder), model)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: scratch.url.path).sorted()
                == ["folder", "m.gguf", name].sorted())
        for place in [file, folder] {
            let tokenizer = try Tokenizer(folder: place)
            #expect(tokenizer.encode("abba<s>b") == [2, 1, 0, 3, 1] && tokenizer.endOfText?.id == 3)
            #expect(tokenizer.chatTemplate != nil)
        }
    }

    @Test("Matrices are held as asked for where their rows are whole blocks, vectors in float32")
    func types() throws {
        let scratch = try Scratch()
        let model = try changed("qwen3", scratch) { _ in }
        try addTokenizer(model.folder, splitter: gpt2)
        try GGUFConversion(model, as: .q8_0).write(to: scratch.path("m.gguf"))
        let file = try Checkpoint(folder: scratch.path("m.gguf"))
        // Queries are 32 wide at their output, 24 at their input; the output projection takes 32 in.
        #expect(try file.stored("layers.0.self_attn.q_proj.weight")?.typeName == "F16")
        #expect(try file.stored("layers.0.self_attn.o_proj.weight")?.typeName == "Q8_0")
        #expect(try file.stored("norm.weight")?.typeName == "F32")
    }

    @Test("What GGUF cannot say is refused, and nothing is left behind")
    func unwritable() throws {
        let scratch = try Scratch()
        func said(_ checkpoint: Checkpoint) -> String {
            do {
                try GGUFConversion(checkpoint, as: .f16).write(to: scratch.path("m.gguf"))
                return ""
            } catch { return "\(error)" }
        }
        let scaled = try changed("gemma3", scratch) { _ in }
        #expect(said(scaled).contains("tokenizer.json is needed"))
        try addTokenizer(scaled.folder, splitter: #"{"type": "Whitespace"}"#)
        #expect(said(scaled).contains("GGUF has no name for the way in which this pre-tokenizer splits text"))
        try addTokenizer(scaled.folder, splitter: gpt2)
        #expect(said(scaled).contains("GGUF cannot describe this model"))
        let windows = try changed("qwen2-window", scratch) { _ in }
        try addTokenizer(windows.folder, splitter: gpt2)
        #expect(said(windows).contains("blocks of a qwen2 model see a window only"))
        let names = try FileManager.default.contentsOfDirectory(atPath: scratch.url.path)
        #expect(names.sorted() == ["gemma3", "qwen2-window"])
    }

    @Test("Damaged files are opened, or refused in one line")
    func damage() throws {
        let scratch = try Scratch()
        var survival = Survival()
        let whole = try ConvertedModel.builder(TinyModels.checkpoint("qwen3"), "qwen3").bytes
        let header = 3000
        for number in 0..<Damage.cases(300) {
            var damage = Damage(seed: 12, number)
            // The header, not the weights.
            let bytes = damage.numbers(Array(whole.prefix(header))) + whole.dropFirst(header)
            try Data(bytes).write(to: scratch.path("m.gguf"))
            survival.of(number) { _ = try TransformerDecoder(Checkpoint(folder: scratch.path("m.gguf"))) }
        }
        #expect(survival.faults.isEmpty, "\(survival) \(survival.faults.prefix(3))")
    }
}

extension TransformerDecoder {
    /// Logits of one sequence by a checkpoint, in float32.
    fileprivate static func logits(of checkpoint: Checkpoint, _ ids: [Int]) throws -> Tensor {
        try TransformerDecoder(checkpoint).logits(of: ids)
    }
}
