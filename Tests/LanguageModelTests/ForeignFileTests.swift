import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing

/// Files and folders of another kind than asked for: the error names what was given, and what to do.
@Suite("Foreign files")
struct ForeignFileTests {
    private static let parquet = Data("PAR1".utf8) + Data(count: 60) + Data("PAR1".utf8)
    private static let pointer = Data("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 134\n".utf8)

    private func message(_ body: () throws -> Void) throws -> String {
        do { try body() } catch {
            let text = "\(error)"
            #expect(!text.contains("\n"))
            return text
        }
        Issue.record("no error")
        return ""
    }

    @Test("Weights of another kind are named", arguments: [(parquet, "Parquet"), (pointer, "git lfs pull")])
    func weights(bytes: Data, word: String) throws {
        let scratch = try Scratch()
        let folder = scratch.path("model")
        try FileManager.default.copyItem(at: TinyModels.folder("llama"), to: folder)
        let file = folder.appending(path: "model.safetensors")
        try bytes.write(to: file)
        let said = try message { _ = try Checkpoint(folder: folder) }
        #expect(said.contains(word) && said.contains(file.path) && !said.contains("header"))
    }

    @Test("Broken safetensors are still called broken")
    func truncated() throws {
        let scratch = try Scratch()
        let whole = try Data(contentsOf: TinyModels.folder("llama").appending(path: "model.safetensors"))
        let file = scratch.path("a.safetensors")
        for count in [100, whole.count - 1000] {
            try whole.prefix(count).write(to: file)
            #expect(try message { _ = try SafetensorsFile(file) }.contains("truncated"))
        }
    }

    @Test(
        "Configurations of another kind are named",
        arguments: [
            ("version https://git-lfs.github.com/spec/v1\n", "git-LFS pointer"), ("<html>404</html>", "web page"),
            ("Entry not found", "Entry not found"), ("{\"error\": \"Invalid token\"}", "Invalid token"),
            ("", "empty file"), ("GGUF\u{3}\u{0}\u{0}\u{0}", "GGUF"),
        ])
    func configuration(text: String, word: String) throws {
        let scratch = try Scratch()
        let folder = scratch.path("model")
        try FileManager.default.copyItem(at: TinyModels.folder("llama"), to: folder)
        try Data(text.utf8).write(to: folder.appending(path: "config.json"))
        let said = try message { _ = try Checkpoint(folder: folder) }
        #expect(said.contains(word) && said.contains("config.json"), "\(said)")
    }

    /// Makes empty files in a new folder.
    private func folder(_ scratch: Scratch, _ names: [String]) throws -> URL {
        let folder = scratch.path("given")
        for name in names {
            let file = folder.appending(path: name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            if name.hasSuffix(".json") { try Data("{}".utf8).write(to: file) } else { try Data([1]).write(to: file) }
        }
        return folder
    }

    @Test(
        "A folder that is no model says what it is",
        arguments: [
            (["adapter_config.json", "adapter_model.safetensors"], "--adapter"),
            (["av/config.json", "ar/config.json"], "pair"),
            (["snapshots/abc/config.json", "refs/main"], "cache"), (["mmproj.gguf"], "projector in GGUF"),
            (["params.json", "consolidated.00.pth"], "layout of the model's authors"),
            (["notes.txt"], "the folder needs it"),
            (["model.safetensors.crdownload"], "download is not complete"),
        ])
    func noConfiguration(names: [String], word: String) throws {
        let scratch = try Scratch()
        let folder = try folder(scratch, names)
        let said = try message { _ = try Checkpoint(folder: folder) }
        #expect(said.contains("config.json: missing") && said.contains(word), "\(said)")
    }

    @Test("An adapter given as a model names its base")
    func base() throws {
        let scratch = try Scratch()
        let folder = try folder(scratch, ["adapter_model.safetensors"])
        try Data(#"{"base_model_name_or_path": "org/base"}"#.utf8).write(
            to: folder.appending(path: "adapter_config.json"))
        #expect(try message { _ = try Checkpoint(folder: folder) }.contains("org/base"))
    }

    @Test(
        "A model without safetensors says what weights it has",
        arguments: [
            (["pytorch_model.bin"], "pytorch_model.bin is a PyTorch pickle"),
            (["pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin"], "PyTorch pickle"),
            (["tf_model.h5"], "TensorFlow"), (["flax_model.msgpack"], "Flax"), (["mmproj.gguf"], "projector in GGUF"),
            (["model-00001-of-00002.safetensors"], "index"),
            (["weights.safetensors"], "name the weights model.safetensors"),
            ([".cache/huggingface/download/abc.incomplete"], "abc.incomplete"), ([], "nor a GGUF file"),
        ])
    func noWeights(names: [String], word: String) throws {
        let scratch = try Scratch()
        let folder = try folder(scratch, names + ["config.json"])
        let json = folder.appending(path: "config.json")
        try FileManager.default.removeItem(at: json)
        try FileManager.default.copyItem(at: TinyModels.folder("llama").appending(path: "config.json"), to: json)
        let said = try message { _ = try Checkpoint(folder: folder) }
        #expect(said.contains("neither model.safetensors") && said.contains(word), "\(said)")
    }

    @Test("A link into the cache that leads nowhere is said to")
    func danglingLink() throws {
        let scratch = try Scratch()
        let folder = try folder(scratch, ["notes.txt"])
        try FileManager.default.createSymbolicLink(
            atPath: folder.appending(path: "config.json").path, withDestinationPath: "../../blobs/abc")
        let said = try message { _ = try Checkpoint(folder: folder) }
        #expect(said.contains("a link to ../../blobs/abc"))
    }

    @Test("Adapters of another kind say what they are")
    func adapters() throws {
        let scratch = try Scratch()
        let decoder = try TransformerDecoder(TinyModels.checkpoint("llama"))
        let model = try message { try decoder.attachAdapters(from: TinyModels.folder("llama")) }
        #expect(model.contains("a model, not an adapter"))
        let folder = try folder(scratch, ["adapter_model.bin"])
        try Data(#"{"peft_type": "LORA"}"#.utf8).write(to: folder.appending(path: "adapter_config.json"))
        #expect(
            try message { try decoder.attachAdapters(from: folder) }.contains("adapter_model.bin is a PyTorch pickle"))
        try Data(#"{"fine_tune_type": "lora"}"#.utf8).write(to: folder.appending(path: "adapter_config.json"))
        #expect(try message { try decoder.attachAdapters(from: folder) }.contains("peft_type: missing"))
    }

    @Test("A file given as a model says what it is")
    func fileAsModel() throws {
        let scratch = try Scratch()
        try Data("GGUF\u{3}\u{0}".utf8).write(to: scratch.path("a.gguf"))
        #expect(try ModelLocation.resolve(scratch.path("a.gguf").path) == scratch.path("a.gguf"))
        #expect(try message { _ = try Checkpoint(folder: scratch.path("a.gguf")) }.contains("download it again"))
        let weights = TinyModels.folder("llama").appending(path: "model.safetensors")
        #expect(
            try message { _ = try ModelLocation.resolve(weights.path) }.contains("safetensors file, not a model folder")
        )
    }
}
