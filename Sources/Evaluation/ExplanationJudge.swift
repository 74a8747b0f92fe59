import Activations
import Autoencoder
import Claims
import JSON
import Runs
import Teaching
import Tensors

/// Scores explanations by what a reconstructor makes of them, never without the controls that give the number its meaning.
public struct ExplanationJudge {
    /// What the reconstructor is given.
    public enum Reading: String, Sendable, CaseIterable {
        /// The explanation.
        case written
        /// The explanation with its sentences in another order.
        case shuffled
        /// The explanation of a row of another document.
        case other
        /// Nothing.
        case empty

        /// What tables call it.
        package var title: String {
            switch self {
            case .written: "the explanation"
            case .shuffled: "its sentences shuffled"
            case .other: "another row's explanation"
            case .empty: "nothing"
            }
        }

        /// The name of its fraction of variance explained among a run's metrics.
        package var metric: String { self == .written ? "fve" : "fve_\(rawValue)" }
    }

    /// The fraction of variance explained by each reading.
    public struct ReadingScores: Sendable, Equatable {
        /// By reading; nil where there is no variance.
        public let values: [Reading: Double]
        /// Mean cosine of the explanations as they are written.
        public let cosine: Double
        /// Mean normalized error of the explanations as they are written.
        public let meanSquaredError: Double

        /// The fraction of variance explained by one reading.
        public func value(_ reading: Reading) -> Double? { values[reading] }

        /// For a run's log.
        public var metrics: Metrics {
            var metrics: Metrics = ["mse": meanSquaredError]
            for reading in Reading.allCases { metrics[reading.metric] = values[reading] }
            return metrics
        }

        /// For a report.
        public var json: JSONValue {
            var object = JSONObject([
                ("mse", .number(meanSquaredError)), ("cosine", .number(cosine)),
            ])
            for reading in Reading.allCases { object[reading.metric] = values[reading].map { .number($0) } ?? .null }
            return .object(object)
        }
    }

    /// The model that reads.
    public let reconstructor: Reconstructor
    /// The denominator.
    public let variance: RawVariance

    /// A judge.
    public init(_ reconstructor: Reconstructor, _ variance: RawVariance) {
        self.reconstructor = reconstructor
        self.variance = variance
    }

    /// Each row's score in each reading: the scores of any of the rows follow from these.
    public struct Readings: Sendable {
        /// The denominator.
        public let variance: RawVariance
        /// By reading, in the order of the rows. Without another document among the rows none reads `other`.
        let rows: [Reading: [Scores.Row]]
        /// What the reconstructor makes of the explanations as they are written, [rows, d], or [1, d] where all are the same.
        let reconstructions: Tensor

        /// The scores of the rows at some places, or of all.
        public func scores(at places: [Int]? = nil) -> ReadingScores {
            let chosen = rows.mapValues { rows in places.map { $0.map { rows[$0] } } ?? rows }
            let written = chosen[.written] ?? []
            return ReadingScores(
                values: chosen.compactMapValues { Scores.fractionOfVarianceExplained($0, variance) },
                cosine: Scores.meanCosine(written),
                meanSquaredError: Scores.meanSquaredError(written))
        }
    }

    /// Scores explanations of some rows of a store.
    public func scores(_ explanations: [String], _ store: ActivationStore, rows: [Int]) throws -> ReadingScores {
        try readings(explanations, store, rows: rows).scores()
    }

    /// Reads explanations of some rows of a store in every way. What is the same text in two ways is read once.
    public func readings(_ explanations: [String], _ store: ActivationStore, rows: [Int]) throws -> Readings {
        require(explanations.count == rows.count, "an explanation for each row")
        guard !rows.isEmpty else {
            return Readings(
                variance: variance, rows: [:], reconstructions: Tensor(zeros: [0, reconstructor.sidecar.width]))
        }
        let vectors = store.vectors(rows)
        let predictions = try reconstruct(explanations)
        let written = try Scores.rows(predictions, vectors)
        var result = [Reading.written: written, .empty: try self.rows([""], vectors)]
        if let partners = store.partners(of: rows) {
            let others = predictions.rows == 1 ? predictions : predictions.gatheringRows(partners.map(Int32.init))
            result[.other] = try Scores.rows(others, vectors)
        }
        let shuffled = explanations.indices.map { Sentences.shuffled(explanations[$0], seed: UInt64($0)) }
        let changed = explanations.indices.filter { shuffled[$0] != explanations[$0] }
        result[.shuffled] = written
        if !changed.isEmpty {
            let own = vectors.gatheringRows(changed.map(Int32.init))
            for (place, row) in zip(changed, try self.rows(changed.map { shuffled[$0] }, own)) {
                result[.shuffled]?[place] = row
            }
        }
        return Readings(variance: variance, rows: result, reconstructions: predictions)
    }

    /// Each row's score. Equal texts, as the empty one, are read once.
    package func rows(_ texts: [String], _ vectors: Tensor) throws -> [Scores.Row] {
        try Scores.rows(reconstruct(texts), vectors)
    }

    /// A vector for each text, or one if all are equal.
    private func reconstruct(_ texts: [String]) throws -> Tensor {
        if Set(texts).count == 1, let text = texts.first { return try reconstructor.reconstruct([text]) }
        return try reconstructor.reconstruct(texts)
    }

    /// What a verbalizer's greedy explanations of held-out rows are worth.
    package func metrics(_ verbalizer: Verbalizer, _ store: ActivationStore, _ taught: TaughtRows) throws -> Metrics {
        let vectors = store.vectors(taught.rows)
        let explanations = try verbalizer.explain(vectors, .init(maximumTokens: 100)).map { $0[0] }
        var metrics = try scores(explanations.map(\.description), store, rows: taught.rows).metrics
        metrics["extracted"] = Double(explanations.count(where: \.isComplete)) / Double(max(1, explanations.count))
        return metrics
    }
}

extension Sentences {
    /// The same sentences in another order, wherever there are two that differ.
    package static func shuffled(_ text: String, seed: UInt64) -> String {
        let sentences = split(text)
        guard Set(sentences).count > 1 else { return text }
        var random = Random(seed: seed, 0x7368_7566)
        var result = sentences
        repeat { result.shuffle(using: &random) } while result == sentences
        return result.joined(separator: " ")
    }
}

extension ActivationStore {
    /// For each of some rows the place of one of another document among them, drawn repeatably; nil if all are of one document.
    package func partners(of rows: [Int]) -> [Int]? {
        let documents = rows.map { row($0).document }
        guard Set(documents).count > 1 else { return nil }
        return rows.indices.map { index in
            var random = Random(seed: 0x6F74_6872, UInt64(index))
            var partner = Int.random(in: 0..<rows.count, using: &random)
            while documents[partner] == documents[index] { partner = (partner + 1) % rows.count }
            return partner
        }
    }
}
