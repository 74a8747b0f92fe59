import Claims
import Foundation
import Testing

import TinyWorld

/// Twenty thousand training documents and some held-out ones, written once for all tests.
enum Sample {
    static let training = (0..<20_000).map { TinyWorld(seed: 5).document($0, split: .training) }
    static let heldOut = (0..<3_000).map { TinyWorld(seed: 5).document($0, split: .heldOut) }
    static let all = training + heldOut

    /// Lowercase words, hyphens and apostrophes kept inside them.
    static func words(_ text: some StringProtocol) -> [String] {
        text.lowercased().split { !($0.isLetter || $0 == "-") }.map(String.init)
    }

    /// The text's first `length` bytes.
    static func beginning(_ document: LabelledDocument, _ length: Int) -> String {
        String(decoding: document.text.utf8.prefix(length), as: UTF8.self)
    }

    /// Whether the words of `value` stand in a text, in order and whole.
    static func contains(_ text: String, _ value: String) -> Bool {
        (" " + words(text).joined(separator: " ") + " ").contains(" " + words(value).joined(separator: " ") + " ")
    }
}

extension LabelledDocument {
    /// What answers a question at an offset.
    func answers(_ question: Question, at offset: Int) -> [Truth] {
        truths.filter { $0.fact.question == question && $0.standing(at: offset) != nil }
    }

    /// The only answer to a question at an offset.
    func value(_ question: Question, at offset: Int) -> String? {
        answers(question, at: offset).first?.fact.value
    }
}

@Suite struct TinyWorldTests {
    @Test func aDocumentIsTheSameWhenWrittenAgainAndAnotherSeedWritesAnother() {
        for index in 0..<200 {
            let again = TinyWorld(seed: 5).document(index, split: .training)
            #expect(again == Sample.training[index])
            #expect(TinyWorld(seed: 6).document(index, split: .training).text != again.text)
        }
        let kind = TinyWorld.cycle[3]
        #expect(TinyWorld(seed: 5).document(3, split: .training, kind: kind) == Sample.training[3])
    }

    @Test func noTwoDocumentsShareAName() {
        #expect(Set(Sample.all.map(\.id)).count == Sample.all.count)
    }

    @Test func theTextsUseAtLeastFifteenHundredContentWords() {
        let glue: Set<String> = Set(
            Sample.words(
                """
                a an the and or but of to in on at by for with from as is was were are be been had has have it its he she they
                them his her that this there then so not no i you my me we us our what which who will would when where while
                until after before into out up down over under all one two
                """))
        let names = Set(People.all.map { $0.lowercased() })
        var seen: Set<String> = []
        for document in Sample.training { seen.formUnion(Sample.words(document.text)) }
        let content = seen.subtracting(glue).subtracting(names)
        #expect(content.count >= 1_500, "\(content.count)")
        print("content words:", content.count, "all words:", seen.count)
    }

    @Test(arguments: TinyWorld.Kind.allCases) func aBillionTextsOfEachKindArePossible(kind: TinyWorld.Kind) {
        #expect(TinyWorld.leastTexts(of: kind) >= 1e9, "\(kind): \(TinyWorld.leastTexts(of: kind))")
    }

    @Test func textsAreOfModestLength() {
        for kind in TinyWorld.Kind.allCases {
            let lengths = Sample.training.filter { $0.kind == kind.rawValue }.map { Sample.words($0.text).count }
                .sorted()
            #expect(lengths[lengths.count / 20] >= 25 && lengths[lengths.count * 19 / 20] <= 90, "\(kind)")
            print(kind, "words:", lengths[0], lengths[lengths.count / 2], lengths[lengths.count - 1])
        }
    }

    @Test func trainingNeverShowsWhatIsReservedAndHeldOutAlwaysDoes() {
        let world = TinyWorld(seed: 5)
        for index in 0..<20_000 {
            #expect(!world.combinations(index, split: .training).contains(where: TinyWorld.isReserved))
        }
        for index in 0..<3_000 {
            #expect(world.combinations(index, split: .heldOut).contains(where: TinyWorld.isReserved))
        }
    }

    @Test func theThingsOfACombinationStandInTheText() {
        let world = TinyWorld(seed: 5)
        for index in 0..<3_000 where [.couplet, .atlas].contains(TinyWorld.cycle[index % 10]) {
            for combination in world.combinations(index, split: .heldOut) {
                let text = Sample.heldOut[index].text
                #expect(combination.dropFirst().allSatisfy { Sample.contains(text, $0) }, "\(combination)")
            }
        }
    }
}
