import Claims
import Testing

@Suite struct PlainGrammarTests {
    @Test func factsAreReadBackFromAllTheirSentences() {
        let grammar = PlainGrammar()
        for fact in [
            Fact("the hero", "motive", "greedy"), Fact("the text", "ends with", "at 3.5 p.m., she said!"),
            Fact("a town", "river, or lake", "The Ossa. It flows"), Fact("Anna's brother", "age", "7"),
        ] {
            let sentences = grammar.paraphrases(fact)
            #expect(!sentences.isEmpty)
            for sentence in sentences { #expect(grammar.read(sentence).claims == [fact]) }
            let (claims, other) = grammar.read("So it is. " + sentences.joined(separator: " ") + " What else?")
            #expect(claims == sentences.map { _ in fact })
            #expect(other == ["So it is.", "What else?"])
        }
    }

    @Test func whatCannotBeReadBackHasNoSentence() {
        #expect(PlainGrammar().sentence(Fact("the hero", "motive", "\"greedy\"")) == nil)
        for fact in [
            Fact("The hero", "motive", "greedy"), Fact("the hero", "motive's cause", "greedy"),
            Fact("the hero", "motive is", "greedy"), Fact("", "motive", "greedy"),
        ] {
            #expect(PlainGrammar().sentence(fact) == nil)
        }
    }

    @Test func sentencesEndBehindTheirQuotesAndAtLineEnds() {
        #expect(
            Sentences.split("One. It ends with \"a. b\". Two!  Three\nfour") == [
                "One.", "It ends with \"a. b\".", "Two!", "Three", "four",
            ])
        #expect(Sentences.split("").isEmpty)
    }
}
