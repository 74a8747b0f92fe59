import Claims
import Tensors
import TestSupport
import Testing

import TinyWorld

@Suite struct GrammarTests {
    let grammar = TinyWorldGrammar()
    static let facts: [Fact] = {
        var facts = Set(Sample.all.flatMap { $0.truths.map(\.fact) })
        facts.insert(Fact("the text", "ends with", "gave the cup."))
        facts.insert(Fact("the text", "ends with", "Mara is kind. She"))
        return Array(facts)
    }()

    @Test func everyFactReadsBackFromEachOfItsSentences() {
        for fact in Self.facts {
            let sentences = grammar.paraphrases(fact)
            #expect(sentences.count >= 3 && sentences.first == grammar.sentence(fact))
            for sentence in sentences {
                let read = grammar.read(sentence)
                #expect(read.claims == [fact] && read.other.isEmpty, "\(sentence) read as \(read)")
            }
        }
    }

    @Test func caseAndSpacingDoNotMatter() {
        for fact in Self.facts where fact.question != endingQuestion {
            let sentence = grammar.sentence(fact) ?? ""
            for text in [
                sentence.uppercased(), " " + sentence.replacing(" ", with: " \n "), String(sentence.dropLast()),
            ] {
                #expect(grammar.read(text).claims == [fact], "\(text)")
            }
        }
    }

    @Test func anExplanationIsItsSentencesInOrder() {
        let facts = [
            Fact("the hero", "motive", "greedy"), Fact("the text", "ends with", "was kind. In the end"),
            Fact("the object", "holder", "Fenna"),
        ]
        let text = facts.compactMap(grammar.sentence).joined(separator: " It rained all day! ")
        let read = grammar.read(text)
        #expect(read.claims == facts && read.other == ["It rained all day!", "It rained all day!"])
    }

    @Test func anUnknownValueIsAClaimAllTheSame() {
        let read = grammar.read("The hero is called Xanthippe. The town is in Atlantis")
        #expect(read.claims == [Fact("the hero", "name", "Xanthippe"), Fact("the town", "land", "Atlantis")])
        #expect(grammar.sentence(Fact("the hero", "shoe size", "9")) == nil)
        #expect(grammar.paraphrases(Fact("the hero", "shoe size", "9")).isEmpty)
    }

    @Test func anythingCanBeRead() {
        var random = Random(seed: 3)
        let pieces = [
            "The hero is", " ", ".", "\"", "It ends with \"", "Ä", "\n", "?", "…", "mara", " is the friend.", "\u{0}",
            "* ",
        ]
        for _ in 0..<20_000 {
            let text = (0..<Int(random.next() % 12)).map { _ in pieces[Int(random.next() % UInt64(pieces.count))] }
                .joined()
            _ = grammar.read(text)
        }
        #expect(grammar.read("").claims.isEmpty && grammar.read(" . .. \n").other.isEmpty)
    }

    @Test func readingTakesTimeInProportionAndALaterTextNoMoreThanAnEarlierOne() {
        let explanation = Self.facts.prefix(4).compactMap(grammar.sentence).joined(separator: " ")
        let reading = growth(from: 50, to: 400) { count in
            let text = Array(repeating: explanation, count: count).joined(separator: " ")
            #expect(grammar.read(text).claims.count >= 4)
        }
        // Eight times the work; 64 times, were it quadratic.
        #expect(reading < 24, "\(reading)")
        let world = TinyWorld(seed: 9)
        let writing = growth(from: 0, to: 100_000_000) { first in
            for index in first..<first + 500 { #expect(!world.document(index, split: .training).text.isEmpty) }
        }
        #expect(writing < 4, "\(writing)")
    }
}
