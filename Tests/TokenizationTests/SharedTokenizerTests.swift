import Foundation
import JSON
import TestSupport
import Testing
import Tokenization

@Suite(
    "Real vocabularies",
    .enabled(if: SharedFiles.exist("tokenizers"), "needs ../shared/tokenizers, or $INTERLINEAR_SHARED"))
struct SharedTokenizerTests {
    @Test("Texts encode and decode as recorded", arguments: ["gpt-2", "llama-spm", "qwen2"])
    func goldens(name: String) throws {
        let tokenizer = try Tokenizer(folder: SharedFiles.folder.appending(path: "tokenizers/\(name)"))
        for golden in try #require(SharedFiles.document("tokenizers/\(name)/golden.json").array) {
            let text = try #require(golden["text"]?.string)
            let ids = try #require(golden["ids"]?.array).map { Int32(try #require($0.int)) }
            let decoded = try #require(golden["decoded"]?.string)
            #expect(tokenizer.encode(text, addSpecialTokens: false) == ids, "\(text.debugDescription)")
            #expect(Array(tokenizer.decode(ids).utf8) == Array(decoded.utf8), "\(text.debugDescription)")
        }
    }

    @Test("A tokenizer of 150,000 tokens loads in hardly more time than it takes to read its JSON")
    func loading() throws {
        let folder = SharedFiles.folder.appending(path: "tokenizers/qwen2")
        let bytes = Array(try Data(contentsOf: folder.appending(path: "tokenizer.json")))
        // "Sizes" 0 and 1: the JSON alone, and the tokenizer.
        let times = try growth(from: 0, to: 1) { size in
            if size == 0 { _ = try JSONValue.parse(bytes) } else { _ = try Tokenizer(folder: folder) }
        }
        #expect(times < 8, "\(times)")
    }
}
