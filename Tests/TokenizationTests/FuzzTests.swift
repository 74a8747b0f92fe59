import Foundation
import JSON
import Testing
import Tokenization

/// Damaged inputs may be refused or accepted, but never crash or hang. The seed is fixed, so a failure repeats.
@Suite("Damaged inputs", .serialized)
struct FuzzTests {
    @Test("25,000 damaged documents are parsed or refused")
    func json() throws {
        let seeds = [
            #"{"a": [1, -2.5e3, true, null, "\u00e9\ud83d\ude00\n"], "b": {"c": {}, "d": []}, "e": NaN}"#,
            #"[[[[{"x": [[["deep"]]]}]]], 9223372036854775807, 1e308, "\\\"", {"": 0}]"#,
        ].map(\.bytes)
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<25_000 {
            let bytes = Mutation.mutated(seeds, using: &generator)
            if let value = try? JSONValue.parse(bytes) {
                let text = value.serialized()
                let again = try JSONValue.parse(text)
                #expect(again.serialized() == text)
            }
        }
    }

    @Test("15,000 damaged tokenizers are read or refused, and those read encode and decode")
    func tokenizers() throws {
        let seeds = Self.tokenizers.map(\.bytes)
        var generator = SeededGenerator(seed: 2)
        var read = 0
        for _ in 0..<15_000 {
            let bytes = Mutation.mutated(seeds, using: &generator)
            guard let tokenizer = try? Tokenizer(tokenizerJSON: bytes, source: "fuzz") else { continue }
            read += 1
            let ids = tokenizer.encode("<s> ab abc  a1\n<m> é👍 ▁x")
            _ = tokenizer.decode(ids)
            _ = tokenizer.decode(ids, skipSpecialTokens: false)
        }
        #expect(read > 1000)
    }

    @Test("25,000 damaged templates are rendered or refused")
    func templates() throws {
        let document = try Goldens.document("templates.json")
        var seeds = try #require(document["templates"]?.object).values.compactMap { $0.string?.bytes }
        seeds += try #require(document["snippets"]?.array).compactMap { $0["source"]?.string?.bytes }
        let conversations = try #require(document["messages"]?.object).values
        var generator = SeededGenerator(seed: 3)
        var rendered = 0
        for round in 0..<25_000 {
            let source = String(decoding: Mutation.mutated(seeds, using: &generator), as: UTF8.self)
            guard let template = try? ChatTemplate(source: source) else { continue }
            let text = try? template.render(
                messages: conversations[round % conversations.count], addGenerationPrompt: true, bosToken: "<s>",
                eosToken: nil, tools: document["tools"])
            if text != nil { rendered += 1 }
        }
        #expect(rendered > 1000)
    }

    /// Small ones of every kind, so that many can be tried.
    private static let tokenizers = [
        #"""
        {"added_tokens": [{"id": 7, "content": "<s>", "special": true, "lstrip": true, "rstrip": true,
        "single_word": false, "normalized": false}, {"id": 8, "content": "<m>", "normalized": true}],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Replace", "pattern":
        {"Regex": "\\s+"}, "content": " "}, {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern":
        {"Regex": "(?i:'s|'t)|[^\\r\\n\\p{L}]?\\p{L}+|\\p{N}{1,3}|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated",
        "invert": false}, {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]},
        "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}},
        {"Sequence": {"id": "A"}}], "special_tokens": {"<s>": {"id": "<s>", "ids": [7]}}},
        "decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "ignore_merges": true, "vocab": {"a": 0, "b": 1,
        "c": 2, "ab": 3, "abc": 4, "\u0120": 5, "\u0120ab": 6}, "merges": ["a b", "ab c", "\u0120 ab"]}}
        """#,
        #"""
        {"added_tokens": [{"id": 1, "content": "<s>", "special": true, "single_word": true}],
        "normalizer": {"type": "Prepend", "prepend": "▁"}, "pre_tokenizer": null, "post_processor": null,
        "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
        {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true, "vocab": {"<unk>": 0,
        "<s>": 1, "▁": 2, "a": 3, "b": 4, "▁a": 5, "ab": 6, "<0xC3>": 7, "<0xA9>": 8, "▁ab": 9}, "merges":
        [["▁", "a"], ["a", "b"], ["▁a", "b"]]}}
        """#,
        #"""
        {"added_tokens": [], "normalizer": {"type": "StripAccents"}, "pre_tokenizer": {"type": "Sequence",
        "pretokenizers": [{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true},
        {"type": "Digits", "individual_digits": true}, {"type": "Punctuation", "behavior": "Contiguous"}, {"type":
        "Split", "pattern": {"String": "b"}, "behavior": "MergedWithNext", "invert": true}]}, "post_processor":
        {"type": "Sequence", "processors": [{"type": "BertProcessing", "sep": ["b", 1], "cls": ["a", 0]}]}, "decoder":
        {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}, "model": {"merges": ["a b"],
        "vocab": {"a": 0, "b": 1, "ab": 2, "▁": 3}, "dropout": null}}
        """#,
    ]
}

/// Damage of the kinds that files suffer and attackers try.
private enum Mutation {
    static func mutated(_ seeds: [[UInt8]], using generator: inout SeededGenerator) -> [UInt8] {
        var bytes = seeds.randomElement(using: &generator) ?? []
        for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
            let start = Int.random(in: 0..<bytes.count, using: &generator)
            let end = min(bytes.count, start + Int.random(in: 1...24, using: &generator))
            // Half of the damage leaves the syntax alone, so that it gets past the parser.
            switch Int.random(in: 0..<12, using: &generator) {
            case 0: bytes[start] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[start] = UInt8.random(in: 0...255, using: &generator)
            case 2: bytes.removeSubrange(start..<end)
            case 3: bytes.removeLast(bytes.count - start)
            case 4: bytes.insert(contentsOf: bytes[start..<end], at: start)
            case 5:
                let other = seeds.randomElement(using: &generator) ?? []
                let from = other.isEmpty ? 0 : Int.random(in: 0..<other.count, using: &generator)
                bytes.insert(contentsOf: other[from..<min(other.count, from + 24)], at: start)
            case 6...8: replaceNumber(in: &bytes, after: start, using: &generator)
            default: swapStrings(in: &bytes, after: start)
            }
        }
        return bytes
    }

    private static func replaceNumber(
        in bytes: inout [UInt8], after start: Int, using generator: inout SeededGenerator
    ) {
        let isDigit = { (byte: UInt8) in (0x30...0x39).contains(byte) }
        guard let first = bytes[start...].firstIndex(where: isDigit) else { return }
        let end = bytes[first...].firstIndex { !isDigit($0) } ?? bytes.count
        let numbers = ["-1", "0", "99999999", "2147483648", "9223372036854775807", "1e400", "0.5", "null", "\"a\""]
        bytes.replaceSubrange(first..<end, with: (numbers.randomElement(using: &generator) ?? "0").utf8)
    }

    /// Exchanges the next two strings in double quotes.
    private static func swapStrings(in bytes: inout [UInt8], after start: Int) {
        let quotes = bytes.indices[start...].filter { bytes[$0] == UInt8(ascii: "\"") }.prefix(4)
        guard quotes.count == 4 else { return }
        let marks = Array(quotes)
        let (first, second) = (Array(bytes[marks[0]...marks[1]]), Array(bytes[marks[2]...marks[3]]))
        bytes.replaceSubrange(marks[2]...marks[3], with: first)
        bytes.replaceSubrange(marks[0]...marks[1], with: second)
    }
}
