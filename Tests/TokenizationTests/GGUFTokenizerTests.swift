import Foundation
import JSON
import TestSupport
import Testing
import Tokenization

@Suite("Tokenizers in GGUF files")
struct GGUFTokenizerTests {
    /// The letters that stand for the bytes 0 to 255 in byte-level tokenizers (GPT-2's `bytes_to_unicode`).
    private static let alphabet: [String] = {
        var next: UInt32 = 256
        return (0..<256).map { byte -> String in
            let isShown = (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174
            defer { if !isShown { next += 1 } }
            return String(Unicode.Scalar(isShown ? UInt32(byte) : next).map(Character.init) ?? "?")
        }
    }()

    private static let merges = [
        "h e", "l l", "he ll", "hell o", "Ġ w", "Ġ Ġ", "1 2", "Ċ Ċ", "o r", "Ġw or",
    ]

    /// A byte-level tokenizer: bytes, merged pieces, a control token 266, a user-defined one 267.
    private static func bytePairs(rule: String?) -> GGUFBuilder {
        let pieces = alphabet + merges.map { $0.replacing(" ", with: "") } + ["<|endoftext|>", "<tool>"]
        var builder = GGUFBuilder([
            ("general.architecture", .string("llama")), ("tokenizer.ggml.model", .string("gpt2")),
            ("tokenizer.ggml.tokens", .strings(pieces)),
            ("tokenizer.ggml.token_type", .int32s([Int32](repeating: 1, count: 266) + [3, 4])),
            ("tokenizer.ggml.merges", .strings(merges)), ("tokenizer.ggml.eos_token_id", .uint32(266)),
            ("tokenizer.ggml.bos_token_id", .uint32(266)),
            ("tokenizer.chat_template", .string("{% for m in messages %}<{{ m.content }}>{% endfor %}{{ eos_token }}")),
        ])
        if let rule { builder.metadata.append(("tokenizer.ggml.pre", .string(rule))) }
        return builder
    }

    private static let sentencePiece = GGUFBuilder([
        ("general.architecture", .string("llama")), ("tokenizer.ggml.model", .string("llama")),
        (
            "tokenizer.ggml.tokens",
            .strings(
                ["<unk>", "<s>", "</s>"] + (0..<256).map { String(format: "<0x%02X>", $0) }
                    + ["▁a", "ab", "▁", "a", "b", "c", "bc", "abc", "▁▁", "<tool>"])
        ),
        (
            "tokenizer.ggml.scores",
            .float32s(
                [Float](repeating: 0, count: 259) + [-5, -1, -100, -101, -102, -103, -1, -2, -3, 0])
        ),
        (
            "tokenizer.ggml.token_type",
            .int32s([2, 3, 3] + [Int32](repeating: 6, count: 256) + [Int32](repeating: 1, count: 9) + [4])
        ),
    ])

    private func tokenizer(_ builder: GGUFBuilder) throws -> Tokenizer {
        let scratch = try Scratch()
        try builder.write(to: scratch.path("m.gguf"))
        return try Tokenizer(folder: scratch.path("m.gguf"))
    }

    /// Ids by transformers 5.24 (`gguf_file=`) from the same file, written by gguf-py 0.19; for `smollm`, which transformers splits as
    /// GPT-2 does, with llama.cpp's expressions put in place.
    @Test(
        "The splitting rule that a file names decides the ids",
        arguments: [
            (
                "llama-bpe",
                [
                    266, 259, 265, 108, 100, 32, 32, 262, 263, 32, 262, 51, 266, 259, 267, 32, 39, 115, 32, 73, 39, 76,
                    76,
                ]
            ),
            (
                "qwen2",
                [
                    259, 265, 108, 100, 32, 32, 49, 50, 263, 32, 49, 50, 51, 266, 259, 267, 32, 39, 115, 32, 73, 39, 76,
                    76,
                ]
            ),
            (
                "smollm",
                [259, 265, 108, 100, 261, 49, 50, 263, 32, 49, 50, 51, 266, 259, 267, 32, 39, 115, 32, 73, 39, 76, 76]
            ),
        ] as [(String, [Int32])])
    func rules(rule: String, ids: [Int32]) throws {
        let tokenizer = try tokenizer(Self.bytePairs(rule: rule))
        let text = "hello world  12\n\n 123<|endoftext|>hello<tool> 's I'LL"
        #expect(tokenizer.encode(text) == ids)
        #expect(tokenizer.decode(ids, skipSpecialTokens: false).hasSuffix(text))
        #expect(tokenizer.endOfText?.id == 266 && tokenizer.vocabularySize == 268)
    }

    /// Ids by transformers 5.24 as above, with the architecture `phi3`, whose spaces are those of llama.cpp.
    @Test("Merges follow from scores; bytes stand in for what the vocabulary lacks")
    func scores() throws {
        let tokenizer = try tokenizer(Self.sentencePiece)
        #expect(tokenizer.encode("abc ab  bc") == [1, 261, 266, 261, 260, 267, 265])
        #expect(
            tokenizer.encode("é a</s>abc<tool>bcd") == [1, 261, 198, 172, 259, 2, 261, 266, 268, 261, 265, 103])
        #expect(tokenizer.decode([1, 261, 266, 261, 260, 267, 265]) == "abc ab  bc")
    }

