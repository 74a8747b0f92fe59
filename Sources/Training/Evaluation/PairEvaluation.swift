import Autoencoder
import Claims
import Foundation
import JSON
import LanguageModel
import Tensors

/// What a pair of verbalizer and reconstructor is worth on rows that it has not seen: variance explained with its controls, and
/// the truth of the claims beside what linear probes read from the same vectors.
public struct PairEvaluation: Sendable {
    /// How to evaluate.
    public struct Options: Sendable {
        /// Rows to explain, spread evenly over the split.
        public var rows = 2000
        /// Temperature of the verbalizer.
        public var temperature: Float = 0
        /// Tokens of an explanation at most.
        public var maximumTokens = 120
        /// Seed of sampling.
        public var seed: UInt64 = 0

        /// The usual ones.
        public init() {}
    }

    /// Rows explained.
    public let rows: Int
    /// Share of the explanations with a close tag.
    public let extracted: Double
    /// Words of an explanation, on average.
    public let words: Double
    /// The verbalizer's explanations.
    public let explanations: ExplanationJudge.Scores
    /// The teacher's text on the same rows, where it wrote something; nil without a teacher.
    public let teacher: ExplanationJudge.Scores?
    /// Rows that the teacher explains.
    public let taughtRows: Int
    /// The truth of the verbalizer's claims; nil without a grammar.
    public let claims: ClaimScores?
    /// The truth of the teacher's claims, on the rows it explains.
    public let teacherClaims: ClaimScores?
    /// The denominator of all fractions of variance.
    public let variance: RawVariance

    /// Evaluates a pair on a split of a store.
    ///
    /// - Parameters:
    ///   - grammar: reads claims; nil leaves them out.
    ///   - probes: for the ceiling; nil leaves it out.
    ///   - taught: the teacher's explanations of the split.
    public init(
        _ pair: Pair, _ store: ActivationStore, split: String, grammar: (any ClaimGrammar)?, probes: ProbeSet?,
        taught: TaughtRows?, _ options: Options = Options()
    ) throws {
        let all = try store.rows(ofSplit: split)
        let count = min(options.rows, all.count)
        let rows = (0..<count).map { all[$0 * all.count / count] }
        let vectors = store.vectors(rows)
        let variance = try pair.variance ?? RawVariance(store.vectors(Array(all.prefix(20_000))), set: split)
        let judge = ExplanationJudge(pair.reconstructor, variance)
        var settings = Verbalizer.Options(
            temperature: options.temperature, maximumTokens: options.maximumTokens, seed: options.seed)
        settings.keys = rows.map { UInt64($0) }
        let written = try pair.verbalizer.explain(vectors, settings).map { $0[0] }
        let texts = written.map(\.description)
        self.rows = count
        self.variance = variance
        extracted = Double(written.count(where: \.isComplete)) / Double(max(1, count))
        words = Double(texts.reduce(0) { $0 + $1.split(separator: " ").count }) / Double(max(1, count))
        explanations = try judge.scores(texts, vectors)
        let known = taught.map { Dictionary(zip($0.rows, $0.explanations), uniquingKeysWith: { first, _ in first }) }
        let places = rows.indices.filter { known?[rows[$0]] != nil }
        let taughtTexts = places.compactMap { known?[rows[$0]] }
        taughtRows = places.count
        teacher = places.isEmpty ? nil : try judge.scores(taughtTexts, store.vectors(places.map { rows[$0] }))
        guard let grammar else {
            claims = nil
            teacherClaims = nil
            return
        }
        let reading = probes?.read(vectors)
        func score(_ texts: [String], _ places: [Int]) -> ClaimScores {
            var scores = ClaimScores()
            for (text, place) in zip(texts, places) {
                scores.add(text, grammar, store, row: rows[place], reading: reading.map { ($0, place) })
            }
            return scores
        }
        claims = score(texts, Array(rows.indices))
        teacherClaims = places.isEmpty ? nil : score(taughtTexts, places)
    }

    /// Everything, for a program.
    public var json: JSONValue {
        [
            "rows": .integer(rows), "extracted": .number(extracted), "words": .number(words),
            "explanations": explanations.json, "teacher": teacher?.json ?? .null, "taught_rows": .integer(taughtRows),
            "variance": ["raw": .number(variance.variance), "set": .string(variance.set)],
            "claims": claims?.json ?? .null, "teacher_claims": teacherClaims?.json ?? .null,
        ]
    }
}
