import Foundation
import JSON
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

    @Test("A tokenizer of 150,000 tokens loads in little more time than its file takes to read as JSON")
    func loading() throws {
        let folder = SharedFiles.folder.appending(path: "tokenizers/qwen2")
        let file = try Data(contentsOf: folder.appending(path: "tokenizer.json"))
        // The thread's own time, and the quickest of several, so that a busy machine does not matter.
        func quickest(_ body: () throws -> Void) rethrows -> Double {
            var best = Double.infinity
            for _ in 0..<5 {
                let start = Self.threadSeconds
                try body()
                best = min(best, Self.threadSeconds - start)
            }
            return best
        }
        let parsing = try quickest { _ = try JSONValue.parse(file) }
        let loading = try quickest { _ = try Tokenizer(folder: folder) }
        #expect(loading < 3 * parsing, "\(loading) s against \(parsing) s")
    }

    private static var threadSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
