import Autoencoder
import Claims
import Foundation
import LanguageModel
import Teaching
import Tensors
import TestSupport
import Testing

@Suite("A reader's filter")
struct ReaderFilterTests {
    @Test("Every sentence that stays is missed when it is left out, none of the others is, and twins do not both go")
    func filter() throws {
        let reader = try Reconstructor(
            folder: goldens.appendingPathComponent("pairs/qwen2/ar"), precision: .float32)
        let said = ["The dog found a key in the mill.", "She sang to the river, 12 times.", "A dog wants the key."]
        // The vector is what the reader makes of the first sentence, so that one must stay.
        let vectors = try reader.reconstruct([said[0], said[0], said[0]])
        let explanations = [said.joined(separator: " "), said[0] + " " + said[0], ""]
        var report = ReaderFilter.Report()
        let kept = try ReaderFilter(reader).filter(explanations, vectors, &report)
        #expect(kept[2] == nil && report.emptied == 1 && report.sentences == 5)
        let first = try #require(kept[0])
        #expect(first.contains(said[0]))
        #expect(kept[1] == said[0])
        func error(_ sentences: [String]) throws -> Double {
            let text = sentences.joined(separator: " ")
            return try Scores.rows(reader.reconstruct([text]), vectors.rows(0..<1))[0].meanSquaredError
        }
        let sentences = Sentences.split(first)
        let whole = try error(sentences)
        for index in sentences.indices {
            var others = sentences
            others.remove(at: index)
            #expect(try error(others) > whole)
        }
    }
}
