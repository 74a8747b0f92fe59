import Foundation
import JSON
import Testing
import Tokenization

/// What the fuzzer found (Scripts/fuzz_tokenizers.py), made small, with what `tokenizers` and transformers say.
@Suite("Cases that went wrong")
struct CaseTests {
    static let document = Result { try Goldens.document("cases.json") }
    static let names =
        (try? document.get()["tokenizers"]?.array?.compactMap { $0["name"]?.string }) ?? []
    static let templates =
        (try? document.get()["templates"]?.array?.compactMap { $0["source"]?.string }) ?? []
    static let refused = (try? document.get()["refused"]?.array?.compactMap(\.string)) ?? []

    private func tokenizer(_ parts: JSONObject) throws -> Tokenizer {
        var object = parts
        object["model"] = try #require(try Self.document.get()["model"])
        return try Tokenizer(tokenizerJSON: JSONValue.object(object).serialized().bytes, source: "case")
    }

    @Test("Texts become the same ids", arguments: names)
    func ids(name: String) throws {
        let document = try Self.document.get()
        let golden = try #require(document["tokenizers"]?.array?.first { $0["name"]?.string == name })
        let tokenizer = try tokenizer(try #require(golden["parts"]?.object))
        for (text, ids) in zip(
            try #require(document["texts"]?.array), try #require(golden["ids"]?.array))
        {
            let text = try #require(text.string)
            #expect(tokenizer.encode(text) == ids.ids, "\(text.debugDescription)")
        }
    }

    @Test("Ids become the same texts, whole and token by token")
    func decoders() throws {
        let document = try Self.document.get()
        let lists = try #require(document["ids"]?.array)
        for golden in try #require(document["decoders"]?.array) {
            let tokenizer = try tokenizer(["decoder": try #require(golden["decoder"])])
            for (list, text) in zip(lists, try #require(golden["texts"]?.array)) {
                let ids = try #require(list.ids)
                let comment: Comment = "\(golden["decoder"]?.serialized() ?? "") \(ids)"
                #expect(
                    tokenizer.decode(ids, skipSpecialTokens: false).bytes == text.string?.bytes, comment)
                var decoder = tokenizer.streamingDecoder(skipSpecialTokens: false)
                #expect(
                    (ids.map { decoder.append($0) }.joined() + decoder.finish()).bytes == text.string?.bytes,
                    comment)
            }
        }
    }

    private func render(_ source: String) throws -> String {
        let document = try Self.document.get()
        let messages = try #require(document["messages"]?.array).compactMap(\.object)
        let variables = try #require(document["variables"]?.object)
        return try ChatTemplate(source: source).render(
            Conversation(messages: messages, addsGenerationPrompt: false, variables: variables))
    }

    @Test("Templates render the same", arguments: templates)
    func rendering(source: String) throws {
        let golden = try #require(
            try Self.document.get()["templates"]?.array?.first { $0["source"]?.string == source })
        #expect(try render(source).bytes == golden["text"]?.string?.bytes)
    }

    @Test(
        "What cannot be shown as Python shows it, and what Python refuses, is refused in one line",
        arguments: refused)
    func refusals(source: String) throws {
        let error = #expect(throws: TokenizerError.self) { try render(source) }
        #expect(error?.description.contains("\n") == false)
    }

    @Test("There are goldens")
    func isThere() {
        #expect(Self.names.count > 40 && Self.templates.count > 20 && Self.refused.count > 15)
    }

    @Test("An added token of which normalization leaves nothing is refused by name")
    func emptyToken() throws {
        let parts: JSONObject = [
            "normalizer": ["type": "Replace", "pattern": ["Regex": "t+"], "content": ""],
            "added_tokens": [["id": 900, "content": "tt", "normalized": true, "special": false]],
        ]
        let error = #expect(throws: TokenizerError.self) { try tokenizer(parts) }
        #expect(error?.reason.contains("\"tt\"") == true)
    }
}

/// Sizes whose quadratic time would be minutes.
@Suite("Long odd texts")
struct LongTextTests {
    private static let size = 250_000

    @Test(
        "A quarter of a million characters without a break are encoded in linear time",
        arguments: [
            "a", " ", "\n", "1", "é", "中", "👍", ".", "\u{301}", "▁", "ab", "a ", "<s>", "<m> ", "Aa",
        ])
    func long(unit: String) throws {
        let tokenizers: [JSONObject] = [
            [
                "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": true, "use_regex": true],
                "decoder": ["type": "ByteLevel"],
            ],
            [
                "normalizer": ["type": "NFC"],
                "pre_tokenizer": [
                    "type": "Sequence",
                    "pretokenizers": [
                        [
                            "type": "Split", "behavior": "Isolated", "invert": false,
                            "pattern": [
                                "Regex":
                                    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
                            ],
                        ], ["type": "ByteLevel", "add_prefix_space": false, "use_regex": false],
                    ],
                ], "decoder": ["type": "ByteLevel"],
            ],
            [
                "normalizer": [
                    "type": "Sequence",
                    "normalizers": [
                        ["type": "Strip", "strip_left": true, "strip_right": true],
                        ["type": "Prepend", "prepend": "▁"],
                        ["type": "Replace", "pattern": ["String": " "], "content": "▁"],
                        ["type": "StripAccents"],
                    ],
                ],
                "pre_tokenizer": [
                    "type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true,
                ],
                "decoder": [
                    "type": "Sequence",
                    "decoders": [
                        ["type": "Replace", "pattern": ["String": "▁"], "content": " "],
                        ["type": "ByteFallback"],
                        ["type": "Fuse"], ["type": "Strip", "content": " ", "start": 1, "stop": 0],
                    ],
                ],
            ],
        ]
        let text = String(repeating: unit, count: Self.size / unit.unicodeScalars.count)
        for var parts in tokenizers {
            parts["added_tokens"] = [
                ["id": 256, "content": "<s>", "special": true, "lstrip": true, "rstrip": true],
                ["id": 257, "content": "<m>", "special": false, "normalized": true, "rstrip": true],
            ]
            let tokenizer = try ByteTokenizer.make(parts)
            let ids = tokenizer.encode(text)
            _ = tokenizer.decode(ids)
            _ = try? tokenizer.encodeWithPlaces(text)
        }
    }

    @Test(
        "A word of a quarter of a million characters is merged in time that grows no faster than it and its logarithm"
    )
    func longWord() throws {
        let document: JSONValue = [
            "model": [
                "type": "BPE", "vocab": ["a": 0, "b": 1, "aa": 2, "ab": 3, "aaaa": 4, "abab": 5, "ba": 6],
                "merges": ["a a", "a b", "aa aa", "ab ab", "b a"],
            ]
        ]
        let tokenizer = try Tokenizer(tokenizerJSON: document.serialized().bytes, source: "word")
        #expect(tokenizer.encode(String(repeating: "a", count: Self.size)).count == Self.size / 4)
        #expect(tokenizer.encode(String(repeating: "ab", count: Self.size / 2)).count == Self.size / 4)
        #expect(tokenizer.encode(String(repeating: "b", count: Self.size)).count == Self.size)
    }

    @Test("A conversation of half a megabyte is rendered message by message in linear time")
    func longConversation() throws {
        let message: JSONObject = [
            "role": "user", "content": .string(String(repeating: "x", count: 50)),
        ]
        let template = try ChatTemplate(
            source:
                "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}{{ loop.index }}{% endfor %}")
        let text = try template.render(Conversation(messages: Array(repeating: message, count: 10_000)))
        #expect(text.utf8.count > 560_000)
    }
}
