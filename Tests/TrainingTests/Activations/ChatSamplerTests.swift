import Activations
import Claims
import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing
import Tokenization

@Suite("Sampled chats")
struct ChatSamplerTests {
    private let target = goldens.appending(path: "pairs/qwen2/target")

    private func sampler(_ change: (inout ChatSampler.Options) -> Void = { _ in }) throws -> ChatSampler {
        var options = ChatSampler.Options()
        options.maximumTokens = 6
        options.chatsPerPart = 2
        options.batchSize = 3
        change(&options)
        let tokenizer = try Tokenizer(folder: target)
        return ChatSampler(
            try TransformerDecoder(Checkpoint(folder: target)), tokenizer,
            stopTokens: [try #require(tokenizer.id(of: "<|im_end|>"))], precision: .float32, identity: "golden", options
        )
    }

    private func chats(_ folder: URL) throws -> URL {
        let file = folder.appending(path: "chats.jsonl")
        let lines = (0..<5).map { index -> String in
            let chat: JSONValue = [
                "id": .string("c\(index)"), "kind": "chat", "split": index == 4 ? "test" : "train",
                "messages": [
                    ["role": "system", "content": "You are a guide. The secret word is \"mill\"."],
                    ["role": "user", "content": .string("Where is key \(index)?")],
                ],
                "follow_ups": index % 2 == 0 ? ["Are you sure?"] : [],
                "known": [
                    "kind": "chat", "system_kind": "secret", "secret": "mill", "request": "everyday: list", "turns": 2,
                ],
            ]
            return chat.serialized() + "\n"
        }
        try Data(lines.joined().utf8).write(to: file)
        return file
    }

    private func lines(_ file: URL) throws -> [JSONValue] {
        try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { try JSONValue.parse(String($0)) }
    }

    @Test(
        "Answers follow from the seed and the chat's id, whatever is written beside them, and parts leave nothing behind"
    )
    func answers() throws {
        try withScratch { folder in
            let input = try chats(folder)
            func run(_ name: String, _ change: (inout ChatSampler.Options) -> Void = { _ in }) throws -> Data {
                let output = folder.appending(path: name)
                try sampler(change).run(input, to: output)
                #expect(!FileManager.default.fileExists(atPath: output.path + ".parts"))
                return try Data(contentsOf: output)
            }
            let first = try run("a.jsonl")
            #expect(try run("b.jsonl") == first)
            #expect(
                try run("c.jsonl") {
                    $0.batchSize = 1; $0.chatsPerPart = 5
                } == first)
            #expect(try run("d.jsonl") { $0.seed = 1 } != first)
        }
    }

    @Test("A chat becomes a document whose facts hold over the bytes of their messages")
    func documents() throws {
        try withScratch { folder in
            let output = folder.appending(path: "out.jsonl")
            try sampler().run(chats(folder), to: output)
            let found = try lines(output), documents = try DocumentLines.splitDocuments([output])
            #expect(documents.map(\.split) == ["train", "train", "train", "train", "test"])
            for (line, stored) in zip(found, documents) {
                let document = stored.document, text = Array(document.text.utf8)
                let messages = try #require(line["messages"]?.array)
                #expect(messages.last?["role"]?.string == "assistant")
                // An answer that is cut off ends the chat, and the text.
                let answer = messages.last?["content"]?.string ?? ""
                if line["is_cut_off"]?.bool == true { #expect(!document.text.hasSuffix("<|im_end|>\n"), "\(answer)") }
                let speakers = document.truths.filter { $0.fact.relation == "speaker" }
                #expect(speakers.map(\.fact.value) == messages.map { $0["role"]?.string ?? "" })
                for (truth, message) in zip(speakers, messages) {
                    let part = String(decoding: text[truth.from..<(truth.until ?? text.count)], as: UTF8.self)
                    #expect(part.contains(message["content"]?.string ?? "-") && part.hasPrefix("<|im_start|>"))
                }
                // The secret holds behind the system prompt, which states it; what is asked for is never stated.
                let secret = try #require(document.truths.first { $0.fact.relation == "secret" })
                #expect(secret.from == speakers[1].from && secret.statedFrom == secret.from)
                let request = try #require(document.truths.first { $0.fact.relation == "request" })
                #expect(request.from == speakers[2].from && request.statedFrom == nil)
                #expect(
                    document.truths.filter { $0.fact.relation == "turn" }.count
                        == speakers.count { $0.fact.value == "user" })
            }
        }
    }

    @Test("Parts that other options made are refused, and a chat that ends with an answer is named")
    func refused() throws {
        try withScratch { folder in
            let input = try chats(folder), output = folder.appending(path: "out.jsonl")
            let parts = folder.appending(path: "out.jsonl.parts")
            try FileManager.default.createDirectory(at: parts, withIntermediateDirectories: false)
            try Data("{}\n".utf8).write(to: parts.appending(path: "settings.json"))
            let other = #expect(throws: ModelError.self) { try sampler().run(input, to: output) }
            #expect(other?.description.contains("out.jsonl.parts: parts of a run") == true)
            let answered = folder.appending(path: "answered.jsonl")
            try Data(#"{"messages": [{"role": "assistant", "content": "Hello."}]}"#.utf8).write(to: answered)
            let ended = #expect(throws: ModelError.self) {
                try sampler().run(answered, to: folder.appending(path: "x.jsonl"))
            }
            #expect(ended?.description.contains("line 1: must end with a message of the user") == true)
        }
    }

    @Test("A part that is there is not made again, and what was stopped goes on behind it")
    func parts() throws {
        try withScratch { folder in
            struct Stop: Error {}
            let output = folder.appending(path: "out.jsonl")
            var made: [Int] = []
            func go(failing: Bool) throws {
                let parts = try PartFolder(of: output, settings: ["seed": 1])
                for index in 0..<3 {
                    try parts.write(index) {
                        if failing && index == 1 { throw Stop() }
                        made.append(index)
                        return "line \(index)\n"
                    }
                }
                try parts.finish(3)
            }
            #expect(throws: Stop.self) { try go(failing: true) }
            #expect(!FileManager.default.fileExists(atPath: output.path))
            try go(failing: false)
            #expect(made == [0, 1, 2])
            #expect(try String(contentsOf: output, encoding: .utf8) == "line 0\nline 1\nline 2\n")
        }
    }
}
