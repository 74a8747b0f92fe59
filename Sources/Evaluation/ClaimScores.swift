import Activations
import Claims
import JSON
import Teaching

/// How true explanations are, and how much of the truth they say: arithmetic on claims that parse back into facts.
public struct ClaimScores: Sendable, Equatable {
    /// Claims, and those of them that are true.
    public struct Precision: Sendable, Equatable {
        /// Claims made.
        public var claims = 0
        /// Those that are true of the text up to their row, stated or not.
        public var right = 0
        /// The share that is true; nil without claims.
        public var share: Double? { claims == 0 ? nil : Double(right) / Double(claims) }
    }

    /// Facts, and those of them that are said or read.
    public struct Recall: Sendable, Equatable {
        /// Facts that hold.
        public var facts = 0
        /// Those that the explanation says.
        public var said = 0
        /// Those whose question a linear probe answers.
        public var probed = 0
        /// Those that it reads from the vector: its likeliest value is the true one.
        public var read = 0
        /// The share that is said; nil without facts.
        public var share: Double? { facts == 0 ? nil : Double(said) / Double(facts) }
        /// The share that probes read of what they are asked: the ceiling; nil without such facts.
        public var ceiling: Double? { probed == 0 ? nil : Double(read) / Double(probed) }

        /// Counts other facts too.
        mutating func add(_ other: Recall) {
            facts += other.facts
            said += other.said
            probed += other.probed
            read += other.read
        }
    }

    /// Which rows stand where: random positions, or those where a fact is about to matter.
    public enum PositionKind: String, Sendable, CaseIterable {
        case random, moment

        /// What tables call it.
        var title: String { self == .random ? "random positions" : "moments" }

        /// Where a row of a store stands.
        init(_ store: ActivationStore, row: Int) { self = store.row(row).moment == nil ? .random : .moment }
    }

    /// What precision is broken down by.
    public struct ClaimKey: Hashable, Sendable {
        /// What is claimed.
        public var question: Question
        /// The kind of document.
        public var kind: String
        /// Where the row stands.
        public var place: PositionKind
    }

    /// What recall is broken down by.
    public struct FactKey: Hashable, Sendable {
        /// What is asked.
        public var question: Question
        /// The kind of document.
        public var kind: String
        /// Where the row stands.
        public var place: PositionKind
        /// How the fact stands there.
        public var standing: Standing
        /// Whether it is the fact that the row's moment depends on.
        public var decides: Bool
    }

    /// Claims by what they say and where.
    public private(set) var claims: [ClaimKey: Precision] = [:]
    /// Facts by what they answer and where.
    public private(set) var facts: [FactKey: Recall] = [:]
    /// Sentences that are no claim of the grammar.
    public private(set) var otherSentences = 0
    /// Claims that an explanation makes again; they are judged once.
    public private(set) var repeated = 0
    /// Explanations judged.
    public private(set) var explanations = 0

    /// No explanations yet.
    public init() {}

    /// Counts judged explanations.
    public init(_ judged: some Sequence<JudgedExplanation>) {
        for explanation in judged { add(explanation) }
    }

    /// Judges the explanations of some rows of a store. Without probes there is no ceiling.
    public init(
        _ explanations: [String], _ rows: [Int], _ store: ActivationStore, _ grammar: any ClaimGrammar,
        _ probes: TeacherProbes?
    ) {
        let judge = ClaimJudge(store, rows: rows, grammar, probes)
        self.init(explanations.enumerated().map { judge.judge($1, at: $0) })
    }

    /// Facts in the order of tables.
    ///
    /// - Parameter byDeciding: whether those that are about to matter stand apart; otherwise they are counted among all of their
    ///   question, kind, place and standing, with `decides` false.
    func facts(byDeciding: Bool) -> [(key: FactKey, recall: Recall)] {
        guard !byDeciding else { return facts.map { ($0.key, $0.value) }.sorted { $0.key < $1.key } }
        var sums: [FactKey: Recall] = [:]
        for (key, recall) in facts {
            var key = key
            key.decides = false
            sums[key, default: Recall()].add(recall)
        }
        return sums.map { ($0.key, $0.value) }.sorted { $0.key < $1.key }
    }

