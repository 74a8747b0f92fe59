import Claims
import Foundation
import JSON
import Reports
import Runs
import Statistics
import Tensors

extension VectorResult: ExperimentResult {
    package var pair: String { options.pair }

    package var foundation: String {
        let count = parts.map(\.records.count).max() ?? 0
        return
            "\(count) places of as many documents, \(options.seeds) seeds; KL of the token's own prediction and of \(options.reach) behind it at most \(options.budget) nats each. In brackets 95% intervals."
    }

    package var findings: [String] {
        parts.flatMap { part -> [String] in
            let noticed = bestDetector(part).map {
                "the detector «\($0.title)» flags \($0.share.text), more than any other"
            }
            let read = readings(part).present.map {
                "\($0.title) at \($0.value.after.text), before at \($0.value.before.text)"
            }
            return [
                "The verbalizer \(part.goal.title), within \(options.budget) nats of the predictions, at \(part.success.text) of the places; for a random vector as far away at \(part.randomSuccess(within: options.budget).text).",
                "Where it does: " + ([noticed].compactMap(\.self) + read).joined(separator: "; ") + ".",
            ]
        }
    }

    /// A table of each goal with everything.
    package func tables(_ summary: VectorSummary) -> [ResultTable] {
        zip(parts, summary.second.present).map { part, goal in
            func rows(
                _ shares: Shares, _ title: (String) -> String = { $0 }, cell: (MeasuredShare) -> String = { $0.text }
            ) -> [[String]] { Shares.rows([shares], title: title, cell: cell) }
            let goal = goal.value
            let read = NamedValues.rows([readings(part)]) { "\($0.before.text) before, \($0.after.text) after" }
            let all = [
                rows(goal.attack), rows(goal.seeds, { "success, seed \($0)" }),
                rows(goal.budgets, { "success within \($0) nats" }),
                rows(goal.questions, { "success on \($0)" }, cell: VectorResult.cases),
                NamedValues.rows([goal.sizes], cell: VectorResult.size), rows(goal.noticed), read,
            ]
            return (part.goal.title, [""], Array(all.joined()))
        }
    }

    // MARK: A page

    package var heading: String {
        "Vectors that lie" + (options.everywhere ? ", where nothing is about to matter" : "")
    }

    package var introduction: String {
        """
        <p>A verbalizer puts a model's activation into words. Somebody who may replace the activation by another vector, and who knows the \
        verbalizer, looks for one that leaves the model's predictions as they are and makes the words wrong. What follows says how often that \
        works, beside a vector as far away in a random direction, and what would notice.</p>
        """
    }

    package func sections(_ summary: VectorSummary) -> [String] {
        let goals = summary.second.present.map(\.value)
        func section(
            _ title: String, _ shares: (AttackedGoal) -> Shares, name: (String) -> String = { $0 },
            cell: (MeasuredShare) -> String = { $0.text }
        ) -> String { self.section(title, Shares.rows(goals.map(shares), title: name, cell: cell).map(escaped)) }
        let readings = NamedValues.rows(parts.map(readings), title: { HTML.escaped($0) }) {
            "\(HTML.escaped($0.before.text)) before<br>\(HTML.escaped($0.after.text)) after"
        }
        func escaped(_ row: [String]) -> [String] { row.map { HTML.escaped($0) } }
        return [
            section("Does it work?", \.attack), charts(goals),
            self.section(
                "How far, and how well words still fit the vector",
                NamedValues.rows(goals.map(\.sizes), cell: VectorResult.size).map(escaped)),
            "<p class=\"soft\">A detector flags what lies above its threshold, which one in a hundred clean activations reaches; the numbers are the shares of successful attacks that it flags.</p>",
            section("What notices, at 1% false positives", \.noticed),
            self.section("Who still reads the truth", readings),
            section("By what is attacked", \.questions, cell: VectorResult.cases),
            section("By seed", \.seeds, name: { "seed \($0)" }), examples,
        ]
    }

    private static func cases(_ share: MeasuredShare) -> String { "\(share.text) of \(share.count)" }

    private static func size(_ size: Nullable<Double>) -> String { size.wrappedValue.map { HTML.number($0) } ?? "–" }

    /// A table with a column for each goal.
    private func section(_ title: String, _ rows: [[String]]) -> String {
        HTML.section(title, [""] + parts.map(\.goal.title), rows)
    }

    private func charts(_ goals: [AttackedGoal]) -> String {
        let curves = zip(parts, goals).map { part, goal in
            LineChart.Curve(
                name: part.goal.title,
                points: zip(options.budgets, goal.budgets.present).map { budget, share in
                    (step: Int(saturating: (100 * log10(budget)).rounded()), value: share.value.value ?? 0)
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
        return HTML.section(
            "Worked examples",
            [
                "text so far", "true; wanted", "words before", "words after", "KL, nats", "next token before",
                "next token after",
            ], rows)
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
}
