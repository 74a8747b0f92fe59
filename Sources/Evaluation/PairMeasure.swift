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
    static let all = variances + changes + tables + choices + precisions + recalls + lengths

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

    private static let changes =
        PairEvaluation.Change.allCases.map { change in
            variance("fve_\(change.rawValue)", "FVE of the explanation, \(change.title)") {
                $0.rowDetails.changed[change]?[$1]
            }
        }
        + [
            variance("fve_second_reader", "FVE of the explanation, read by the second reader") {
                $0.rowDetails.secondErrors?[$1]
            }
        ]
        + ClaimScores.PositionKind.allCases.map { place in
            PairMeasure(
                name: "fve_\(place.rawValue)_own",
                title: "FVE of the explanation, at \(place.title), of the variance there", style: .number
            ) { evaluation, row in
                let details = evaluation.rowDetails
                guard details.places[row] == place, let variance = details.variances[place],
                    let error = details.error(.written, row)
                else { return (0, 0) }
                return (1 - error / variance, 1)
            }
        }

    private static let tables =
        LookupTables.Table.allCases.flatMap { table in
            [
                variance("fve_table_\(table.rawValue)", "FVE of \(table.title)") {
                    $0.baselines?.errors[table]?[$1]
                }
            ]
                + ClaimScores.PositionKind.allCases.map { place in
                    // Where all rows stand at one kind of place, the table has been shown.
                    variance(
                        "fve_table_\(table.rawValue)_\(place.rawValue)", "FVE of \(table.title), at \(place.title)"
                    ) {
                        $0.rowDetails.variances.count > 1 && $0.rowDetails.places[$1] == place
                            ? $0.baselines?.errors[table]?[$1] : nil
                    }
                }
        } + [
            PairMeasure(
                name: "fve_over_best_table", title: "FVE of the explanation, more than the best table's", style: .number
            ) { evaluation, row in
                guard let baselines = evaluation.baselines, let table = baselines.errors[baselines.best]?[row],
                    let own = evaluation.rowDetails.error(.written, row)
                else { return (0, 0) }
                return ((table - own) / evaluation.variance.variance, 1)
            },
            variance("fve_with_best_table", "FVE of the best table and the explanation together") {
                $0.baselines?.together[$1]
            },
            PairMeasure(
                name: "fve_added_to_best_table", title: "FVE that the explanation adds to the best table",
                style: .number
            ) { evaluation, row in
                guard let baselines = evaluation.baselines, let table = baselines.errors[baselines.best]?[row] else {
                    return (0, 0)
                }
                return ((table - baselines.together[row]) / evaluation.variance.variance, 1)
            },
        ]

    private static let choices = [false, true].flatMap { isSecond in
        PassageChoice.Question.allCases.map { question in
            PairMeasure(
                name: "\(isSecond ? "second_" : "")picked_\(question.rawValue)",
                title: "\(question == .vector ? "activation" : "passage") picked among ten of its kind"
                    + (isSecond ? ", by the second reader" : ""), style: .percent
            ) { evaluation, row in
                let key = PairEvaluation.RowDetails.Choice(isSecondReader: isSecond, question: question)
                guard let isRight = evaluation.rowDetails.choices[key]?[row] else { return (0, 0) }
                return (isRight ? 1 : 0, 1)
            }
        }
    }

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
