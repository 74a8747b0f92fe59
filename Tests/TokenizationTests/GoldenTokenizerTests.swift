import Foundation
import JSON
import Testing
import Tokenization

/// Compares with what the `tokenizers` package makes of tiny tokenizers and difficult texts.
@Suite("Goldens of the tokenizers package")
struct GoldenTokenizerTests {
    static let names = ["gpt-2", "qwen", "llama-3", "llama-2", "gemma", "metaspace"]

    private func load(_ name: String) throws -> (tokenizer: Tokenizer, cases: [JSONValue]) {
        let document = try Goldens.document("tokenizer-\(name).json")
        let bytes = Array(try #require(document["tokenizer"]).serialized().utf8)
        let cases = try #require(document["cases"]?.array)
        return (try Tokenizer(tokenizerJSON: bytes, source: name), cases)
    }

    @Test("Texts become the same ids, with special tokens and without", arguments: names)
    func encoding(name: String) throws {
        let (tokenizer, cases) = try load(name)
        for golden in cases {
            let text = try #require(golden["text"]?.string)
            let ids = try #require(golden["ids"]?.ids)
            #expect(tokenizer.encode(text) == ids, "\(text.debugDescription)")
            #expect(
                tokenizer.encode(text, addSpecialTokens: false) == golden["plain"]?.ids ?? ids,
                "\(text.debugDescription)")
        }
    }

    @Test("Ids become the same texts, with special tokens and without", arguments: names)
    func decoding(name: String) throws {
        let (tokenizer, cases) = try load(name)
        for golden in cases {
            let text = try #require(golden["text"]?.string)
            let ids = try #require(golden["ids"]?.ids)
            #expect(tokenizer.decode(ids).bytes == (golden["decoded"]?.string ?? text).bytes)
            #expect(
                tokenizer.decode(ids, skipSpecialTokens: false).bytes
                    == (golden["decoded_special"]?.string ?? text).bytes)
        }
    }

    @Test("Decoding token by token gives the same text and never half a character", arguments: names)
    func streaming(name: String) throws {
        let (tokenizer, cases) = try load(name)
        for golden in cases {
            let ids = try #require(golden["ids"]?.ids)
            let text = tokenizer.decode(ids)
            var decoder = tokenizer.streamingDecoder()
            var streamed = ids.map { decoder.append($0) }
            streamed.append(decoder.finish())
            #expect(streamed.joined().bytes == text.bytes)
            if !text.unicodeScalars.contains("\u{FFFD}") {
                #expect(!streamed.contains { $0.unicodeScalars.contains("\u{FFFD}") }, "\(text.debugDescription)")
            }
        }
    }

    @Test("Streaming equals decoding for ids that make no sense together", arguments: names)
    func streamingNonsense(name: String) throws {
        let (tokenizer, _) = try load(name)
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<300 {
            let ids = (0..<Int.random(in: 0..<30, using: &generator)).map { _ in
                Int32.random(in: -1...Int32(tokenizer.vocabularySize), using: &generator)
            }
            var decoder = tokenizer.streamingDecoder()
            let streamed = ids.map { decoder.append($0) }.joined() + decoder.finish()
            #expect(streamed.bytes == tokenizer.decode(ids).bytes)
        }
    }

    @Test("Pieces and ids belong to one another", arguments: names)
    func pieces(name: String) throws {
        let (tokenizer, _) = try load(name)
        for id in 0..<Int32(tokenizer.vocabularySize) {
            guard let piece = tokenizer.token(id) else { continue }
            #expect(tokenizer.id(of: piece) == id)
        }
        #expect(tokenizer.token(-1) == nil)
        #expect(tokenizer.token(Int32(tokenizer.vocabularySize)) == nil)
        #expect(tokenizer.id(of: "no such piece") == nil)
    }
}

@Suite("Normalizers, pre-tokenizers and decoders")
struct VariantTests {
    static let document = Result { try Goldens.document("variants.json") }

    @Test("Every normalizer and pre-tokenizer splits as in the tokenizers package")
    func pipelines() throws {
        let document = try Self.document.get()
        let base = try #require(document["base"]?.object)
        let texts = try #require(document["texts"]?.array).map { try #require($0.string) }
        for variant in try #require(document["variants"]?.array) {
            let name = try #require(variant["name"]?.string)
            var object = base
            for (key, value) in try #require(variant["patch"]?.object) { object[key] = value }
            let tokenizer = try Tokenizer(
                tokenizerJSON: Array(JSONValue.object(object).serialized().utf8), source: name)
            for (text, ids) in zip(texts, try #require(variant["ids"]?.array)) {
                #expect(tokenizer.encode(text) == ids.ids, "\(name): \(text.debugDescription)")
            }
        }
    }

    @Test("Every decoder decodes as in the tokenizers package, whole and token by token")
    func decoders() throws {
        let document = try Self.document.get()
        var object = try #require(document["base"]?.object)
        for variant in try #require(document["decoders"]?.array) {
            object["decoder"] = variant["decoder"]
            let tokenizer = try Tokenizer(
                tokenizerJSON: Array(JSONValue.object(object).serialized().utf8), source: "decoder")
            for golden in try #require(variant["cases"]?.array) {
                let ids = try #require(golden["ids"]?.ids)
                let text = try #require(golden["text"]?.string)
                #expect(tokenizer.decode(ids).bytes == text.bytes, "\(variant["decoder"]?.serialized() ?? "")")
                var decoder = tokenizer.streamingDecoder()
                #expect((ids.map { decoder.append($0) }.joined() + decoder.finish()).bytes == text.bytes)
            }
        }
    }
}
