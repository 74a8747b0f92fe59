import Claims
import Testing

import TinyWorld

@Suite struct TruthTests {
    @Test func theAnswerFollowsAtEveryMomentAndItsQuestionHasOneAnswer() {
        for document in Sample.all {
            #expect(!document.moments.isEmpty)
            #expect(document.moments.map(\.offset) == document.moments.map(\.offset).sorted())
            for moment in document.moments {
                #expect(document.text.utf8.dropFirst(moment.offset).starts(with: moment.answer.utf8))
                #expect(moment.answer.hasPrefix(" "))
                #expect(document.answers(moment.question, at: moment.offset).count == 1, "\(document.text) \(moment)")
            }
        }
    }

    @Test func truthsLieInsideTheTextAndEveryQuestionIsKnown() {
        let questions = Set(TinyWorld.questions)
        for document in Sample.all {
            let length = document.text.utf8.count
            for truth in document.truths {
                #expect(questions.contains(truth.fact.question))
                #expect(TinyWorld.values(of: truth.fact.question)?.contains(truth.fact.value) == true, "\(truth.fact)")
                #expect(truth.from <= length && truth.until ?? length <= length)
                #expect(truth.from <= truth.statedFrom ?? length && truth.statedFrom ?? 0 <= length)
            }
        }
    }

    @Test func aStatedNameHasBeenWritten() {
        let said: Set<Question> = [
            Questions.heroName, Questions.friendName, Questions.place, Questions.object, Questions.look, Questions.town,
            Questions.river, Questions.land, Questions.motive, Questions.mood, Questions.rhymeWord,
            Questions.firstRhyme,
            Questions.language, Questions.wants, Questions.rule, Questions.next, Questions.lastTerm, Questions.counted,
            Questions.situation, Questions.speakerName, Questions.counterName, Questions.attribute, Questions.answer,
            Questions.topic,
        ]
        for document in Sample.all {
            for truth in document.truths where said.contains(truth.fact.question) {
                guard let stated = truth.statedFrom else { continue }
                let beginning = Sample.beginning(document, stated)
                #expect(Sample.contains(beginning, truth.fact.value), "\(truth.fact) in \(beginning)")
            }
        }
    }

    @Test func noWordSaysALatentFact() {
        let whole: Set<Question> = [
            Questions.motive, Questions.mood, Questions.rhymeWord, Questions.land,
            Questions.situation, Questions.language, Questions.wants, Questions.lastTerm, Questions.rule,
        ]
        for document in Sample.all {
            for truth in document.truths where whole.contains(truth.fact.question) {
                guard truth.from < truth.statedFrom ?? .max else { continue }
                let last = document.moments.last {
                    $0.question == truth.fact.question && truth.standing(at: $0.offset) == .latent
                }
                guard let last else { continue }
                let beginning = Sample.beginning(document, last.offset)
                #expect(!Sample.contains(beginning, truth.fact.value), "\(truth.fact) in \(beginning)")
            }
        }
    }

    @Test func latentAnswersHaveNotBeenWrittenSinceTheyHeld() {
        for document in Sample.all {
            for moment in document.moments where TinyWorld.latentQuestions.contains(moment.question) {
                guard let truth = document.answers(moment.question, at: moment.offset).first,
                    truth.standing(at: moment.offset) == .latent
                else { continue }
                let since = String(
                    decoding: document.text.utf8.prefix(moment.offset).dropFirst(truth.from), as: UTF8.self)
                #expect(!Sample.contains(since, truth.fact.value), "\(truth.fact) in \(since)")
            }
        }
    }

    @Test func everyQuestionThatIsEverLatentIsSaidInSomeTextsAndOnlyShownInOthers() {
        var stated: [Question: Int] = [:], latent: [Question: Int] = [:], all: [Question: Int] = [:]
        for document in Sample.training {
            var standings: [Question: Set<Standing>] = [:]
            for moment in document.moments {
                let standing = document.answers(moment.question, at: moment.offset).first?.standing(at: moment.offset)
                if let standing { standings[moment.question, default: []].insert(standing) }
            }
            for (question, seen) in standings {
                all[question, default: 0] += 1
                if seen.contains(.stated) { stated[question, default: 0] += 1 }
                if seen.contains(.latent) { latent[question, default: 0] += 1 }
            }
        }
        // No other question is ever latent where it decides something.
        #expect(Set(latent.keys) == TinyWorld.shownQuestions)
        for question in TinyWorld.shownQuestions.sorted() {
            let count = Double(all[question] ?? 0)
            #expect(count > 500, "\(question)")
            #expect(Double(stated[question] ?? 0) >= 0.25 * count, "\(question)")
            #expect(Double(latent[question] ?? 0) >= 0.25 * count, "\(question)")
        }
    }

