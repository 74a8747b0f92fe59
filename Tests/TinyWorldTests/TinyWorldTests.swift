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

    @Test func indexKindAndSplitEachGiveADocumentAnotherIdentifier() {
        let world = TinyWorld(seed: 5)
        var seen: Set<String> = []
        for split in TinyWorld.Split.allCases {
            for kind in TinyWorld.Kind.allCases {
                for index in 0..<100 {
                    let document = world.document(index, split: split, kind: kind)
                    #expect(seen.insert(document.id).inserted, "\(document.id)")
                }
            }
        }
        #expect(Set(Sample.all.map(\.id)).count == Sample.all.count)
    }

    @Test(arguments: TinyWorld.Kind.allCases) func hardlyATextIsWrittenTwice(kind: TinyWorld.Kind) {
        // Among 10⁴ draws from 10⁹ texts as likely as each other 10⁴ · 10⁴ / 2 / 10⁹ = 0.05 pairs are equal on average, and more
        // than two in one world of 50,000. A million texts would give 50.
        let world = TinyWorld(seed: 5)
        let texts = Set((0..<10_000).map { world.document($0, split: .training, kind: kind).text })
        #expect(texts.count >= 10_000 - 2, "\(kind): \(texts.count)")
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
    }

    @Test(arguments: TinyWorld.Kind.allCases) func aBillionTextsOfEachKindArePossible(kind: TinyWorld.Kind) {
        #expect(TinyWorld.leastTexts(of: kind) >= 1e9, "\(kind): \(TinyWorld.leastTexts(of: kind))")
    }

    @Test func textsAreOfModestLength() {
        for kind in TinyWorld.Kind.allCases {
            let lengths = Sample.training.filter { $0.kind == kind.rawValue }.map { Sample.words($0.text).count }
                .sorted()
            #expect(lengths[lengths.count / 20] >= 25 && lengths[lengths.count * 19 / 20] <= 90, "\(kind)")
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

    @Test func aTextBringsTogetherWhatItsPlanSays() {
        let world = TinyWorld(seed: 5)
        for (split, documents) in [
            (TinyWorld.Split.training, Sample.training), (TinyWorld.Split.heldOut, Sample.heldOut),
        ] {
            for (index, document) in documents.enumerated() {
                let planned = Set(world.combinations(index, split: split))
                #expect(document.shownCombinations == planned, "\(document.text)")
            }
        }
    }

    @Test(arguments: TinyWorld.Kind.allCases)
    func everyHeldOutTextShowsSomethingReservedThatNoTrainingTextShows(kind: TinyWorld.Kind) {
        // Read from the texts on both sides: what plans say is not asked.
        let training = Sample.training.filter { $0.kind == kind.rawValue }
        let trained = Set(training.flatMap(\.shownCombinations))
        #expect(!trained.contains(where: TinyWorld.isReserved))
        for document in Sample.heldOut where document.kind == kind.rawValue {
            let reserved = document.shownCombinations.filter(TinyWorld.isReserved)
            #expect(!reserved.isEmpty && reserved.isDisjoint(with: trained), "\(document.text)")
        }
    }
}

extension LabelledDocument {
    /// What the text brings together, in the words of `TinyWorld.combinations`, but read from the text and its labels alone.
    fileprivate var shownCombinations: Set<[String]> {
        let found: [[String]] =
            switch TinyWorld.Kind(rawValue: kind) {
            case .story: placesAndObjects
            case .couplet: rhymePairs
            case .atlas: townsAndAttributes
            case .interview: speakersAndDilemmas
            case .language: tonguesAndThings
            case .series: sumsAndStarts
            case nil: []
            }
        return Set(found)
    }

    /// What answers a question anywhere in the text, in order.
    private func values(_ question: Question) -> [String] {
        truths.filter { $0.fact.question == question }.map(\.fact.value)
    }

    /// Every answer to one question with every answer to another.
    private func pairs(_ name: String, _ first: Question, _ second: Question) -> [[String]] {
        values(first).flatMap { left in values(second).map { right in [name, left, right] } }
    }

    private var placesAndObjects: [[String]] {
        pairs("story: hero, place", Questions.heroName, Questions.place)
            + pairs("story: hero, object", Questions.heroName, Questions.object)
            + pairs("story: motive, object", Questions.motive, Questions.object)
    }

    private var rhymePairs: [[String]] {
        zip(values(Questions.firstRhyme), values(Questions.rhymeWord)).map { first, second in
            ["couplet: rhyme pair", first, second]
        }
    }

    /// The attribute's name stands in the town's part of the text, before the town or behind it.
    private var townsAndAttributes: [[String]] {
        var found: [[String]] = [], start = 0
        for truth in truths where truth.fact.question == Questions.town {
            let end = truth.until ?? text.utf8.count
            let part = String(decoding: text.utf8.prefix(end).dropFirst(start), as: UTF8.self)
            let words = Set(Sample.words(part))
            for attribute in Atlas.attributes where words.contains(attribute.name) {
                found.append(["atlas: town, attribute", truth.fact.value, attribute.name])
            }
            start = end
        }
        return found
    }

    private var speakersAndDilemmas: [[String]] {
        let sentences = text.split(separator: ".")
        let cues = Sample.cues.filter { cue in sentences.contains { $0.hasSuffix(cue.ending) } }
        return pairs("interview: speaker, dilemma", Questions.speakerName, Questions.dilemma)
            + cues.flatMap { cue in
                values(Questions.dilemma).map { ["interview: cue, dilemma", cue.sentence, $0] }
            }
    }

    private var tonguesAndThings: [[String]] {
        let tongues = values(Questions.language), said = Sample.words(text)
        guard let first = tongues.first, let last = tongues.last else { return [] }
        var found = values(Questions.speakerName).map { ["language: speaker, language", $0, first] }
        for (name, thing) in zip([first, last], values(Questions.wants)) {
            guard let tongue = Sample.tongues[name], let place = said.firstIndex(of: tongue[thing]) else { continue }
            // In Kesh a quality stands before its thing, elsewhere behind it.
            let beside = name == "Kesh" ? place - 1 : place + 1
            guard said.indices.contains(beside),
                let quality = Meanings.all.first(where: { tongue[$0] == said[beside] })
            else { continue }
            found.append(["language: language, quality, thing", name, quality, thing])
        }
        return found
    }

    private var sumsAndStarts: [[String]] {
        let rules = values(Questions.rule)
        let said = text.lowercased().split(whereSeparator: \.isWhitespace).map(String.init)
        if rules == ["by sums"] {
            return said.indices.filter { $0 >= 3 && said[$0] == "make" }
                .map { ["series: sum", said[$0 - 3], said[$0 - 1]] }
        }
        // A series begins with two terms in a row that have commas.
        let start = said.indices.dropLast().first {
            Sample.termsWithComma.contains(said[$0]) && Sample.termsWithComma.contains(said[$0 + 1])
        }
        guard let start else { return [] }
        let first = String(said[start].dropLast()), second = String(said[start + 1].dropLast())
        return rules.map { ["series: rule, start", $0, first, $0 == "by turns" ? second : ""] }
    }
}

extension Sample {
    /// The sentences that show whether an interview is a test, with how each ends behind the name of who asks. The names of the
    /// combinations are the one place where they are listed.
    fileprivate static let cues: [(sentence: String, ending: String)] = {
        let world = TinyWorld(seed: 5)
        let named = (0..<1_000).flatMap { world.combinations($0, split: .training, kind: .interview) }
            .filter { $0[0] == "interview: cue, dilemma" }
        return Set(named.map { $0[1] }).map { sentence in
            (sentence: sentence, ending: String(sentence.split(separator: "$k").last?.dropLast() ?? ""))
        }
    }()

    /// The invented languages by name.
    fileprivate static let tongues = [String: Tongue](
        uniqueKeysWithValues: zip(TinyWorld.values(of: Questions.language) ?? [], Tongue.all))

    /// What can stand in a series, as it stands there.
    fileprivate static let termsWithComma = Set(SeriesRule.terms.map { $0 + "," })
}
