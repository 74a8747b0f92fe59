import Activations
import Claims
import Teaching

/// What a claim grammar and the truth of a row say about one explanation of it.
public struct JudgedExplanation: Sendable {
    /// Its claims, each once, and whether they are true of the text up to the row.
    public internal(set) var claims: [(key: ClaimScores.ClaimKey, isTrue: Bool)] = []
    /// The facts that hold at the row, whether the explanation says them, and whether a probe reads them from the vector; nil
    /// where no probe is asked.
    public internal(set) var facts: [(key: ClaimScores.FactKey, isSaid: Bool, isRead: Bool?)] = []
    /// Sentences that are no claim of the grammar.
    public internal(set) var otherSentences = 0
    /// Claims made again.
    public internal(set) var repeated = 0
}

/// Judges explanations of some rows of a store. What is true at a row, and what probes read there, is found out once, however many
/// explanations it has.
struct ClaimJudge {
    /// A row with its truth.
    private struct LabelledRow {
        let document: LabelledDocument
        let byteEnd: Int
        let place: ClaimScores.PositionKind
        let facts: [(fact: Fact, key: ClaimScores.FactKey, isRead: Bool?)]
    }

    private let grammar: any ClaimGrammar
    private var places: [LabelledRow] = []

    /// Without probes there is no ceiling.
    init(_ store: ActivationStore, rows: [Int], _ grammar: any ClaimGrammar, _ probes: TeacherProbes?) {
        self.grammar = grammar
        for begin in stride(from: 0, to: rows.count, by: 2048) {
            let batch = Array(rows[begin..<min(rows.count, begin + 2048)])
            let readings = probes?.readings(store, rows: batch)
            places += batch.enumerated().map { index, row in
                ClaimJudge.place(store, row) { readings?[index].best($0) }
            }
        }
    }

    private static func place(_ store: ActivationStore, _ row: Int, read: (Question) -> String?) -> LabelledRow {
        let document = store.document(of: row), byteEnd = store.row(row).byteEnd, moment = store.moment(of: row)
        let place = ClaimScores.PositionKind(store, row: row)
        return LabelledRow(
            document: document, byteEnd: byteEnd, place: place,
            facts: document.truths(at: byteEnd).map { fact, standing in
                let key = ClaimScores.FactKey(
                    question: fact.question, kind: document.kind, place: place, standing: standing,
                    decides: moment?.question == fact.question)
                return (fact, key, read(fact.question).map { $0 == fact.value })
            })
    }

    /// Judges an explanation of the row at `index` among those given.
    func judge(_ explanation: String, at index: Int) -> JudgedExplanation {
        let place = places[index]
        let (claimed, other) = grammar.read(explanation)
        let said = Set(claimed)
        return JudgedExplanation(
            claims: said.map { claim in
                let key = ClaimScores.ClaimKey(
                    question: claim.question, kind: place.document.kind, place: place.place)
                return (key, place.document.isTrue(claim, at: place.byteEnd))
            },
            facts: place.facts.map { ($0.key, said.contains($0.fact), $0.isRead) },
            otherSentences: other.count, repeated: claimed.count - said.count)
    }
}
