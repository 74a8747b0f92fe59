import Claims
import Evaluation
import Foundation
import JSON
import Reports
import Statistics
import Tensors

/// Verifications of several pairs, or of several steps of one run, beside one another.
public struct VerificationReport: Sendable {
    /// A pair's verification under its name.
    public struct Entry: Sendable {
        /// The pair, or the step of a run.
        public let candidate: PairComparison.Candidate
        /// What was found.
        public let verification: Verification

        /// An entry.
        public init(_ candidate: PairComparison.Candidate, _ verification: Verification) {
            self.candidate = candidate
            self.verification = verification
        }
    }

    /// The pairs in the order given: of a run, in the order of its steps.
    public let entries: [Entry]
    private let options: VerificationOptions
    private let split: String
    private let bootstrap: ClusterBootstrap

    /// A report.
    public init(_ entries: [Entry], split: String, _ options: VerificationOptions) {
        require(!entries.isEmpty, "a report of nothing")
        self.entries = entries
        self.split = split
        self.options = options
        // The same draws as in each verification, which is of the same rows.
        bootstrap = ClusterBootstrap(
            clusters: entries[0].verification.documents, resamples: options.resamples, seed: options.seed)
    }

    /// Every number that any of the pairs has, by section, with the pairs' values.
    private func lines(_ section: Finding.Section) -> [(finding: Finding, values: [Finding?])] {
        var seen: Set<String> = []
        return entries.flatMap { $0.verification.findings }.filter {
            $0.section == section && seen.insert($0.name).inserted
        }
        .map { finding in (finding, entries.map { $0.verification[finding.name] }) }
    }

    /// What stands in the column of differences; nil of a single pair.
    private var differenceTitle: String? {
        entries.count > 1 ? "\(entries[entries.count - 1].candidate.name) − \(entries[0].candidate.name)" : nil
    }

    /// How much more the last pair has of a number than the first, documents being drawn for both at once; nil if one has none.
    private func difference(_ values: [Finding?]) -> Estimate? {
        guard entries.count > 1, let first = values[0], let last = values[values.count - 1] else { return nil }
        return last.estimate(minus: first, bootstrap)
    }

    private var notes: [String] {
        entries.flatMap { entry in
            entry.verification.notes.map { entries.count > 1 ? "\(entry.candidate.name): \($0)" : $0 }
        }
    }

    private var foundation: String {
        let first = entries[0].verification
        return
            "\(first.rows) rows of \(split), from \(first.documents) documents. In brackets 95% intervals over documents (\(options.resamples) draws, seed \(options.seed))."
    }

    // MARK: For a terminal

    /// Markdown tables.
    public var table: String {
        let tables = Finding.Section.allCases.compactMap { section -> ResultTable? in
            let lines = lines(section)
            let rows = lines.map { [$0.finding.title] + cells($0.finding, $0.values) }
            return lines.isEmpty ? nil : (section.title, heads, rows)
        }
        return Markdown.result(foundation, findings: findings, tables, notes: notes)
    }

    /// The columns' names.
    private var heads: [String] { entries.map(\.candidate.name) + [differenceTitle].compactMap(\.self) }

    /// A line's values, and behind those of several pairs how the last differs from the first.
    private func cells(_ finding: Finding, _ values: [Finding?]) -> [String] {
        let cells = values.map { $0?.estimate.text(finding.style) ?? "–" }
        guard differenceTitle != nil else { return cells }
        return cells + [difference(values)?.text(finding.style, signed: true) ?? "–"]
    }

    // MARK: For a program

    /// Everything: of one pair an object, of several an array `pairs` of such.
    public var json: JSONValue {
        let pairs = entries.map { entry -> JSONValue in
            let verification = entry.verification
            var findings = JSONObject()
            for finding in verification.findings {
                findings[finding.name] = .object(
                    JSONObject(finding.estimate.members + [("section", .string(finding.section.rawValue))]))
            }
            return [
                "name": .string(entry.candidate.name), "folder": .string(entry.candidate.place),
                "rows": .integer(verification.rows), "documents": .integer(verification.documents),
                "split": .string(split), "seed": .integer(Int(truncatingIfNeeded: options.seed)),
                "findings": .object(findings),
                "reliability": .array(
                    verification.reliability.map {
                        [
                            "confidence": .number($0.confidence), "true": .number($0.share),
                            "claims": .integer($0.count),
                        ]
                    }),
                "questions": .array(
                    verification.questionWeights.map {
                        [
                            "subject": .string($0.question.subject), "relation": .string($0.question.relation),
                            "claims": .integer($0.claims), "known": .integer($0.known), "right": .integer($0.right),
                            "weight": .number($0.weight),
                        ]
                    }),
                "facts": .array(
                    verification.questionReadings.map {
                        [
                            "subject": .string($0.question.subject), "relation": .string($0.question.relation),
                            "facts": .integer($0.facts), "from_vector": .number($0.fromVector),
                            "from_words": .number($0.fromWords), "said": .number($0.said),
                        ]
                    }),
                "notes": .array(verification.notes.map { .string($0) }),
            ]
        }
        guard pairs.count > 1 else { return pairs[0] }
        var differences = JSONObject()
        for line in Finding.Section.allCases.flatMap(lines) {
            guard let difference = difference(line.values) else { continue }
            differences[line.finding.name] = .object(JSONObject(difference.members))
        }
        return ["pairs": .array(pairs), "last_minus_first": .object(differences)]
    }

