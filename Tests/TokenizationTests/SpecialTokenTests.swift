import Foundation
import JSON
import Testing
import Tokenization

/// Compares with what transformers makes of folders whose files disagree about special tokens.
@Suite("Special tokens of folders")
struct SpecialTokenTests {
    static let document = Result { try Goldens.document("special_tokens.json") }
    static let names = (try? document.get()["folders"]?.array?.compactMap { $0["name"]?.string }) ?? []

    private func folder(_ name: String) throws -> (golden: JSONValue, tokenizer: Tokenizer) {
        let document = try Self.document.get()
        let golden = try #require(document["folders"]?.array?.first { $0["name"]?.string == name })
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (file, contents) in try #require(golden["files"]?.object) {
            try Data(contents.serialized().utf8).write(to: folder.appending(path: file))
        }
        return (golden, try Tokenizer(folder: folder))
    }

    @Test("Texts become the same ids, and ids the same texts", arguments: names)
    func ids(name: String) throws {
        let (golden, tokenizer) = try folder(name)
        let text = try #require(try Self.document.get()["text"]?.string)
        let ids = try #require(golden["ids"]?.ids)
        #expect(tokenizer.encode(text) == ids)
        #expect(tokenizer.decode(ids, skipSpecialTokens: false) == golden["kept"]?.string)
        #expect(tokenizer.decode(ids) == golden["skipped"]?.string)
    }

    @Test("Templates get the same variables, and messages the same fields", arguments: names)
    func variables(name: String) throws {
        let (golden, tokenizer) = try folder(name)
        let variables = JSONObject(tokenizer.templateTokens.map { ($0, .string($1)) })
        #expect(JSONValue.object(variables) == golden["variables"])
        for (key, expected) in golden["rendered"]?.object ?? JSONObject() {
            let messages = try #require(try Self.document.get()["messages"]?[key]?.array?.compactMap(\.object))
            let text = try tokenizer.render(Conversation(messages: messages, addsGenerationPrompt: false))
            #expect(text == expected.string, "\(key)")
        }
    }

    @Test("There are goldens")
    func isThere() { #expect(Self.names.count > 30) }
}

@Suite("Bytes of single tokens")
struct TokenBytesTests {
    @Test("The bytes of all tokens make the decoded text", arguments: GoldenTokenizerTests.names)
    func wholeTexts(name: String) throws {
        let document = try Goldens.document("tokenizer-\(name).json")
        let tokenizer = try Tokenizer(
            tokenizerJSON: Array(try #require(document["tokenizer"]).serialized().utf8), source: name)
        var count = 0
        for golden in try #require(document["cases"]?.array) {
            let ids = try #require(golden["ids"]?.ids)
            let text = tokenizer.decode(ids, skipSpecialTokens: false)
            guard !text.unicodeScalars.contains("\u{FFFD}") else { continue }
            var bytes: [UInt8] = []
            for (index, id) in ids.enumerated() { bytes += tokenizer.bytes(of: id, isFirst: index == 0) ?? [] }
            #expect(bytes == text.bytes, "\(text.debugDescription)")
            count += 1
        }
        #expect(count > 50)
    }

    @Test("A character that is spread over tokens keeps each its own bytes")
    func splitCharacter() throws {
        let document = try Goldens.document("tokenizer-gpt-2.json")
        let tokenizer = try Tokenizer(
            tokenizerJSON: Array(try #require(document["tokenizer"]).serialized().utf8), source: "gpt-2")
        let ids = tokenizer.encode("🦫", addSpecialTokens: false)
        #expect(ids.count > 1)
        #expect(ids.map { tokenizer.bytes(of: $0)?.count ?? 0 }.allSatisfy { (1..<4).contains($0) })
        #expect(ids.compactMap { tokenizer.bytes(of: $0) }.flatMap { $0 } == [0xF0, 0x9F, 0xA6, 0xAB])
        #expect(tokenizer.bytes(of: 1 << 20) == nil)
    }
}
