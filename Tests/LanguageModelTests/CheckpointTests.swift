import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing

@Suite("Checkpoints")
struct CheckpointTests {
    @Test("Every weight has the file's own name and shape", arguments: TinyModels.names)
    func names(name: String) throws {
        let checkpoint = try TinyModels.checkpoint(name)
        let file = try SafetensorsFile(checkpoint.folder.appending(path: "model.safetensors"))
        for parameter in try TransformerDecoder(checkpoint).parameters {
            let fileName = try #require(checkpoint.fileNames[parameter.name])
            #expect(file.entries[fileName]?.shape == parameter.value.shape)
        }
    }

    @Test("Vision tensors of a wrapped model are left aside")
    func vision() throws {
        let checkpoint = try TinyModels.checkpoint("gemma3-wrapped")
        let file = try SafetensorsFile(checkpoint.folder.appending(path: "model.safetensors"))
        let ignored = Set(file.names).subtracting(checkpoint.fileNames.values)
        #expect(ignored.contains { $0.contains("vision_tower") })
        #expect(ignored.contains { $0.contains("multi_modal_projector") })
        #expect(ignored.allSatisfy { !$0.contains("language_model") })
        #expect(try checkpoint.tensor("layers.0.mlp.up_proj.weight") != nil)
    }