    // MARK: For a browser

    /// Writes a page that stands alone. Throws a one-line error.
    public func writePage(to file: URL) throws { try AtomicFile.write(html, to: file) }

    /// The page.
    public var html: String {
        let names = entries.map(\.candidate.name)
        return HTML.page(
            "nla verify: \(names.joined(separator: ", "))",
            "<p class=\"soft\">\(HTML.escaped(foundation))</p>\n" + HTML.findings(findings) + charts
                + notes.map { "<p>\(HTML.escaped($0))</p>\n" }.joined()
                + Finding.Section.allCases.map(section).joined() + facts + questions + examples)
    }

    private func section(_ section: Finding.Section) -> String {
        let lines = lines(section)
        guard !lines.isEmpty else { return "" }
        let rows = lines.map { finding, values -> [String] in
            let title = HTML.escaped(finding.title.trimmingPrefix(while: { $0 == " " }))
            let isDetail = finding.title.hasPrefix(" ")
            return [isDetail ? "<span class=\"soft\">· \(title)</span>" : title]
                + cells(finding, values).map { HTML.escaped($0) }
        }
        return "<h2>\(HTML.escaped(section.title))</h2>\n" + HTML.scrolling([""] + heads, rows) + "\n"
    }

    /// The reliability diagram of each pair, and, of several pairs, how their numbers move from one to the next.
    private var charts: String {
        var figures = entries.compactMap { entry -> String? in
            let bins = entry.verification.reliability
            let places = bins.map { Int((100 * $0.confidence).rounded()) }
            func curve(_ name: String, _ value: (ReliabilityBin) -> Double) -> LineChart.Curve {
                LineChart.Curve(name: name, points: zip(places, bins).map { (step: $0, value: value($1)) })
            }
            let name = entries.count > 1 ? ": \(entry.candidate.name)" : ""
            return LineChart(
                "Claims that are true, by confidence in %\(name)",
                [curve("true", \.share), curve("confidence", \.confidence)]
            )?.html
        }
        if entries.count > 1 {
            let pictures: [(title: String, names: [String])] = [
                ("Variance explained, to each reader", ["fve_written", "second_fve_written", "private"]),
                ("Claims", ["claims_true", "auc"]), ("KL of a splice, nats", ["kl_reconstruction", "kl_mean"]),
            ]
            figures += pictures.compactMap { title, names in
                LineChart(
                    "\(title), pair by pair",
                    names.map { name in
                        LineChart.Curve(
                            name: name.replacing("_", with: " "),
                            points: entries.enumerated().compactMap { index, entry in
                                entry.verification[name].map { (step: index + 1, value: $0.estimate.value) }
                            })
                    })?.html
            }
        }
        return figures.isEmpty ? "" : "<div class=\"charts\">\n\(figures.joined())</div>\n"
    }

    private var questions: String {
        tables("What claims carry", ["claims about", "claims", "true", "share of variance a claim carries"]) {
            $0.questionWeights.map { line in
                [
                    HTML.escaped(line.question.description), "\(line.claims)",
                    line.known > 0 ? NumberStyle.percent.text(Double(line.right) / Double(line.known)) : "–",
                    NumberStyle.number.text(line.weight),
                ]
            }
        }
    }

    private var facts: String {
        tables(
            "What is recovered of each fact, wherever it holds",
            ["fact", "rows", "from the activation", "from the words by a linear reader", "said in the words"]
        ) {
            $0.questionReadings.map { line in
                [HTML.escaped(line.question.description), "\(line.facts)"]
                    + [line.fromVector, line.fromWords, line.said].map { NumberStyle.percent.text($0) }
            }
        }
    }

    /// A table of each pair under one heading; nothing if all are empty.
    private func tables(_ title: String, _ head: [String], _ rows: (Verification) -> [[String]]) -> String {
        let parts = entries.map { entry in
            let rows = rows(entry.verification)
            let name = entries.count > 1 ? "<h3>\(HTML.escaped(entry.candidate.name))</h3>" : ""
            return rows.isEmpty ? "" : name + HTML.scrolling(head, rows)
        }
        return parts.allSatisfy(\.isEmpty) ? "" : "<h2>\(HTML.escaped(title))</h2>\n" + parts.joined()
    }

    private var examples: String {
        tables(
            "Worked examples",
            [
                "text so far",
                "claims, each with how far to believe it and the share of variance that it carries; ✗ marks a false one",
            ]
        ) {
            $0.examples.map { example in
                [
                    HTML.escaped(example.textSoFar.suffix(200)),
                    example.claims.map { claim in
                        let confidence = claim.confidence.map { String(format: "%.0f%%", 100 * $0) } ?? ""
                        let mark = claim.isTrue == false ? " <span class=\"wrong\">✗</span>" : ""
                        return
                            "\(HTML.escaped(claim.sentence))\(mark) <span class=\"soft\">\(confidence) · weight \(NumberStyle.number.text(claim.weight))</span>"
                    }.joined(separator: "<br>"),
                ]
            }
        }
    }
}