    /// What stands before a moment and shares in deciding its answer, beside the fact.
    private func context(_ document: LabelledDocument, _ moment: LabelledDocument.Moment) -> String {
        func value(_ question: Question) -> String { document.value(question, at: moment.offset) ?? "" }
        let before = Sample.beginning(document, moment.offset)
        switch moment.question {
        case Questions.topic: return value(Questions.firstRhyme)
        case Questions.land:
            let about = value(Questions.attribute)
            return about.isEmpty ? Sample.words(before).suffix(5).joined(separator: " ") : about
        case Questions.situation: return value(Questions.dilemma)
        case Questions.language:
            let gloss = before.split(separator: ".").last ?? ""
            return Sample.words(gloss).filter { word in !People.all.contains { $0.lowercased() == word } }
                .joined(separator: " ")
        case Questions.rule:
            if value(Questions.rule) == "by sums" { return Sample.words(before).suffix(4).joined(separator: " ") }
            let terms = Sample.words(before).suffix(12).filter { SeriesRule.terms.contains($0) }
            return terms.suffix(8).reduce(into: [String]()) { if $0.last != $1 { $0.append($1) } }.suffix(2)
                .joined(separator: " ")
        case Questions.lastTerm: return Sample.words(before).suffix(3).joined(separator: " ")
        default: return ""
        }
    }

    @Test func theFactDecidesTheWordsThatFollow() {
        var answers: [String: String] = [:]
        for document in Sample.all {
            for moment in document.moments {
                let value = document.value(moment.question, at: moment.offset) ?? ""
                let key = "\(moment.question) \(moment.kind) = \(value) | \(context(document, moment))"
                #expect(answers[key, default: moment.answer] == moment.answer, "\(key)")
                answers[key] = moment.answer
            }
        }
    }

    @Test func whereAMomentStandsNothingButItsAnswerMayFollow() {
        // The frame before a moment, without the words that vary, never goes on in another way: were one frame the beginning of
        // another, the writer's choice of frame would decide there, and not the fact.
        var answers: [String: Set<String>] = [:], kinds: [String: String] = [:]
        let closed: Set<String> = ["ending", "feeling", "deed", "voice", "conduct", "verdict", "wish", "holder"]
        for document in Sample.training {
            for moment in document.moments where closed.contains(moment.kind) {
                let key = lead(document, moment.offset)
                answers[key, default: []].insert(moment.answer)
                kinds[key] = moment.kind
            }
        }
        let names = Set(People.all)
        for document in Sample.training {
            let words = document.text.split(separator: " ").map(String.init)
            for index in words.indices.dropFirst(4) {
                let key = document.kind + ": " + words[(index - 4)..<index].map { plain($0) }.joined(separator: " ")
                guard let known = answers[key], kinds[key] != "holder" else { continue }
                let next = words[index].filter { $0.isLetter || $0 == "-" }
                #expect(known.contains(" " + next) || names.contains(next), "\(key) → \(next)")
            }
        }
    }

    /// The four words before an offset, names all alike.
    private func lead(_ document: LabelledDocument, _ offset: Int) -> String {
        let words = Sample.beginning(document, offset).split(separator: " ").suffix(4)
        return document.kind + ": " + words.map { plain(String($0)) }.joined(separator: " ")
    }

    private static let people = Set(People.all)

    private func plain(_ word: String) -> String { Self.people.contains(word) ? "N" : word }

    @Test func theWordBeforeAMomentDoesNotGiveTheFactAway() {
        var counts: [Question: [String: [String: Int]]] = [:]
        for document in Sample.training {
            var seen: Set<Question> = []
            for moment in document.moments
            where TinyWorld.latentQuestions.contains(moment.question) && seen.insert(moment.question).inserted {
                let word = Sample.words(Sample.beginning(document, moment.offset)).last ?? ""
                let value = document.value(moment.question, at: moment.offset) ?? ""
                counts[moment.question, default: [:]][word, default: [:]][value, default: 0] += 1
            }
        }
        for (question, words) in counts {
            let all = words.values.reduce(0) { $0 + $1.values.reduce(0, +) }
            let right = words.values.reduce(0) { $0 + ($1.values.max() ?? 0) }
            #expect(Double(right) < 0.7 * Double(all), "\(question): \(right) of \(all)")
        }
    }
}
