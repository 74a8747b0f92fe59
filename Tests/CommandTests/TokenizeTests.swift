import Foundation
import JSON
import TestSupport
import Testing

@Suite("nla tokenize")
struct TokenizeTests {
    private func tokenize(_ folder: URL, _ arguments: String...) throws -> JSONValue {
        try Command.succeed(["tokenize", "--model", folder.path, "--json"] + arguments).json()
    }

    @Test("A text becomes ids and tokens, from a folder that holds tokenizer files only")
    func text() throws {
        try withScratch { folder in
            try Folders.writeTokenizer(to: folder)
            let json = try tokenize(folder, "--text", "the reading of the model")
            #expect(json["text"] == "the reading of the model")
            let ids = try #require(json["ids"]?.array), tokens = try #require(json["tokens"]?.array)
            #expect(!ids.isEmpty && ids.allSatisfy { $0.int != nil })
            #expect(tokens.compactMap(\.string).joined().replacing("Ġ", with: " ") == "the reading of the model")
            #expect(ids.count == tokens.count)
        }
    }

    @Test("A file gives what its text gives")
    func file() throws {
        try withScratch { folder in
            try Folders.writeTokenizer(to: folder)
            let file = folder.appending(path: "a.txt")
            try Folders.write("two\nlines — é 👍", to: file)
            let fromFile = try tokenize(folder, "--file", file.path)
            let fromText = try tokenize(folder, "--text", "two\nlines — é 👍")
            #expect(fromFile == fromText)
        }
    }

    @Test("A file may be a pipe")
    func pipe() throws {
        try withScratch { folder in
            try Folders.writeTokenizer(to: folder)
            let outcome = try Command.run(
                ["tokenize", "--model", folder.path, "--file", "/dev/stdin", "--json"], input: "from a pipe")
            #expect(try outcome.json()["text"] == "from a pipe")
        }
    }

    @Test("Messages are rendered with the template, whose special tokens are found in it")
    func messages() throws {
        try withScratch { folder in
            try Folders.writeTokenizer(to: folder)
            let file = folder.appending(path: "m.json")
            try Folders.write([["role": "user", "content": "hello"]], to: file)
            let open = try tokenize(folder, "--messages", file.path)
            #expect(open["text"] == "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n")
            #expect(open["tokens"]?[0] == "<|im_start|>")
            let closed = try tokenize(folder, "--messages", file.path, "--no-generation-prompt")
            #expect(closed["text"] == "<|im_start|>user\nhello<|im_end|>\n")
        }
    }

    @Test("Messages may stand in an object, and the template in a file of its own")
    func messagesInObject() throws {
        try withScratch { folder in
            try Folders.writeTokenizer(to: folder)
            try Folders.write("{{ messages[0].content }}!", to: folder.appending(path: "chat_template.jinja"))
            let file = folder.appending(path: "m.json")
            try Folders.write(["messages": [["role": "user", "content": "hello"]]], to: file)
            #expect(try tokenize(folder, "--messages", file.path)["text"] == "hello!")
        }
    }

    @Test("Special tokens are left out on request")
    func specialTokens() throws {
        try withScratch { folder in
            try Folders.writeTokenizer(to: folder)
            try Folders.edit(folder.appending(path: "tokenizer.json")) { json in
                json["post_processor"] = [
                    "type": "TemplateProcessing",
                    "single": [
                        ["SpecialToken": ["id": "<mask>", "type_id": 0]], ["Sequence": ["id": "A", "type_id": 0]],
                    ],
                    "pair": [], "special_tokens": ["<mask>": ["id": "<mask>", "ids": [423], "tokens": ["<mask>"]]],
                ]
            }
            #expect(try tokenize(folder, "--text", "hello")["ids"]?[0] == 423)
            #expect(try tokenize(folder, "--text", "hello", "--no-special-tokens")["ids"]?[0] != 423)
        }
    }

    @Test("Without --json each token stands on a line, and the count on standard error unless quiet")
    func lines() throws {
        try withScratch { folder in
            try Folders.writeTokenizer(to: folder)
            let arguments = ["tokenize", "--model", folder.path, "--text", "a\nb"]
            let outcome = try Command.succeed(arguments)
            for line in outcome.output.split(separator: "\n") { #expect(line.contains(/^\d+\t".*"$/)) }
            #expect(outcome.errors.contains("tokens"))
            #expect(try Command.succeed(arguments + ["--quiet"]).errors.isEmpty)
        }
    }

    @Test("A text may begin with a dash")
    func dash() throws {
        try withScratch { folder in
            try Folders.writeTokenizer(to: folder)
            #expect(try tokenize(folder, "--text", "-- item")["text"] == "-- item")
        }
    }

    @Test("org/name is looked up in the cache")
    func cache() throws {
        try withScratch { folder in
            let repository = folder.appending(path: "models--org--name")
            let snapshot = repository.appending(path: "snapshots/abc123")
            try FileManager.default.createDirectory(at: snapshot, withIntermediateDirectories: true)
            try FileManager.default.createDirectory(
                at: repository.appending(path: "refs"), withIntermediateDirectories: true)
            try Folders.write("abc123\n", to: repository.appending(path: "refs/main"))
            try Folders.writeTokenizer(to: snapshot)
            let outcome = try Command.succeed(
                ["tokenize", "--model", "org/name", "--text", "a", "--json"], environment: ["HF_HUB_CACHE": folder.path]
            )
            #expect(try outcome.json()["ids"]?.array?.count == 1)
        }
    }
}
