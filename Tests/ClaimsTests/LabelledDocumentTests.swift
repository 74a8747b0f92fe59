import Claims
import JSON
import Testing

@Suite struct LabelledDocumentTests {
    let document = LabelledDocument(
        id: "a/1", kind: "story", text: "Mara smiled. Mara is kind. She left.",
        truths: [
            .init(Fact("the hero", "motive", "kind"), from: 12, statedFrom: 26),
            .init(Fact("the hero", "place", "here"), from: 0, until: 35),
        ],
        moments: [
            .init(
                offset: 26, kind: "ending", question: Question(subject: "the hero", relation: "motive"), answer: " She")
        ])

    @Test func aFactIsLatentUntilItIsStatedAndEndsWhereItEnds() {
        let truth = document.truths[0]
        #expect(truth.standing(at: 11) == nil)
        #expect(truth.standing(at: 12) == .latent)
        #expect(truth.standing(at: 26) == .stated)
        #expect(document.truths[1].standing(at: 35) == nil)
        #expect(document.truths(at: 20).map(\.fact) == document.truths.map(\.fact))
    }

    @Test func aDocumentSurvivesItsJSON() throws {
        #expect(try LabelledDocument(json: document.json, fallbackID: "x") == document)
    }

    @Test func anOffsetOutsideTheTextIsRefused() {
        let json: JSONValue = ["text": "ab", "facts": [["subject": "s", "relation": "r", "value": "v", "from": 3]]]
        #expect(throws: ClaimsError.self) { try LabelledDocument(json: json, fallbackID: "x") }
    }

    @Test func lastWordsAreTrueOnlyWhole() {
        func claims(_ words: String, _ length: Int) -> Bool {
            document.isTrue(Fact(endingQuestion.subject, endingQuestion.relation, words), at: length)
        }
        #expect(claims("Mara is", 20) && claims("is", 20))
        #expect(!claims("s", 20) && !claims("kind", 20) && !claims("", 20))
        #expect(claims("Mara is kind.", 26) && claims(".", 26))
    }

    @Test func lastWordsAreTrueAcrossALineBreak() {
        let couplet = LabelledDocument(id: "c", kind: "couplet", text: "the tie,\nand  whispered")
        func claims(_ words: String) -> Bool {
            couplet.isTrue(Fact(endingQuestion.subject, endingQuestion.relation, words), at: couplet.text.utf8.count)
        }
        #expect(claims("tie, and whispered") && claims("and whispered") && claims("and\nwhispered"))
        #expect(!claims("tie,and whispered") && !claims("ie, and whispered"))
    }
}
