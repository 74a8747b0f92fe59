import Activations
import Autoencoder
import Claims
import Foundation
import JSON
import LanguageModel
import Teaching
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
        /// The denominator; nil for the one that the pair has recorded, or else that of the split.
        public var variance: RawVariance?

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
    public let explanations: ExplanationJudge.ReadingScores
    /// The same at random positions and at moments apart; none for a place without rows.
    public let explanationsByPlace: [ClaimScores.PositionKind: ExplanationJudge.ReadingScores]
    /// The teacher's text on the same rows, where it wrote something; nil without a teacher.
    public let teacher: ExplanationJudge.ReadingScores?
    /// Rows that the teacher explains.
    public let taughtRows: Int
    /// The verbalizer's explanations on these rows alone; nil without a teacher.
    public let explanationsWhereTaught: ExplanationJudge.ReadingScores?
    /// The truth of the verbalizer's claims; nil without a grammar.
    public let claims: ClaimScores?
    /// The truth of the teacher's claims, on the rows it explains.
    public let teacherClaims: ClaimScores?
    /// The truth of the verbalizer's claims on these rows alone.
    public let claimsWhereTaught: ClaimScores?
    /// The denominator of all fractions of variance.
    public let variance: RawVariance
    /// What tables of tokens are worth on the same rows; nil where none were fitted.
    public let baselines: Baselines?
    /// What all this rests on.
    let rowDetails: RowDetails
    /// How far each explanation is from what another pair's verbalizer would have written; nil where nobody asked. See
    /// `Verbalizer.divergences`.
    var divergences: [Double]?

    /// Evaluates a pair on a split of a store.
    ///
    /// - Parameters:
    ///   - grammar: reads claims; nil leaves them out.
    ///   - probes: for the ceiling; nil leaves it out.
    ///   - taught: the teacher's explanations of the split.
    ///   - tables: what tables say of the rows, which are ``rows(_:split:_:)``.
    ///   - secondReader: a reconstructor that never met the verbalizer: what it makes of the explanations.
    public init(
        _ pair: Pair, _ store: ActivationStore, split: String, grammar: (any ClaimGrammar)?, probes: TeacherProbes?,
        taught: TaughtRows?, tables: LookupTables.Readings? = nil,
        secondReader: Reconstructor? = nil, _ options: Options = Options()
    ) throws {
        let rows = try PairEvaluation.rows(store, split: split, options), count = rows.count
        let vectors = store.vectors(rows)
        let variance = try options.variance ?? pair.variance ?? store.rawVariance(ofSplit: split)
        let judge = ExplanationJudge(pair.reconstructor, variance)
        var settings = Verbalizer.Options(
            temperature: options.temperature, maximumTokens: options.maximumTokens, seed: options.seed)
        settings.keys = rows.map { UInt64($0) }
        let written = try pair.verbalizer.explain(vectors, settings).map { $0[0] }
        let texts = written.map(\.description)
        self.rows = count
        self.variance = variance
        extracted = Double(written.count(where: \.isComplete)) / Double(max(1, count))
        words = Double(written.reduce(0) { $0 + $1.wordCount }) / Double(max(1, count))
        let readings = try judge.readings(texts, store, rows: rows)
        explanations = readings.scores()
        var byPlace: [ClaimScores.PositionKind: ExplanationJudge.ReadingScores] = [:]
        for place in ClaimScores.PositionKind.allCases {
            let own = rows.indices.filter { ClaimScores.PositionKind(store, row: rows[$0]) == place }
            if !own.isEmpty { byPlace[place] = readings.scores(at: own) }
        }
        explanationsByPlace = byPlace
        let known = taught.map { Dictionary(zip($0.rows, $0.explanations), uniquingKeysWith: { first, _ in first }) }
        let places = rows.indices.filter { known?[rows[$0]] != nil }
        let taughtTexts = places.compactMap { known?[rows[$0]] }
        taughtRows = places.count
        let teacherReadings = try judge.readings(taughtTexts, store, rows: places.map { rows[$0] })
        teacher = places.isEmpty ? nil : teacherReadings.scores()
        explanationsWhereTaught = places.isEmpty ? nil : readings.scores(at: places)
        let claimJudge = grammar.map { ClaimJudge(store, rows: rows, $0, probes) }
        let judged = claimJudge.map { judge in texts.enumerated().map { judge.judge($1, at: $0) } }
        claims = judged.map { ClaimScores($0) }
        teacherClaims =
            places.isEmpty
            ? nil : claimJudge.map { judge in ClaimScores(zip(places, taughtTexts).map { judge.judge($1, at: $0) }) }
        claimsWhereTaught = places.isEmpty ? nil : judged.map { judged in ClaimScores(places.map { judged[$0] }) }
        let documents = PairEvaluation.documents(of: rows, store)
        let placeKinds = rows.map { ClaimScores.PositionKind(store, row: $0) }
        func perRow(_ tensor: Tensor) -> Tensor {
            tensor.rows == count ? tensor : tensor.gatheringRows([Int32](repeating: 0, count: count))
        }
        let reconstructions = perRow(readings.reconstructions)
        let second = try secondReader.map { try $0.reconstruct(texts) }
        baselines = try tables.map {
            try Baselines($0, vectors, reconstructions: reconstructions, documents: documents)
        }
        rowDetails = RowDetails(
            rows: rows, documents: documents, places: placeKinds, explanations: written, readings: readings,
            teacherErrors: Dictionary(
                uniqueKeysWithValues: zip(places, (teacherReadings.rows[.written] ?? []).map(\.meanSquaredError))),
            judged: judged,
            changed: try PairEvaluation.changed(texts, readings, judge, vectors),
            variances: try PairEvaluation.variances(vectors, placeKinds),
            secondErrors: try second.map { try Scores.rows($0, vectors).map(\.meanSquaredError) },
            choices: PairEvaluation.choices(
                PassageChoice(store, rows: rows, seed: options.seed), reconstructions, second))
    }

    /// The rows that are evaluated, spread evenly over a split.
    public static func rows(_ store: ActivationStore, split: String, _ options: Options = Options()) throws -> [Int] {
        let all = try store.rows(ofSplit: split), count = min(options.rows, all.count)
        return (0..<count).map { all[$0 * all.count / count] }
    }

    /// The errors of changed explanations. What a change leaves as it is was read already.
    private static func changed(
        _ texts: [String], _ readings: ExplanationJudge.Readings, _ judge: ExplanationJudge, _ vectors: Tensor
    ) throws -> [Change: [Double]] {
        var result: [Change: [Double]] = [:]
        for change in Change.allCases {
            let changed = texts.map(change.text)
            var errors = (readings.rows[.written] ?? []).map(\.meanSquaredError)
            let empty = (readings.rows[.empty] ?? []).map(\.meanSquaredError)
            for place in texts.indices where changed[place].isEmpty { errors[place] = empty[place] }
            let places = texts.indices.filter { changed[$0] != texts[$0] && !changed[$0].isEmpty }
            if !places.isEmpty {
                let own = vectors.gatheringRows(places.map(Int32.init))
                for (place, row) in zip(places, try judge.rows(places.map { changed[$0] }, own)) {
                    errors[place] = row.meanSquaredError
                }
            }
            result[change] = errors
        }
        return result
    }

    /// The variance at each kind of place, where it has some.
    private static func variances(
        _ vectors: Tensor, _ places: [ClaimScores.PositionKind]
    ) throws -> [ClaimScores.PositionKind: Double] {
        var result: [ClaimScores.PositionKind: Double] = [:]
        for place in ClaimScores.PositionKind.allCases {
            let own = places.indices.filter { places[$0] == place }
            guard own.count > 1 else { continue }
            let variance = try RawVariance(vectors.gatheringRows(own.map(Int32.init)), set: place.rawValue).variance
            if variance > 1e-9 { result[place] = variance }
        }
        return result
    }

    private static func choices(
        _ choice: PassageChoice, _ own: Tensor, _ second: Tensor?
    ) -> [RowDetails.Choice: [Bool?]] {
        var result: [RowDetails.Choice: [Bool?]] = [:]
        for question in PassageChoice.Question.allCases {
            result[.init(isSecondReader: false, question: question)] = choice.isRight(own, question)
            if let second { result[.init(isSecondReader: true, question: question)] = choice.isRight(second, question) }
        }
        return result
    }

    /// Everything, for a program.
    public var json: JSONValue {
        [
            "rows": .integer(rows), "extracted": .number(extracted), "words": .number(words),
            "explanations": explanations.json,
            "explanations_random": explanationsByPlace[.random]?.json ?? .null,
            "explanations_moment": explanationsByPlace[.moment]?.json ?? .null, "teacher": teacher?.json ?? .null,
            "taught_rows": .integer(taughtRows),
            "explanations_where_taught": explanationsWhereTaught?.json ?? .null,
            "variance": ["raw": .number(variance.variance), "set": .string(variance.set)],
            "baselines": baselines?.json(variance) ?? .null,
            "claims": claims?.json ?? .null, "teacher_claims": teacherClaims?.json ?? .null,
            "claims_where_taught": claimsWhereTaught?.json ?? .null,
        ]
    }
}

extension ActivationStore {
    /// Throws if a model reads another layer than this store holds.
    public func check(layer: Int, of name: String) throws {
        let own = manifest.settings.layerIndex
        guard layer == own else {
            throw ModelError("\(name): reads layer \(layer), the activations of \(folder.path) are of layer \(own)")
        }
    }

    /// The denominator of fractions of variance: that of a split, over 20,000 rows spread evenly or all of them. Throws if the
    /// split has no rows, or none that differ.
    public func rawVariance(ofSplit split: String) throws -> RawVariance {
        let all = try rows(ofSplit: split), count = min(all.count, 20_000)
        let rows = (0..<count).map { all[$0 * all.count / count] }
        let variance = try RawVariance(vectors(rows), set: "\(split) of the store it was trained from")
        guard variance.variance > 1e-9 else {
            throw ModelError("\(folder.path): the vectors of the split \(split) do not differ; store more documents")
        }
        return variance
    }
}
