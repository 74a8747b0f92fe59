import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing

/// Whole models, adapters and files given where something else is asked for.
@Suite("Foreign input")
struct ForeignInputTests {
    private func extract(_ model: URL, _ more: [String], mentioning words: [String]) throws {
        try withScratch { folder in
            let output = folder.appending(path: "out.safetensors").path
            try Command.fail(
                ["extract", "--model", model.path, "--ids", "1", "--output", output] + more, mentioning: words)
            #expect(!FileManager.default.fileExists(atPath: output))
        }
    }

    @Test("An adapter given as a model, and a model as an adapter, are called what they are")
    func exchanged() throws {
        let (llama, lora) = (Folders.model("llama"), Folders.model("lora"))
        try extract(lora, [], mentioning: [lora.path, "adapter", "--adapter"])
        try extract(llama, ["--adapter", llama.path], mentioning: [llama.path, "a model, not an adapter"])
    }

    @Test(
        "A pointer that git-LFS left is named wherever it stands",
        arguments: ["model.safetensors", "config.json", "tokenizer.json"])
    func pointer(name: String) throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder)
            try Folders.write(
                "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n", to: model.appending(path: name))
            try Command.fail(
                ["generate", "--model", model.path, "--text", "a"],
                mentioning: [name, "git-LFS pointer", "git lfs pull"])
        }
    }

    @Test("Parquet that is cut off is named, with what to do")
    func parquet() throws {
        try withScratch { folder in
            let file = folder.appending(path: "a.parquet")
            try (Data("PAR1".utf8) + Data(count: 64)).write(to: file)
            try Command.fail(
                ["describe", "--av", bundledPair.appending(path: "av").path, "--vectors", file.path],
                mentioning: [file.path, "Parquet", "damaged"])
        }
    }

    @Test("Activations are read from a model without an output matrix; a continuation is refused")
    func noOutputMatrix() throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder, configuration: ["tie_word_embeddings": false])
            try Folders.rewrite(model.appending(path: "model.safetensors"), ["lm_head.weight": nil])
            let output = folder.appending(path: "o.safetensors").path
            try Command.succeed(["extract", "--model", model.path, "--text", "a", "--output", output])
            #expect(FileManager.default.fileExists(atPath: output))
            try Command.fail(
                ["generate", "--model", model.path, "--text", "a"],
                mentioning: [model.path, "lm_head.weight", "activations can be read"])
            try extract(model, ["--logits"], mentioning: ["lm_head.weight"])
        }
    }
}