    /// Counts a judged explanation.
    public mutating func add(_ judged: JudgedExplanation) {
        explanations += 1
        otherSentences += judged.otherSentences
        repeated += judged.repeated
        for (key, isTrue) in judged.claims {
            claims[key, default: Precision()].claims += 1
            if isTrue { claims[key, default: Precision()].right += 1 }
        }
        for (key, isSaid, isRead) in judged.facts {
            facts[key, default: Recall()].facts += 1
            if isSaid { facts[key, default: Recall()].said += 1 }
            guard let isRead else { continue }
            facts[key, default: Recall()].probed += 1
            if isRead { facts[key, default: Recall()].read += 1 }
        }
    }

    /// Precision over the claims that a filter lets through.
    public func precision(_ filter: (ClaimKey) -> Bool = { _ in true }) -> Precision {
        claims.reduce(into: Precision()) { sum, entry in
            guard filter(entry.key) else { return }
            sum.claims += entry.value.claims
            sum.right += entry.value.right
        }
    }

    /// Recall over the facts that a filter lets through.
    public func recall(_ filter: (FactKey) -> Bool = { _ in true }) -> Recall {
        facts.reduce(into: Recall()) { sum, entry in
            if filter(entry.key) { sum.add(entry.value) }
        }
    }
}

extension ClaimScores.Precision {
    var json: JSONValue {
        ["claims": .integer(claims), "right": .integer(right), "precision": share.map { .number($0) } ?? .null]
    }
}

extension ClaimScores.Recall {
    var json: JSONValue {
        [
            "facts": .integer(facts), "said": .integer(said), "probed": .integer(probed),
            "read": .integer(read),
            "recall": share.map { .number($0) } ?? .null, "ceiling": ceiling.map { .number($0) } ?? .null,
        ]
    }
}

extension ClaimScores {
    /// The totals, and every line of the breakdown.
    public var json: JSONValue {
        func object(_ question: Question, _ kind: String, _ place: PositionKind, _ rest: JSONValue) -> JSONObject {
            var object = JSONObject([
                ("subject", .string(question.subject)), ("relation", .string(question.relation)),
                ("kind", .string(kind)), ("place", .string(place.rawValue)),
            ])
            if case .object(let values) = rest {
                for (key, value) in zip(values.keys, values.values) { object[key] = value }
            }
            return object
        }
        let claimLines = claims.sorted { $0.key < $1.key }.map {
            JSONValue.object(object($0.key.question, $0.key.kind, $0.key.place, $0.value.json))
        }
        let factLines = facts.sorted { $0.key < $1.key }.map { key, value in
            var line = object(key.question, key.kind, key.place, value.json)
            line["standing"] = .string(key.standing.rawValue)
            line["decides"] = .bool(key.decides)
            return JSONValue.object(line)
        }
        return [
            "explanations": .integer(explanations), "other_sentences": .integer(otherSentences),
            "repeated": .integer(repeated),
            "precision": precision().json,
            "recall_deciding_stated": recall { $0.decides && $0.standing == .stated }.json,
            "recall_deciding_latent": recall { $0.decides && $0.standing == .latent }.json,
            "recall_stated": recall { $0.standing == .stated }.json,
            "recall_latent": recall { $0.standing == .latent }.json,
            "claims": .array(claimLines), "facts": .array(factLines),
        ]
    }
}

extension ClaimScores.ClaimKey: Comparable {
    public static func < (left: Self, right: Self) -> Bool {
        (left.question, left.kind, left.place.rawValue) < (right.question, right.kind, right.place.rawValue)
    }
}

extension ClaimScores.FactKey: Comparable {
    public static func < (left: Self, right: Self) -> Bool {
        (left.question, left.kind, left.place.rawValue, left.standing.rawValue, left.decides ? 1 : 0) < (
            right.question, right.kind, right.place.rawValue, right.standing.rawValue, right.decides ? 1 : 0
        )
    }
}
