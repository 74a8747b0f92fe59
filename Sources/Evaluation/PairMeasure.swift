import Autoencoder
import Foundation
import Statistics

/// One number that pairs are compared by. Each is a ratio of sums over rows, so that it has an interval over documents.
public struct PairMeasure: Sendable {
    /// Its key in JSON and CSV.
    public let name: String
    /// Its name in tables.
    public let title: String
    let style: NumberStyle
    /// What the row at an index adds above and below the line.
    let terms: @Sendable (PairEvaluation, Int) -> (numerator: Double, denominator: Double)

    /// Every measure, in the order of tables.
    static let all = variances + precisions + recalls + lengths

    private static func variance(
        _ name: String, _ title: String, _ error: @escaping @Sendable (PairEvaluation, Int) -> Double?
    ) -> PairMeasure {
        PairMeasure(name: name, title: title, style: .number) { evaluation, row in
            error(evaluation, row).map { (1 - $0 / evaluation.variance.variance, 1) } ?? (0, 0)
        }
    }

    private static let variances =
        ExplanationJudge.Reading.allCases.map { reading in
            variance(reading.metric, "FVE of \(reading.title)") { $0.rowDetails.error(reading, $1) }
        }
        + ClaimScores.PositionKind.allCases.map { place in
            variance("fve_\(place.rawValue)", "FVE of the explanation, at \(place.title)") {
                $0.rowDetails.places[$1] == place ? $0.rowDetails.error(.written, $1) : nil
            }
        } + [
            variance("fve_where_taught", "FVE of the explanation, where the teacher explains") {
                $0.rowDetails.teacherErrors[$1] == nil ? nil : $0.rowDetails.error(.written, $1)
            },
            variance("fve_teacher", "FVE of the teacher's text there") { $0.rowDetails.teacherErrors[$1] },
        ]

    private static let precisions = PairEvaluation.precisions.map { name, title, isMeant in
        PairMeasure(name: name, title: "claims that are true, \(title)", style: .percent) { evaluation, row in
            let claims = evaluation.rowDetails.judged?[row].claims.filter { isMeant($0.key) } ?? []
            return (Double(claims.count(where: \.isTrue)), Double(claims.count))
        }
    }

    private static let recalls = PairEvaluation.recalls.map { name, title, isMeant in
        PairMeasure(name: name, title: "facts said, \(title)", style: .percent) { evaluation, row in
            let facts = evaluation.rowDetails.judged?[row].facts.filter { isMeant($0.key) } ?? []
            return (Double(facts.count(where: \.isSaid)), Double(facts.count))
        }
    }

    private static let lengths = [
        PairMeasure(name: "complete", title: "explanations that are complete", style: .percent) {
            ($0.rowDetails.explanations[$1].isComplete ? 1 : 0, 1)
        },
        PairMeasure(name: "tokens", title: "tokens of an explanation", style: .count) {
            (Double($0.rowDetails.explanations[$1].ids.count), 1)
        },
        PairMeasure(name: "words", title: "words of an explanation", style: .count) {
            (Double($0.rowDetails.explanations[$1].wordCount), 1)
        },
        PairMeasure(name: "kl", title: "KL per token to the first pair's verbalizer, nats", style: .number) {
            guard let sum = $0.divergences?[$1] else { return (0, 0) }
            return (sum, Double($0.rowDetails.explanations[$1].ids.count))
        },
    ]

    /// The ratio over the rows of an evaluation, by document.
    func ratio(_ evaluation: PairEvaluation) -> ClusteredRatio {
        let clusters = evaluation.rowDetails.documents
        var ratio = ClusteredRatio(clusters: (clusters.max() ?? -1) + 1)
        for (row, cluster) in clusters.enumerated() {
            let (numerator, denominator) = terms(evaluation, row)
            ratio.add(numerator, over: denominator, cluster: cluster)
        }
        return ratio
    }
}
