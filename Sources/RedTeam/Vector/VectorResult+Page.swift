import Claims
import Foundation
import Reports
import Runs
import Statistics
import Tensors

extension VectorResult {
    // MARK: For a terminal

    /// Markdown tables.
    public var table: String {
        var text = foundation + "\n\n" + findings.map { "- \($0)\n" }.joined()
        for part in parts {
            text += "\n## \(part.goal.title)\n\n| | |\n|---|---|\n"
            for (title, value) in rows(part) { text += "| \(title) | \(value) |\n" }
        }
        return text
    }

    /// What the numbers rest on.
    private var foundation: String {
        let count = parts.map(\.records.count).max() ?? 0
        return
            "\(count) places of as many documents, \(options.seeds) seeds; KL of the token's own prediction and of \(options.reach) behind it at most \(options.budget) nats each. In brackets 95% intervals."
    }

    /// What was found, in sentences.
    private var findings: [String] {
        parts.flatMap { part -> [String] in
            let noticed = bestDetector(part).map {
                "the detector «\($0.title)» flags \($0.share.text), more than any other"
            }
            let read = readingLines(part).map { "\($0.title) at \($0.after.text), before at \($0.before.text)" }
            return [
                "The verbalizer \(part.goal.title), within \(options.budget) nats of the predictions, at \(part.success.text) of the places; for a random vector as far away at \(part.randomSuccess(within: options.budget).text).",
                "Where it does: " + ([noticed].compactMap(\.self) + read).joined(separator: "; ") + ".",
            ]
        }
    }

    private func rows(_ part: Part) -> [(title: String, value: String)] {
        attackLines(part).map { ($0.title, $0.share.text) }
            + seeds(part).map { ("success, seed \($0.seed)", $0.share.text) }
            + curve(part).map { ("success within \($0.budget) nats", $0.share.text) }
            + questions(part).map { ("success on \($0.question)", "\($0.share.text) of \($0.share.count)") }
            + sizeLines(part).map { ($0.title, $0.value.map { HTML.number($0) } ?? "–") }
            + noticeLines(part).map { ($0.title, $0.share.text) }
            + readingLines(part).map { ($0.title, "\($0.before.text) before, \($0.after.text) after") }
    }

    // MARK: A page

    /// A page that stands alone.
    public var page: String {
        let body = [
            """
            <p>A verbalizer puts a model's activation into words. Somebody who may replace the activation by another vector, and who knows the \
            verbalizer, looks for one that leaves the model's predictions as they are and makes the words wrong. What follows says how often that \
            works, beside a vector as far away in a random direction, and what would notice.</p>
            <p class="soft">\(HTML.escaped(foundation)) The pair: <code>\(HTML.escaped(options.pair))</code>.</p>
            """,
            HTML.findings(findings),
            section("Does it work?") { attackLines($0).map { ($0.title, HTML.escaped($0.share.text)) } },
            charts,
            section("How far, and how well words still fit the vector") { part in
                sizeLines(part).map { ($0.title, $0.value.map { HTML.number($0) } ?? "–") }
            },
            "<p class=\"soft\">A detector flags what lies above its threshold, which one in a hundred clean activations reaches; the numbers are the shares of successful attacks that it flags.</p>",
            section("What notices, at 1% false positives") {
                noticeLines($0).map { ($0.title, HTML.escaped($0.share.text)) }
            },
            section("Who still reads the truth") { part in
                readingLines(part).map {
                    ($0.title, "\(HTML.escaped($0.before.text)) before<br>\(HTML.escaped($0.after.text)) after")
                }
            },
            section("By what is attacked") { part in
                questions(part).map { ($0.question.description, "\(HTML.escaped($0.share.text)) of \($0.share.count)") }
            },
            section("By seed") { part in seeds(part).map { ("seed \($0.seed)", HTML.escaped($0.share.text)) } },
            examples, settings,
        ]
        return HTML.page(
            "Vectors that lie" + (options.everywhere ? ", where nothing is about to matter" : ""),
            body.joined(separator: "\n"))
    }

    /// A table with a column for each goal.
    private func section(_ title: String, _ lines: (Part) -> [(title: String, value: String)]) -> String {
        let columns = parts.map(lines)
        var titles: [String] = []
        for line in columns.joined() where !titles.contains(line.title) { titles.append(line.title) }
        let rows = titles.map { title in
            [HTML.escaped(title)] + columns.map { $0.first { $0.title == title }?.value ?? "–" }
        }
        return "<h2>\(HTML.escaped(title))</h2><div class=\"scroll\">"
            + HTML.table([""] + parts.map(\.goal.title), rows) + "</div>"
    }

    private var charts: String {
        let curves = parts.map { part in
            LineChart.Curve(
                name: part.goal.title,
                points: curve(part).map { budget, share in
                    (step: Int(saturating: (100 * log10(budget)).rounded()), value: share.estimate?.value ?? 0)
                })
        }
        let chart = LineChart("Attacks that succeed, by 100 · log₁₀ of the budget in nats", curves)?.html
        return "<div class=\"charts\">\(chart ?? "")</div>"
    }

    /// One success and one failure of each goal and question, as far as there are some.
    private var examples: String {
        let rows = parts.flatMap { part -> [[String]] in
            var seen: Set<String> = []
            return part.records.filter { seen.insert("\($0.question) \($0.isSuccess)").inserted }
                .sorted { $0.isSuccess && !$1.isSuccess }.prefix(14).map(row)
        }
        return "<h2>Worked examples</h2><div class=\"scroll\">"
            + HTML.table(
                [
                    "text so far", "true; wanted", "words before", "words after", "KL, nats", "next token before",
                    "next token after",
                ], rows) + "</div>"
    }

    private func row(_ record: AttackRecord) -> [String] {
        func tokens(_ list: [AttackRecord.Token]) -> String {
            list.map { "«\(HTML.escaped($0.text))» \(String(format: "%.3f", $0.probability))" }.joined(
                separator: "<br>")
        }
        let aim = record.lie.map { "to say “\($0)”" } ?? "to say nothing of it"
        let state = record.isSuccess ? "" : "<br><span class=\"wrong\">failed</span>"
        return [
            HTML.escaped(String(record.textSoFar.suffix(160))),
            HTML.escaped("\(record.question) is “\(record.truth)”; \(aim)") + state,
            HTML.escaped(record.clean.words), HTML.escaped(record.attacked.words),
            String(format: "%.4f", record.attacked.divergence), tokens(record.nextBefore), tokens(record.nextAfter),
        ]
    }

    private var settings: String {
        "<h2>How it was run</h2><pre>\(HTML.escaped(options.runFile()))</pre>"
    }
}