    @Test("The chat template and the tokens with names are the file's")
    func template() throws {
        let tokenizer = try tokenizer(Self.bytePairs(rule: "qwen2"))
        let conversation = try Conversation(
            ["messages": [["role": "user", "content": "hello"]]], source: "test")
        #expect(try tokenizer.render(conversation) == "<hello><|endoftext|>")
    }

    @Test("The files of a model folder are made of it, and are the same tokenizer")
    func files() throws {
        let scratch = try Scratch()
        try Self.bytePairs(rule: "smollm").write(to: scratch.path("m.gguf"))
        let files = try #require(try Tokenizer.files(ofGGUF: scratch.path("m.gguf")))
        #expect(files.map(\.name) == ["tokenizer.json", "chat_template.jinja", "tokenizer_config.json"])
        let folder = scratch.path("folder")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for file in files { try file.contents.write(to: folder.appending(path: file.name)) }
        let one = try Tokenizer(folder: folder), other = try Tokenizer(folder: scratch.path("m.gguf"))
        for text in ["hello  world 12 3", "\n\n \u{301}é<tool>", ""] { #expect(one.encode(text) == other.encode(text)) }
        #expect(one.templateTokens == other.templateTokens && one.endOfText == other.endOfText)
        #expect(try Tokenizer.files(ofGGUF: folder) == nil)
    }

    @Test("What is not supported, or does not fit, is refused by its name")
    func refused() throws {
        func check(_ says: String, _ builder: GGUFBuilder) {
            #expect { _ = try tokenizer(builder) } throws: {
                let line = "\($0)"
                return line.contains(says) && line.contains("m.gguf") && !line.contains("\n")
            }
        }
        func changed(
            _ key: String, _ value: GGUFBuilder.Value?,
            of builder: GGUFBuilder = GGUFTokenizerTests.bytePairs(rule: "qwen2")
        ) -> GGUFBuilder {
            var builder = builder
            builder.metadata.removeAll { $0.key == "tokenizer.ggml.\(key)" }
            if let value { builder.metadata.append(("tokenizer.ggml.\(key)", value)) }
            return builder
        }
        check("tokenizer.ggml.pre: missing", Self.bytePairs(rule: nil))
        check("tokenizer.ggml.pre: the rule \"kimi-k2\" is not known", Self.bytePairs(rule: "kimi-k2"))
        check("tokenizer.ggml.model: missing: the file has no tokenizer", changed("model", nil))
        check("the tokenizer \"t5\" is not supported", changed("model", .string("t5")))
        check("tokenizer.ggml.tokens: missing", changed("tokens", nil))
        check("stands twice", changed("tokens", .strings([String](repeating: "a", count: 268))))
        check("tokenizer.ggml.token_type: 1 entries for 268 tokens", changed("token_type", .int32s([1])))
        check("tokenizer.ggml.merges: missing", changed("merges", nil))
        check("merge 0 does not consist of two pieces", changed("merges", .strings(["he"])))
        check("which the vocabulary lacks", changed("merges", .strings(["x yz"])))
        check("tokenizer.ggml.eos_token_id: 268 is none of the 268 tokens", changed("eos_token_id", .uint32(268)))
        check(
            "tokenizer.ggml.scores: 269 numbers are needed",
            changed("scores", .float32s([0]), of: Self.sentencePiece))
    }

    @Test("Damaged tokenizers are read, or refused in one line")
    func damage() throws {
        let scratch = try Scratch()
        var survival = Survival()
        let seeds = [Self.bytePairs(rule: "llama-bpe").bytes, Self.sentencePiece.bytes]
        for number in 0..<Damage.cases(300) {
            var damage = Damage(seed: 13, number)
            try Data(damage.numbers(seeds[number % 2])).write(to: scratch.path("m.gguf"))
            survival.of(number) {
                let tokenizer = try Tokenizer(folder: scratch.path("m.gguf"))
                _ = tokenizer.decode(tokenizer.encode("hello abc  12<tool>é"))
            }
        }
        #expect(survival.faults.isEmpty, "\(survival) \(survival.faults.prefix(3))")
    }
}
