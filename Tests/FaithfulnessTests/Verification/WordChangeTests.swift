import Claims
import Evaluation
import Faithfulness
import Foundation
import Testing
import TinyWorld

@Suite("Changed words")
struct WordChangeTests {
    @Test("Quotes are cut out with their marks, straight or curly; one that never closes is none")
    func quotations() {
        let cut = Quotations("The text ends with \"the mill\". It rhymes with \u{201C}hill\u{201D}, so.")
        #expect(cut.inside == "\"the mill\" \u{201C}hill\u{201D}")
        #expect(cut.outside == "The text ends with . It rhymes with , so.")
        for text in ["", "No quotes at all.", "An inch is 1\" long."] {
            #expect(Quotations(text).inside == nil && Quotations(text).outside == nil)
        }
    }

    @Test("A paraphrase makes the same claims in other sentences")
    func paraphrases() throws {
        let grammar = TinyWorldGrammar()
        var changed = 0
        for index in 0..<60 {
            let document = TinyWorld(seed: 4).document(index, split: .training)
            let facts = document.truths.map(\.fact).filter { grammar.sentence($0) != nil }.prefix(3)
            let text = facts.compactMap { grammar.sentence($0) }.joined(separator: " ")
            let first = Rewordings.paraphrased(text, grammar, seed: 1)
            #expect(first == Rewordings.paraphrased(text, grammar, seed: 1))
            guard let first else { continue }
            changed += 1
            #expect(first != text && grammar.read(first).claims == grammar.read(text).claims, "\(text) → \(first)")
        }
        #expect(changed > 50)
        #expect(Rewordings.paraphrased("Nothing that is a claim.", grammar, seed: 1) == nil)
    }

    @Test("A translation puts a tongue's words for what it has words for, and leaves the rest")
    func translations() throws {
        let text = "The speaker wants bread, says Lumi.", made = try #require(TinyWorld.translated(text))
        #expect(made != text && !made.contains("bread") && made.contains("Lumi") && made.hasSuffix("."))
        #expect(TinyWorld.translated(text, into: "Kesh") != made)
        #expect(TinyWorld.translated("12 + 4") == nil && TinyWorld.translated(text, into: "Latin") == nil)
    }

    @Test("A text that a change leaves as it was is not counted among the changed")
    func unchanged() throws {
        let written = ["One sentence.", "The hat's colour is \"red\". Two."]
        let changed = try ChangedTexts(written, partners: [1, 0], Rewordings(PlainGrammar(), seed: 0)).texts
        #expect(changed[.shuffled] == [nil, "Two. The hat's colour is \"red\"."])
        #expect(changed[.quotesOnly] == [nil, "\"red\""] && changed[.other] == [written[1], written[0]])
        #expect(changed[.paraphrased] == [nil, "\"red\" is the hat's colour. Two."])
        #expect(changed[.empty] == ["", ""] && changed[.translated] == nil)
    }
}
