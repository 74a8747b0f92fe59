import Foundation
import JSON
import TestSupport
import Testing

@Suite("nla generate")
struct GenerateTests {
    private func generate(_ model: URL, _ arguments: String...) throws -> Command.Outcome {
        try Command.succeed(
            ["generate", "--model", model.path, "--text", "the model", "--max-tokens", "12"] + arguments)
    }

    @Test("The text streams to standard output, the speed to standard error")
    func streams() throws {
        try withScratch { folder in
            let outcome = try generate(try Folders.talker(in: folder))
            #expect(!outcome.output.isEmpty && outcome.output.hasSuffix("\n"))
            #expect(outcome.errors.contains("tokens/s"))
        }
    }

    @Test("The same seed writes the same text, another one another")
    func seed() throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder)
            let first = try generate(model, "--seed", "5").output
            #expect(try generate(model, "--seed", "5").output == first)
            #expect(try generate(model, "--seed", "6").output != first)
        }
    }

    @Test(
        "At temperature 0 and with one candidate the seed does not matter",
        arguments: [
            ["--temperature", "0"], ["--top-k", "1"], ["--top-p", "1e-6"],
        ])
    func greedy(option: [String]) throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder)
            let arguments = ["generate", "--model", model.path, "--text", "the model", "--max-tokens", "12"] + option
            let first = try Command.succeed(arguments + ["--seed", "1"]).output
            #expect(try Command.succeed(arguments + ["--seed", "2"]).output == first)
        }
    }

    @Test("With --json one object holds the text that would have streamed")
    func json() throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder)
            let json = try generate(model, "--seed", "5", "--json").json()
            let text = try #require(json["text"]?.string)
            #expect(try generate(model, "--seed", "5").output == text + "\n")
            let count = try #require(json["ids"]?.array?.count)
            #expect(count <= 12 && (json["finish_reason"] == "stop" || count == 12))
            #expect(try #require(json["prompt_tokens"]?.int) > 0)
        }
    }

    @Test("A stop text ends the writing and is left out")
    func stop() throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder)
            let whole = try #require(try generate(model, "--seed", "5", "--json").json()["text"]?.string)
            let stop = String(try #require(whole.dropFirst(2).first))
            let json = try generate(model, "--seed", "5", "--json", "--stop", stop).json()
            let text = try #require(json["text"]?.string)
            #expect(whole.hasPrefix(text) && !text.contains(stop))
            #expect(json["finish_reason"] == "stop")
        }
    }

    @Test("A token of generation_config.json ends the writing")
    func stopToken() throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder)
            let whole = try #require(
                try generate(model, "--seed", "5", "--json").json()["ids"]?.array?.compactMap(\.int))
            try Folders.write(
                ["eos_token_id": [.integer(whole[1])]], to: model.appending(path: "generation_config.json"))
            let json = try generate(model, "--seed", "5", "--json").json()
            #expect(json["finish_reason"] == "stop")
            #expect(
                json["ids"]?.array?.compactMap(\.int) == Array(whole[...(try #require(whole.firstIndex(of: whole[1])))])
            )
        }
    }

    @Test("A chat opens the assistant's turn")
    func chat() throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder)
            let messages = folder.appending(path: "m.json")
            try Folders.write([["role": "user", "content": "hello"]], to: messages)
            let json = try Command.succeed(
                ["generate", "--model", model.path, "--messages", messages.path, "--max-tokens", "3", "--json"]
            ).json()
            let rendered = try Command.succeed(
                ["tokenize", "--model", model.path, "--messages", messages.path, "--json"]
            ).json()
            #expect(json["prompt_tokens"]?.int == rendered["ids"]?.array?.count)
        }
    }

    @Test("No tokens are written when none are asked for")
    func none() throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder)
            #expect(try generate(model, "--max-tokens", "0").output == "\n")
        }
    }
}
