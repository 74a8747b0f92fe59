import Activations
import Autoencoder
import Claims
import Faithfulness
import Foundation
import Runs
import Teaching
import Tensors

/// A place where the undefended pair says a true fact that is about to matter, and what an attack on it is after.
struct AttackCase {
    /// `seed/goal/document@position`, the key under which it is kept.
    let name: String
    let seed: UInt64
    let goal: AttackGoal
    /// Row of the store.
    let row: Int
    /// The fact that the pair says.
    let fact: Fact
    /// What a lie says in its place; nil for dropping it.
    let falseFact: Fact?
    /// What the pair writes of the activation itself.
    let before: String
    /// What it is to write of the attacked one.
    let wanted: String

    /// Whether an explanation is what the attack is after.
    func isAchieved(by explanation: Explanation, _ grammar: any ClaimGrammar) -> Bool {
        guard explanation.isComplete else { return false }
        let claims = grammar.read(explanation.description).claims
        return !claims.contains(fact) && (falseFact.map(claims.contains) ?? true)
    }
}

/// Finds the cases of a run among rows of a store.
struct CaseFinder {
    private let store: ActivationStore
    private let grammar: any ClaimGrammar
    private let options: VectorAttackOptions
    /// Values that documents give to each question.
    private let values: [Question: [String]]

    /// A row where the pair says the fact that is about to matter.
    private struct Candidate {
        let row: Int
        let fact: Fact
        let explanation: String
    }

    init(_ store: ActivationStore, _ options: VectorAttackOptions) throws {
        self.store = store
        self.options = options
        grammar = try options.grammar.grammar
        var values: [Question: Set<String>] = [:]
        for stored in store.documents {
            for truth in stored.document.truths { values[truth.fact.question, default: []].insert(truth.fact.value) }
        }
        self.values = values.mapValues { $0.sorted() }
    }

    /// The fact that a row's moment is about; nil where it has none that could be attacked.
    private func decidingFact(_ row: Int) -> Fact? {
        guard let moment = store.moment(of: row) else { return nil }
        let wanted = options.relations.isEmpty || options.relations.contains(moment.question.description)
        let truths = store.document(of: row).truths(at: store.row(row).byteEnd).map(\.fact)
        let facts = truths.filter { $0.question == moment.question }
        return wanted && facts.count == 1 && (values[moment.question]?.count ?? 0) > 1 ? facts[0] : nil
    }

    /// A true claim among those made of a row, other than on its last words; nil without one.
    private func saidTruth(_ row: Int, _ claims: [Fact]) -> Fact? {
        let document = store.document(of: row), byteEnd = store.row(row).byteEnd
        var random = Random(seed: options.seed, Random.key(store.id(of: row)), Random.key("said truth"))
        return claims.filter { claim in
            let wanted = options.relations.isEmpty || options.relations.contains(claim.question.description)
            return wanted && claim.question != endingQuestion && document.isTrue(claim, at: byteEnd)
                && (values[claim.question]?.count ?? 0) > 1
        }.randomElement(using: &random)
    }

    /// Every case of every seed, of places spread evenly over the questions. Throws a one-line error if there is none.
    ///
    /// - Parameter explain: writes what the attacked pair says of rows.
    func cases(_ explain: ([Int]) throws -> [Explanation]) throws -> [AttackCase] {
        let rows = try store.rows(ofSplit: options.split).filter {
            options.everywhere ? store.moment(of: $0) == nil : decidingFact($0) != nil
        }
        guard !rows.isEmpty else {
            throw TrainingError(
                "\(store.folder.path): no document of the split \(options.split) has a moment with a fact to attack; name other relations, or a store with moments"
            )
        }
        let said = zip(rows, try explain(rows)).compactMap { row, explanation -> Candidate? in
            guard explanation.isComplete else { return nil }
            let text = explanation.description, claims = grammar.read(text).claims
            let fact = options.everywhere ? saidTruth(row, claims) : decidingFact(row)
            return fact.flatMap { claims.contains($0) ? Candidate(row: row, fact: $0, explanation: text) : nil }
        }
        guard !said.isEmpty else {
            throw TrainingError(
                "\(options.pair): says none of the \(rows.count) facts that are about to matter, so there is nothing to attack"
            )
        }
        return (0..<options.seeds).flatMap { index in
            let seed = options.seed &+ UInt64(index)
            // No document is in two seeds, or twice in one: cases are independent of each other.
            let own = said.filter { key(store.document(of: $0.row).id) % UInt64(options.seeds) == UInt64(index) }
            return places(own, seed).flatMap { place in options.goals.compactMap { attackCase(place, $0, seed) } }
        }
    }

    private func key(_ text: String) -> UInt64 {
        var random = Random(seed: options.seed, Random.key("seeds"), Random.key(text))
        return random.next() >> 8
    }

    /// One place of each document, the questions taking turns.
    private func places(_ all: [Candidate], _ seed: UInt64) -> [Candidate] {
        var random = Random(seed: seed, Random.key("places"))
        var documents: Set<Int> = []
        var queues = Dictionary(grouping: all.shuffled(using: &random)) { $0.fact.question }
        var chosen: [Candidate] = []
        while chosen.count < options.cases, queues.contains(where: { !$0.value.isEmpty }) {
            for question in queues.keys.sorted() {
                while let place = queues[question]?.popLast() {
                    guard documents.insert(store.row(place.row).document).inserted else { continue }
                    chosen.append(place)
                    break
                }
                if chosen.count == options.cases { break }
            }
        }
        return chosen
    }

    /// Nil where the grammar has no words for it.
    private func attackCase(_ place: Candidate, _ goal: AttackGoal, _ seed: UInt64) -> AttackCase? {
        let document = store.document(of: place.row), byteEnd = store.row(place.row).byteEnd
        let name = "\(seed)/\(goal.rawValue)/\(store.id(of: place.row))"
        var random = Random(seed: seed, Random.key(name))
        let sentences = Sentences.split(place.explanation)
        func changed(_ replacement: String?) -> String {
            sentences.compactMap { grammar.read($0).claims.contains(place.fact) ? replacement : $0 }
                .joined(separator: " ")
        }
        func result(_ falseFact: Fact?, _ wanted: String) -> AttackCase {
            AttackCase(
                name: name, seed: seed, goal: goal, row: place.row, fact: place.fact, falseFact: falseFact,
                before: place.explanation, wanted: wanted)
        }
        switch goal {
        case .drop:
            let rest = changed(nil)
            if !rest.isEmpty { return result(nil, rest) }
            // With nothing else to say, it says another truth.
            let others = document.truths(at: byteEnd).map(\.fact).filter { $0.question != place.fact.question }
            return others.compactMap(grammar.sentence).randomElement(using: &random).map { result(nil, $0) }
        case .lie:
            let others = (values[place.fact.question] ?? [])
                .map { Fact(place.fact.subject, place.fact.relation, $0) }
                .filter { $0 != place.fact && !document.isTrue($0, at: byteEnd) }
            guard let lie = others.randomElement(using: &random), let sentence = grammar.sentence(lie) else {
                return nil
            }
            return result(lie, changed(sentence))
        }
    }
}