    @Test(
        "All published prefixes lead to the same names",
        arguments: [
            ("model.layers.0.mlp.up_proj.weight", "layers.0.mlp.up_proj.weight"),
            ("language_model.model.layers.0.mlp.up_proj.weight", "layers.0.mlp.up_proj.weight"),
            ("model.language_model.layers.0.mlp.up_proj.weight", "layers.0.mlp.up_proj.weight"),
            ("language_model.lm_head.weight", "lm_head.weight"), ("lm_head.weight", "lm_head.weight"),
            ("embed_tokens.weight", "embed_tokens.weight"),
        ])
    func prefixes(name: String, canonical: String) { #expect(Checkpoint.canonicalName(name) == canonical) }

    @Test(
        "What is no part of a text model has no name here",
        arguments: [
            "model.vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight", "vision_tower.layers.0.weight",
            "multi_modal_projector.mm_soft_emb_norm.weight", "", "model.", "layers",
        ])
    func foreign(name: String) { #expect(Checkpoint.canonicalName(name) == nil) }

    // MARK: Writing and reading again

    @Test(
        "A written model has the same names, weights and configuration when it is read again",
        arguments: TinyModels.names)
    func roundTrip(name: String) throws {
        let scratch = try Scratch()
        let original = try TinyModels.checkpoint(name)
        try original.write(TransformerDecoder(original), type: .float32, to: scratch.path("copy"))
        let copy = try Checkpoint(folder: scratch.path("copy"))
        #expect(copy.fileNames == original.fileNames)
        #expect(copy.json == original.json)
        for name in original.fileNames.keys {
            let (ours, theirs) = (try #require(try copy.tensor(name)), try #require(try original.tensor(name)))
            #expect(ours.shape == theirs.shape && ours.floats() == theirs.floats(), "\(name)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.url.path) == ["copy"])
    }

    @Test("The vision tensors of a wrapped model are written along with it", arguments: [1 << 30, 5000])
    func visionRoundTrip(shardBytes: Int) throws {
        let scratch = try Scratch()
        let original = try TinyModels.checkpoint("gemma3-wrapped")
        try original.write(
            TransformerDecoder(original), type: .float32, shardBytes: shardBytes, to: scratch.path("copy"))
        let theirs = try SafetensorsFile(original.folder.appending(path: "model.safetensors"))
        let files = try FileManager.default.contentsOfDirectory(
            at: scratch.path("copy"), includingPropertiesForKeys: nil)
        let ours = try files.filter { $0.pathExtension == "safetensors" }.map { try SafetensorsFile($0) }
        #expect((ours.count > 1) == (shardBytes == 5000))
        #expect(ours.flatMap(\.names).sorted() == theirs.names)
        for file in ours {
            for name in file.names {
                let (copy, tensor) = (try file.requiredTensor(name), try theirs.requiredTensor(name))
                #expect(copy.shape == tensor.shape && copy.floats() == tensor.floats(), "\(name)")
            }
        }
    }

    @Test("Shards with an index hold what one file holds")
    func shards() throws {
        let scratch = try Scratch()
        let original = try TinyModels.checkpoint("qwen3")
        try original.write(TransformerDecoder(original), type: .float32, shardBytes: 10_000, to: scratch.path("copy"))
        let files = try FileManager.default.contentsOfDirectory(atPath: scratch.path("copy").path)
        #expect(files.filter { $0.hasSuffix(".safetensors") }.count > 3)
        #expect(files.contains("model.safetensors.index.json") && !files.contains("model.safetensors"))
        let index = try JSONValue.parse(Data(contentsOf: scratch.path("copy/model.safetensors.index.json")))
        let bytes = try TransformerDecoder(original).parameters.reduce(0) { $0 + 4 * $1.value.count }
        #expect(index["metadata"]?["total_size"]?.int == bytes)
        let copy = try Checkpoint(folder: scratch.path("copy"))
        #expect(copy.fileNames == original.fileNames)
        for name in original.fileNames.keys {
            #expect(try copy.tensor(name)?.floats() == original.tensor(name)?.floats(), "\(name)")
        }
    }

    @Test("Weights of 16 bits are read and written without a change", arguments: [ElementType.bfloat16, .float16])
    func halves(type: ElementType) throws {
        let scratch = try Scratch()
        let original = try TinyModels.checkpoint("llama")
        try original.write(TransformerDecoder(original), type: type, to: scratch.path("half"))
        let half = try Checkpoint(folder: scratch.path("half"))
        #expect(half.json["dtype"]?.string == (type == .bfloat16 ? "bfloat16" : "float16"))
        try half.write(TransformerDecoder(half), type: type, to: scratch.path("again"))
        let again = try Checkpoint(folder: scratch.path("again"))
        for name in original.fileNames.keys {
            let tensor = try #require(try half.tensor(name))
            #expect(tensor.elementType == type)
            #expect(tensor.floats() == (try original.tensor(name)?.converted(to: type).floats()), "\(name)")
            #expect(try again.tensor(name)?.floats() == tensor.floats(), "\(name)")
        }
    }

    @Test(
        "A model of 16-bit weights computes what its rounded weights say", arguments: [ElementType.bfloat16, .float16])
    func halfLogits(type: ElementType) throws {
        let scratch = try Scratch()
        let original = try TinyModels.checkpoint("llama")
        try original.write(TransformerDecoder(original), type: type, to: scratch.path("half"))
        let half = try TransformerDecoder(Checkpoint(folder: scratch.path("half")))
        try original.write(half, type: .float32, to: scratch.path("whole"))
        let whole = try TransformerDecoder(Checkpoint(folder: scratch.path("whole")))
        let ids = [5, 7, 9, 11]
        #expect(half.logits(of: ids).relativeError(to: whole.logits(of: ids)) <= 1e-6)
    }

    @Test("A trained bfloat16 model is written with all digits of its master weights")
    func master() throws {
        let scratch = try Scratch()
        let original = try TinyModels.checkpoint("llama")
        let decoder = try TransformerDecoder(original)
        decoder.makeTrainable(precision: .bfloat16)
        try original.write(decoder, type: .float32, to: scratch.path("copy"))
        let copy = try Checkpoint(folder: scratch.path("copy"))
        for name in original.fileNames.keys {
            let ours = try #require(try copy.tensor(name))
            #expect(ours.relativeError(to: try #require(try original.tensor(name))) < 1e-5, "\(name)")
        }
    }

    @Test(
        "The element type is written in the key that the file has",
        arguments: [
            (["dtype": "float32"], ["dtype"]), (["torch_dtype": "float32"], ["torch_dtype"]), ([:], ["torch_dtype"]),
            (["dtype": "float32", "torch_dtype": "float32"], ["dtype", "torch_dtype"]),
        ] as [([String: JSONValue], [String])])
    func elementTypeKey(present: [String: JSONValue], expected: [String]) throws {
        let scratch = try Scratch()
        var json = try #require(try TinyModels.json("llama").object)
        json["dtype"] = nil
        for (key, value) in present { json[key] = value }
        let decoder = try TransformerDecoder(TinyModels.checkpoint("llama"))
        try Checkpoint.write(decoder, json: .object(json), type: .bfloat16, to: scratch.path("copy"))
        let written = try JSONValue.parse(Data(contentsOf: scratch.path("copy/config.json")))
        for key in ["dtype", "torch_dtype"] {
            #expect(written[key]?.string == (expected.contains(key) ? "bfloat16" : nil))
        }
    }

    @Test("The tokenizer's files go along, and nothing else does")
    func companions() throws {
        let scratch = try Scratch()
        let source = scratch.path("source")
        try FileManager.default.copyItem(at: TinyModels.folder("llama"), to: source)
        for name in ["tokenizer.json", "chat_template.jinja", "notes.txt"] {
            try Data(name.utf8).write(to: source.appending(path: name))
        }
        let checkpoint = try Checkpoint(folder: source)
        try checkpoint.write(TransformerDecoder(checkpoint), type: .float32, to: scratch.path("copy"))
        let files = try FileManager.default.contentsOfDirectory(atPath: scratch.path("copy").path).sorted()
        #expect(files == ["chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json"])
    }

    @Test(
        "A place that is taken or missing is refused, and left as it was",
        arguments: ["full", "file", "missing/folder"])
    func refusedTarget(name: String) throws {
        let scratch = try Scratch()
        try FileManager.default.createDirectory(at: scratch.path("full"), withIntermediateDirectories: false)
        try Data("kept".utf8).write(to: scratch.path("full/a"))
        try Data("kept".utf8).write(to: scratch.path("file"))
        let checkpoint = try TinyModels.checkpoint("llama")
        let error = #expect(throws: ModelError.self) {
            try checkpoint.write(TransformerDecoder(checkpoint), type: .float32, to: scratch.path(name))
        }
        #expect(error?.description.contains("cannot write") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.url.path).sorted() == ["file", "full"])
        #expect(try String(contentsOf: scratch.path("full/a"), encoding: .utf8) == "kept")
        #expect(try String(contentsOf: scratch.path("file"), encoding: .utf8) == "kept")
    }

    @Test("An empty folder is filled")
    func emptyTarget() throws {
        let scratch = try Scratch()
        let checkpoint = try TinyModels.checkpoint("llama")
        try FileManager.default.createDirectory(at: scratch.path("empty"), withIntermediateDirectories: false)
        try checkpoint.write(TransformerDecoder(checkpoint), type: .float32, to: scratch.path("empty"))
        #expect(try Checkpoint(folder: scratch.path("empty")).fileNames == checkpoint.fileNames)
    }
}
