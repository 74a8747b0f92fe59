import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing

@Suite("nla extract")
struct ExtractTests {
    private let llama = Folders.model("llama").path

    /// Runs `nla extract` on ids and returns what it wrote.
    private func extract(_ model: String, _ arguments: String...) throws -> [String: Tensor] {
        try withScratch { folder in
            let output = folder.appending(path: "out.safetensors")
            _ = try Command.succeed(
                ["extract", "--model", model, "--output", output.path, "--quiet"] + arguments)
            let beside = arguments.contains("all") ? [] : ["out.safetensors.nla_meta.yaml"]
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["out.safetensors"]
                    + beside)
            return try Folders.tensors(output).mapValues { $0.copy() }
        }
    }

    @Test("Ids give float32 activations two thirds deep")
    func ids() throws {
        let tensors = try extract(llama, "--ids", "5,7,9")
        #expect(Set(tensors.keys) == ["ids", "activations"])
        #expect(tensors["ids"]?.integers() == [5, 7, 9])
        let activations = try #require(tensors["activations"])
        #expect(activations.shape == [3, 24] && activations.elementType == .float32)
        #expect(activations.floats() == (try extract(llama, "--ids", "5,7,9", "--layer", "2"))["activations"]?.floats())
    }

    @Test(
        "Activations and logits are those of transformers",
        arguments: [
            "llama", "llama-odd", "qwen2", "qwen2-window", "qwen3", "gemma3", "gemma3-wrapped",
        ])
    func golden(name: String) throws {
        let expected = try Folders.tensors(Folders.model(name).appending(path: "expected.safetensors"))
        let ids = try #require(expected["ids"]).integers().map(String.init).joined(separator: ",")
        let tensors = try extract(
            Folders.model(name).path, "--ids", ids, "--layer", "all", "--logits", "--dtype", "f32")
        let computed = tensors.keys.filter { $0 != "ids" }.sorted()
        #expect(computed == expected.keys.filter { $0.hasPrefix("hidden.") || $0 == "logits" }.sorted())
        for key in computed {
            let (ours, theirs) = (try #require(tensors[key]), try #require(expected[key]))
            #expect(ours.shape == theirs.shape)
            #expect(ours.relativeError(to: theirs) <= 2e-5, "\(key)")
        }
    }

    @Test("Positions give those rows, negative ones from the end, in the order asked for")
    func positions() throws {
        let all = try #require(try extract(llama, "--ids", "5,7,9,11", "--layer", "1")["activations"])
        let some = try extract(llama, "--ids", "5,7,9,11", "--layer", "1", "--positions", "-1,0")
        #expect(some["positions"]?.integers() == [3, 0])
        let expected = all.gatheringRows([3, 0])
        #expect(try #require(some["activations"]).relativeError(to: expected) < 1e-6)
    }

    @Test("Documents follow one another, each as if it stood alone")
    func documents() throws {
        try withScratch { folder in
            let file = folder.appending(path: "d.jsonl")
            try Folders.write("{\"ids\": [5, 7, 9]}\r\n\r\n{\"ids\": [1, 2]}\r\n", to: file)
            let tensors = try extract(llama, "--documents", file.path, "--layer", "0", "--logits")
            #expect(tensors["ids"]?.integers() == [5, 7, 9, 1, 2])
            #expect(tensors["document_offsets"]?.integers() == [0, 3, 5])
            let alone = try extract(llama, "--ids", "1,2", "--layer", "0", "--logits")
            for key in ["activations", "logits"] {
                let rows = try #require(tensors[key]).rows(3..<5)
                #expect(rows.relativeError(to: try #require(alone[key])) < 1e-6)
            }
        }
    }

    @Test("A text goes through the tokenizer")
    func text() throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder)
            let tensors = try extract(model.path, "--text", "the reading of the model")
            let ids = try Command.succeed([
                "tokenize", "--model", model.path, "--text", "the reading of the model", "--json",
            ])
            #expect(tensors["ids"]?.integers() == (try ids.json()["ids"]?.array?.compactMap(\.int)))
            #expect(tensors["activations"]?.shape == [try #require(tensors["ids"]).count, 16])
        }
    }

    @Test("What is extracted is a reference that the model agrees with")
    func check() throws {
        try withScratch { folder in
            let output = folder.appending(path: "out.safetensors").path
            _ = try Command.succeed(
                ["extract", "--model", llama, "--ids", "3,1,4,1,5", "--layer", "all", "--logits", "--output", output])
            let rows = try Command.succeed(["check", "--model", llama, "--reference", output, "--json"]).json()
            #expect(rows["tensors"]?.array?.count == 4)
        }
    }

    @Test("An adapter changes the logits as PEFT does")
    func adapter() throws {
        let folder = Folders.model("lora")
        let expected = try Folders.tensors(folder.appending(path: "expected.safetensors"))
        let ids = try #require(expected["ids"]).integers().map(String.init).joined(separator: ",")
        let tensors = try extract(llama, "--ids", ids, "--logits", "--adapter", folder.path)
        #expect(try #require(tensors["logits"]).relativeError(to: try #require(expected["logits"])) <= 2e-5)
    }

    @Test("One thread computes what two compute")
    func threads() throws {
        let one = try extract(llama, "--ids", "5,7,9", "--threads", "1")
        let two = try extract(llama, "--ids", "5,7,9", "--threads", "2")
        #expect(one["activations"]?.floats() == two["activations"]?.floats())
    }

    @Test("bfloat16 stays near float32 on every CPU")
    func bfloat16() throws {
        let expected = try #require(try extract(llama, "--ids", "5,7,9", "--dtype", "f32")["activations"])
        let half = try #require(try extract(llama, "--ids", "5,7,9", "--dtype", "bf16")["activations"])
        #expect((1e-5...2e-2).contains(half.relativeError(to: expected)))
    }

    @Test("With --json a summary stands on standard output")
    func json() throws {
        try withScratch { folder in
            let output = folder.appending(path: "out.safetensors").path
            let json = try Command.succeed([
                "extract", "--model", llama, "--ids", "5,7,9", "--output", output, "--json",
            ]).json()
            #expect(json["output"]?.string == output)
            #expect(json["tokens"] == 3 && json["rows"] == 3 && json["layers"] == [2])
        }
    }

    @Test("An existing file is replaced")
    func replaced() throws {
        try withScratch { folder in
            let output = folder.appending(path: "out.safetensors")
            try Folders.write("old", to: output)
            _ = try Command.succeed(["extract", "--model", llama, "--ids", "5", "--output", output.path])
            #expect(try Folders.tensors(output)["ids"]?.integers() == [5])
        }
    }
}
