import Claims
import Runs
import TargetTraining
import Tensors

/// The fact that a target is to hide, and texts in which it matters.
struct HiddenFact {
    let question: Question
    /// The value to hide, and the one to be read in its place.
    let value: String, cover: String
    /// Every other value.
    let others: [String]
    /// Where texts come from.
    let texts: LabelledTexts
    private let kind: String

    /// Throws one-line errors for what the texts do not know, and for a fact that decides nothing in them.
    init(_ options: HideOptions) throws {
        texts = try LabelledTexts(options.data, options.grammar)
        guard texts.kinds.contains(options.kind) else {
            let known = texts.kinds.prefix(12).joined(separator: ", ")
            throw TrainingError("kind: «\(options.kind)» is no kind of text; there are \(known)")
        }
        guard let known = texts.values.first(where: { $0.key.description == options.factName }) else {
            let relations = texts.values.keys.map(\.description).sorted().prefix(12).joined(separator: ", ")
            throw TrainingError(
                "fact: «\(options.fact)» is no relation of \(options.data) with a list of values; there are \(relations)"
            )
        }
        for (name, text) in [("value", options.value), ("cover", options.cover)] where !known.value.contains(text) {
            throw TrainingError(
                "\(name): «\(text)» is no value of \(options.fact); there are \(known.value.prefix(12).joined(separator: ", "))"
            )
        }
        question = known.key
        kind = options.kind
        (value, cover) = (options.value, options.cover)
        others = known.value.filter { $0 != options.value }
        for value in known.value where texts.grammar.sentence(Fact(question.subject, question.relation, value)) == nil {
            throw TrainingError(
                "grammar: has no sentence for «\(value)» as \(options.fact); name the one in which the pair says claims"
            )
        }
        try checkDecides(seed: options.seed)
    }

    var grammar: any ClaimGrammar { texts.grammar }

    func fact(_ value: String) -> Fact { Fact(question.subject, question.relation, value) }

    /// The sentence that says a value.
    func sentence(_ value: String) -> String { grammar.sentence(fact(value)) ?? "" }

    /// The value that holds in a text at the first moment that it decides; nil without such a moment.
    func moment(of document: LabelledDocument) -> (value: String, moment: LabelledDocument.Moment)? {
        let moments = document.moments.filter { $0.question == question }.sorted { $0.offset < $1.offset }
        for moment in moments {
            if let value = value(in: document, at: moment.offset) { return (value, moment) }
        }
        return nil
    }

    /// The value that holds behind `length` bytes of a text; nil if none does, or several.
    func value(in document: LabelledDocument, at length: Int) -> String? {
        let values = document.truths(at: length).map(\.fact).filter { $0.question == question }
        return values.count == 1 ? values[0].value : nil
    }

    /// Whether no word of a text has said the value by the first moment that it decides: it is only shown.
    func isLatent(in document: LabelledDocument) -> Bool {
        guard let (value, moment) = moment(of: document) else { return false }
        return document.truths(at: moment.offset).contains { $0.fact == fact(value) && $0.standing == .latent }
    }

    /// Texts in which the value to hide decides, and texts in which another one does; fewer than asked for where there are no more.
    func documents(
        _ purpose: LabelledTexts.Purpose, seed: UInt64, hidden count: Int, others otherCount: Int
    ) -> [LabelledDocument] {
        let source = texts.documents(purpose, seed: seed, kind: kind)
        // A fifth of the stories has one motive; far more than needed are looked at before giving up.
        let limit = min(source.count ?? .max, 200 * (count + otherCount))
        var hidden: [LabelledDocument] = [], others: [LabelledDocument] = [], index = 0
        while (hidden.count < count || others.count < otherCount) && index < limit {
            let document = source.document(index)
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

    /// Throws a one-line error if no text of the kind has a moment that the value decides, or too few have.
    private func checkDecides(seed: UInt64) throws {
        // Of fewer others 1% would be none, and a probe of fewer with the value would not know it.
        let least: [(LabelledTexts.Purpose, String, hidden: Int, others: Int)] = [
            (.pressing, "to train on", 15, 30), (.probing, "for probes", 15, 30),
            (.levels, "to set levels on", 10, 100),
            (.testing, "to measure on", 10, 100),
        ]
        for (purpose, name, hidden, others) in least {
            let found = documents(purpose, seed: seed, hidden: hidden, others: others)
            let count = found.count { moment(of: $0)?.value == value }
            guard count > 0, count < found.count else {
                throw TrainingError(
                    "kind: in texts of kind \(kind) no word depends on whether \(question) is \(value); name a kind in which it decides what comes"
                )
            }
            guard count >= hidden, found.count - count >= others else {
                throw TrainingError(
                    "data: in \(count) of the texts \(name) \(question) decides what comes and is \(value), in \(found.count - count) it is something else; at least \(hidden) and \(others) are needed"
                )
            }
        }
    }

    /// What is to be read in place of an explanation: the same with the cover for the value to hide.
    func covered(_ explanation: String) -> String {
        Sentences.split(explanation).map { sentence in
            grammar.read(sentence).claims.contains(fact(value)) ? self.sentence(cover) : sentence
        }.joined(separator: " ")
    }

    func isSaid(in explanation: String) -> Bool { grammar.read(explanation).claims.contains(fact(value)) }

    /// Whether another value is said and not this one.
    func isDenied(in explanation: String) -> Bool {
        let said = grammar.read(explanation).claims.filter { $0.question == question }
        return !said.isEmpty && !said.contains(fact(value))
    }
}

extension LabelledDocument {
    /// The text behind some words of another sentence, with everything that is true of it moved.
    package func behind(_ words: String?) -> LabelledDocument {
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
