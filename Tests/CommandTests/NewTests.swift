import Foundation
import JSON
import LanguageModel
import TestSupport
import Testing

@Suite("nla new")
struct NewTests {
    /// Calls `body` with the arguments for a tiny model of the tests' tokenizer, and the folder they name.
    private func withArguments(_ body: (_ arguments: [String], _ output: URL, _ scratch: URL) throws -> Void) throws {
        try withScratch { folder in
            let tokenizer = folder.appending(path: "tokenizer"), output = folder.appending(path: "model")
            try FileManager.default.createDirectory(at: tokenizer, withIntermediateDirectories: false)
            try Folders.writeTokenizer(to: tokenizer)
            let config = folder.appending(path: "config.json")
            try FileManager.default.copyItem(at: Folders.model("qwen2").appending(path: "config.json"), to: config)
            try Folders.edit(config) { $0["vocab_size"] = 426 }
            let arguments = [
                "new", "--config", config.path, "--tokenizer", tokenizer.path, "--output", output.path, "--dtype",
                "f32",
            ]
            try body(arguments, output, folder)
        }
    }

    @Test("The folder has a model and a tokenizer that every other command reads")
    func usable() throws {
        try withArguments { arguments, output, scratch in
            let json = try Command.succeed(arguments + ["--json"]).json()
            #expect(json["output"]?.string == output.path)
            let files = try FileManager.default.contentsOfDirectory(atPath: output.path).sorted()
            #expect(files == ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"])
            _ = try Command.succeed(["generate", "--model", output.path, "--text", "a", "--max-tokens", "3"])
            _ = try Command.succeed(
                ["extract", "--model", output.path, "--text", "a", "--output", scratch.appending(path: "o").path])
        }
    }

    @Test("The same seed gives the same weights, another one others")
    func seed() throws {
        try withArguments { arguments, output, scratch in
            func weights(_ seed: String) throws -> Data {
                _ = try Command.succeed(arguments + ["--seed", seed])
                defer { try? FileManager.default.removeItem(at: output) }
                return try Data(contentsOf: output.appending(path: "model.safetensors"))
            }
            let first = try weights("1")
            #expect(try weights("1") == first)
            #expect(try weights("2") != first)
        }
    }

    @Test("A model fitted to a text expects it more than before")
    func fit() throws {
        try withArguments { arguments, output, scratch in
            let text = scratch.appending(path: "text.txt")
            try Folders.write(String(repeating: "the reading of the model. ", count: 40), to: text)
            let outcome = try Command.succeed(arguments + ["--fit", text.path, "--steps", "30", "--json"])
            #expect(try #require(outcome.json()["loss"]?.double) < 0.7 * log(426))
            #expect(outcome.errors.contains("30 of 30"))
        }
    }

    @Test("A text too short to train on is refused, and nothing is written")
    func shortText() throws {
        try withArguments { arguments, output, scratch in
            let text = scratch.appending(path: "text.txt")
            try Folders.write("", to: text)
            try Command.fail(arguments + ["--fit", text.path], mentioning: ["tokens"])
            try Command.fail(arguments + ["--fit", "/no/such/text"], mentioning: ["/no/such/text"])
            #expect(!FileManager.default.fileExists(atPath: output.path))
        }
    }

    @Test("A vocabulary below the tokenizer's is refused")
    func vocabulary() throws {
        try withArguments { arguments, output, scratch in
            try Folders.edit(scratch.appending(path: "config.json")) { $0["vocab_size"] = 425 }
            try Command.fail(arguments, mentioning: ["config.json", "425", "426"])
            #expect(!FileManager.default.fileExists(atPath: output.path))
        }
    }

    @Test("A folder that holds something is refused before anything is trained")
    func taken() throws {
        try withArguments { arguments, output, scratch in
            try FileManager.default.createDirectory(at: output, withIntermediateDirectories: false)
            try Folders.write("kept", to: output.appending(path: "a"))
            let outcome = try Command.fail(
                arguments + ["--fit", "/no/such/text"], mentioning: [output.path, "not empty"])
            #expect(outcome.output.isEmpty)
            #expect(try FileManager.default.contentsOfDirectory(atPath: output.path) == ["a"])
        }
    }
}
