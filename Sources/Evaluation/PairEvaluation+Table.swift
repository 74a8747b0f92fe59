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
        for reading in ExplanationJudge.Reading.allCases {
            let name = reading == .written ? "the verbalizer's explanation" : reading.title
            lines.append("| \(name) | \(number(explanations.value(reading))) |")
        }
        for place in ClaimScores.PositionKind.allCases {
            guard let own = explanationsByPlace[place] else { continue }
            lines.append("| the explanation, at \(place.title) alone | \(number(own.value(.written))) |")
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
        for (_, name, filter) in PairEvaluation.precisions {
            let shares = scores.map { percent($0?.precision(filter).share) }
            lines.append("| \(name) | \(shares.joined(separator: " | ")) |")
        }
        for (name, count) in PairEvaluation.counts {
            let counts = scores.map { $0.map { "\(count($0))" } ?? "–" }
            lines.append("| \(name) | \(counts.joined(separator: " | ")) |")
        }
        lines += ["", "| facts | of | said | probes read |", "|---|---|---|---|"]
        for (_, name, filter) in PairEvaluation.recalls {
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
        lines += [
            "", "| fact, about to matter or not | kind | place | standing | of | said | probes read |",
            "|---|---|---|---|---|---|---|",
        ]
        for (key, recall) in claims.facts(byDeciding: false) {
            lines.append(
                "| \(key.question) | \(key.kind) | \(key.place.rawValue) | \(key.standing.rawValue) | \(recall.facts) | \(percent(recall.share)) | \(percent(recall.ceiling)) |"
            )
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The precisions of the summary, with their names for programs and for people.
    static let precisions: [(name: String, title: String, isMeant: @Sendable (ClaimScores.ClaimKey) -> Bool)] = [
        ("precision", "all", { _ in true }),
        ("precision_but_ending", "all but the ending", { $0.question != endingQuestion }),
        ("precision_random", "at random positions", { $0.place == .random }),
        ("precision_moment", "at moments", { $0.place == .moment }),
    ]

    /// What precision rests on.
    static let counts: [(String, @Sendable (ClaimScores) -> Int)] = [
        ("claims", { $0.precision().claims }), ("claims made again", { $0.repeated }),
        ("sentences that are no claim", { $0.otherSentences }),
    ]

    /// The recalls of the summary, likewise.
    static let recalls: [(name: String, title: String, isMeant: @Sendable (ClaimScores.FactKey) -> Bool)] = [
        ("recall_deciding_stated", "about to matter, stated", { $0.decides && $0.standing == .stated }),
        ("recall_deciding_latent", "about to matter, latent", { $0.decides && $0.standing == .latent }),
        (
            "recall_moment_stated", "all at such moments, stated",
            { $0.place == .moment && $0.standing == .stated }
        ),
        (
            "recall_moment_latent", "all at such moments, latent",
            { $0.place == .moment && $0.standing == .latent }
        ),
        (
            "recall_random_stated", "all at random positions, stated",
            { $0.place == .random && $0.standing == .stated }
        ),
        (
            "recall_random_latent", "all at random positions, latent",
            { $0.place == .random && $0.standing == .latent }
        ),
    ]

    private func number(_ value: Double?) -> String { value.map { String(format: "%.3f", $0) } ?? "–" }
    private func percent(_ value: Double?) -> String { PairEvaluation.percent(value) }
    static func percent(_ value: Double?) -> String { value.map { String(format: "%.1f%%", 100 * $0) } ?? "–" }
}
