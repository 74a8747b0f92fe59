import Claims
import Foundation

extension PairEvaluation {
    /// The evaluation as Markdown tables.
    public var table: String {
        var lines = [
            String(
                format: "%ld rows, %.1f%% of the explanations complete, %.1f words each", rows, 100 * extracted, words),
            "", "| given to the reconstructor | FVE |", "|---|---|",
        ]
        for (name, reading) in [
            ("the verbalizer's explanation", ExplanationJudge.Reading.written), ("its sentences shuffled", .shuffled),
            ("another row's explanation", .other), ("nothing", .empty),
        ] {
            lines.append("| \(name) | \(number(explanations.value(reading))) |")
        }
        for (name, place) in [("random positions", ClaimScores.Place.random), ("moments", .moment)] {
            guard let own = explanationsByPlace[place] else { continue }
            lines.append("| the explanation, at \(name) alone | \(number(own.value(.written))) |")
        }
        if let teacher, let own = explanationsWhereTaught {
            lines.append(
                "| on the \(taughtRows) rows that the teacher explains: the verbalizer's | \(number(own.value(.written))) |"
            )
            lines.append("| on the same rows: the teacher's text | \(number(teacher.value(.written))) |")
        }
        guard let claims else { return lines.joined(separator: "\n") + "\n" }
        let scores = [claims, claimsWhereTaught, teacherClaims]
        lines += [
            "", "| claims that are true | verbalizer | where the teacher explains | teacher there |",
            "|---|---|---|---|",
        ]
        for (name, filter) in PairEvaluation.precisions {
            let shares = scores.map { percent($0?.precision(filter).share) }
            lines.append("| \(name) | \(shares.joined(separator: " | ")) |")
        }
        for (name, count) in PairEvaluation.counts {
            let counts = scores.map { $0.map { "\(count($0))" } ?? "–" }
            lines.append("| \(name) | \(counts.joined(separator: " | ")) |")
        }
        lines += ["", "| facts | of | said | probes read |", "|---|---|---|---|"]
        for (name, filter) in PairEvaluation.recalls {
            let recall = claims.recall(filter)
            lines.append("| \(name) | \(recall.facts) | \(percent(recall.share)) | \(percent(recall.ceiling)) |")
        }
        lines += [
            "", "| fact that is about to matter | kind | standing | of | said | probes read |",
            "|---|---|---|---|---|---|",
        ]
        for (key, recall) in claims.facts.sorted(by: { $0.key < $1.key }) where key.decides {
            lines.append(
                "| \(key.question) | \(key.kind) | \(key.standing.rawValue) | \(recall.facts) | \(percent(recall.share)) | \(percent(recall.ceiling)) |"
            )
        }
        lines += ["", "| claim | kind | place | claims | true |", "|---|---|---|---|---|"]
        for (key, precision) in claims.claims.sorted(by: { $0.key < $1.key }) {
            lines.append(
                "| \(key.question) | \(key.kind) | \(key.place.rawValue) | \(precision.claims) | \(percent(precision.share)) |"
            )
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The precisions of the summary.
    static let precisions: [(String, @Sendable (ClaimScores.ClaimKey) -> Bool)] = [
        ("all", { _ in true }), ("all but the ending", { $0.question != endingQuestion }),
        ("at random positions", { $0.place == .random }), ("at moments", { $0.place == .moment }),
    ]

    /// What precision rests on.
    static let counts: [(String, @Sendable (ClaimScores) -> Int)] = [
        ("claims", { $0.precision().claims }), ("claims made again", { $0.repeated }),
        ("sentences that are no claim", { $0.otherSentences }),
    ]

    /// The recalls of the summary.
    static let recalls: [(String, @Sendable (ClaimScores.FactKey) -> Bool)] = [
        ("about to matter, stated", { $0.decides && $0.standing == .stated }),
        ("about to matter, latent", { $0.decides && $0.standing == .latent }),
        ("all at such moments, stated", { $0.place == .moment && $0.standing == .stated }),
        ("all at such moments, latent", { $0.place == .moment && $0.standing == .latent }),
        ("all at random positions, stated", { $0.place == .random && $0.standing == .stated }),
        ("all at random positions, latent", { $0.place == .random && $0.standing == .latent }),
    ]

    private func number(_ value: Double?) -> String { value.map { String(format: "%.3f", $0) } ?? "–" }
    private func percent(_ value: Double?) -> String { value.map { String(format: "%.1f%%", 100 * $0) } ?? "–" }
}
