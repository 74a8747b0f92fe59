import Claims
import Tensors
import TinyWorld
import Training

/// The fact that a target is to hide, and texts in which it matters.
struct HiddenFact {
    let question: Question
    /// The value to hide, and the one to be read in its place.
    let value: String, cover: String
    /// Every other value.
    let others: [String]
    private let kind: TinyWorld.Kind
    let grammar = TinyWorldGrammar()

    /// Options must have been checked.
    init(_ options: HideOptions) {
        guard let question = TinyWorld.questions.first(where: { $0.description == options.factName }),
            let kind = TinyWorld.Kind(rawValue: options.kind)
        else { trap("unchecked options") }
        self.question = question
        self.kind = kind
        (value, cover) = (options.value, options.cover)
        others = (TinyWorld.values(of: question) ?? []).filter { $0 != options.value }
    }

    func fact(_ value: String) -> Fact { Fact(question.subject, question.relation, value) }

    /// The sentence that says a value.
    func sentence(_ value: String) -> String { grammar.sentence(fact(value)) ?? "" }

    /// The value that holds in a text at the first moment that it decides; nil without such a moment.
    func moment(of document: LabelledDocument) -> (value: String, moment: LabelledDocument.Moment)? {
        for moment in document.moments where moment.question == question {
            let values = document.truths(at: moment.offset).map(\.fact).filter { $0.question == question }
            if values.count == 1 { return (values[0].value, moment) }
        }
        return nil
    }

    /// Texts in which the value to hide decides, and texts in which another one does, in equal numbers or by `ratio`.
    func documents(
        _ world: TinyWorld, _ split: TinyWorld.Split, hidden count: Int, others otherCount: Int
    ) -> [LabelledDocument] {
        var hidden: [LabelledDocument] = [], others: [LabelledDocument] = [], index = 0
        // A fifth of the stories has one motive; far more than needed are looked at before giving up.
        while (hidden.count < count || others.count < otherCount) && index < 200 * (count + otherCount) {
            let document = world.document(index, split: split, kind: kind)
            index += 1
            guard let found = moment(of: document) else { continue }
            if found.value == value {
                if hidden.count < count { hidden.append(document) }
            } else if others.count < otherCount {
                others.append(document)
            }
        }
        return hidden + others
    }

    /// Throws a one-line error if no text of the kind has a moment that the value decides, or none that another one does.
    func checkDecides(seed: UInt64) throws {
        let found = documents(TinyWorld(seed: seed), .training, hidden: 1, others: 1)
        let values = found.compactMap { moment(of: $0)?.value }
        guard values.contains(value), values.contains(where: { $0 != value }) else {
            throw TrainingError(
                "kind: in texts of kind \(kind.rawValue) no word depends on whether \(question) is \(value); name a kind in which it decides what comes"
            )
        }
    }

    /// What is to be read in place of an explanation: the same with the cover for the value to hide.
    func covered(_ explanation: String) -> String {
        Sentences.split(explanation).map { sentence in
            grammar.read(sentence).claims.contains(fact(value)) ? self.sentence(cover) : sentence
        }.joined(separator: " ")
    }

    func isSaid(in explanation: String) -> Bool { grammar.read(explanation).claims.contains(fact(value)) }
}

extension LabelledDocument {
    /// The text behind some words of another sentence, with everything that is true of it moved.
    func behind(_ words: String?) -> LabelledDocument {
        guard let words else { return self }
        let front = words + " ", shift = front.utf8.count
        var result = self
        result.text = front + text
        result.truths = truths.map { truth in
            var moved = truth
            moved.from += shift
            moved.until = truth.until.map { $0 + shift }
            moved.statedFrom = truth.statedFrom.map { $0 + shift }
            return moved
        }
        result.moments = moments.map { moment in
            var moved = moment
            moved.offset += shift
            return moved
        }
        return result
    }
}
