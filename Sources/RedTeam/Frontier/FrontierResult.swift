import Foundation
import JSON
import Reports
import Runs
import Statistics

/// What came of training targets to be read.
public struct FrontierResult: Sendable {
    private let records: [FrontierRecord]
    private let options: FrontierOptions

    package init(_ records: [FrontierRecord], _ options: FrontierOptions) {
        self.records = records
        self.options = options
    }

    /// The targets that there are, in the order in which they are shown.
    private var arms: [String] {
        ([FrontierExperiment.original] + options.arms).filter { arm in records.contains { $0.arm == arm } }
    }

    private func spread(_ arm: String, _ key: String) -> Spread? {
        Spread(records.filter { $0.arm == arm }.compactMap { $0.values[key] })
    }

    /// How much more of something an arm has than the original of the same seed, as a share of that.
    private func change(_ arm: String, _ key: String) -> Spread? {
        Spread(
            records.filter { $0.arm == arm }.compactMap { record in
                let original = records.first { $0.seed == record.seed && $0.arm == FrontierExperiment.original }
                guard let value = record.values[key], let before = original?.values[key], before != 0 else {
                    return nil
                }
                return value / before - 1
            })
    }

    /// What was aimed at beforehand: at most this much more loss, and at least this much less damage.
    private static let aim = (loss: 0.02, damage: 1.0 / 3)

    /// What it shows, in sentences.
    var findings: [String] {
        let trained = arms.filter { $0 != FrontierExperiment.original }
        let measured = trained.compactMap { arm -> (arm: String, loss: Spread, damage: Spread)? in
            guard let loss = change(arm, "held_out_loss"), let damage = change(arm, "splice_damage") else { return nil }
            return (arm, loss, damage)
        }
        var sentences = measured.map { arm, loss, damage in
            "\(arm): loss \(loss.text(.percent, signed: true)) %, splice damage \(damage.text(.percent, signed: true)) %."
        }
        let allowed = measured.filter { $0.loss.mean <= FrontierResult.aim.loss }
        if let best = allowed.min(by: { $0.damage.mean < $1.damage.mean }) {
            let most = -FrontierResult.aim.damage
            let word =
                best.damage.range.upperBound <= most
                ? "reached with every seed" : best.damage.mean <= most ? "reached on average" : "not reached"
            sentences.append(
                "The aim, a third less splice damage than the original's at no more than 2% more loss, is \(word): of \(measured.count) targets the most at such a loss has \(best.arm), with \(best.damage.text(.percent, signed: true)) %."
            )
        } else if !measured.isEmpty {
            sentences.append("No target stays within 2% more loss.")
        }
        return sentences
    }

    // MARK: For a program

    /// Everything but the texts.
    public var json: JSONValue {
        let targets = arms.map { arm -> (String, JSONValue) in
            var own = JSONObject()
            for measure in FrontierMeasure.all { own[measure.key] = spread(arm, measure.key)?.json }
            if arm != FrontierExperiment.original {
                own["loss_change"] = change(arm, "held_out_loss")?.json
                own["splice_damage_change"] = change(arm, "splice_damage")?.json
                own["minutes"] = Spread(records.filter { $0.arm == arm }.map(\.minutes))?.json
            }
            return (arm, .object(own))
        }
        return [
            "experiment": .string(FrontierOptions.stage), "pair": .string(options.pair),
            "steps": .integer(options.steps),
            "intervals": "mean, lowest and highest seed", "findings": .array(findings.map { .string($0) }),
            "targets": .object(JSONObject(targets)),
        ]
    }

    // MARK: For a person

    private var rows: [[String]] {
        var rows = FrontierMeasure.all.map { measure in
            [measure.title] + arms.map { spread($0, measure.key)?.text(measure.style) ?? "–" }
        }
        let changes = [
            ("held_out_loss", "loss against the original's, %"), ("splice_damage", "splice damage against it, %"),
        ]
        for (key, title) in changes {
            rows.append([title] + arms.map { change($0, key)?.text(.percent, signed: true) ?? "–" })
        }
        return rows
    }

    private var foundation: String {
        let seeds = Set(records.map(\.seed)).count
        let minutes = String(format: "%.0f", records.reduce(0) { $0 + $1.minutes })
        return
            "\(seeds) seeds, \(options.steps) steps each; loss and damage on \(options.evaluationDocuments) held-out texts, claims on \(options.testDocuments), others for each seed, as far as there are so many. All learn the same documents, in the same order: without splices, from the same weights, that is one training, measured several times. Training took \(minutes) minutes. In brackets the lowest and the highest seed."
    }

    /// Markdown.
    public var table: String {
        var text = foundation + "\n\n" + findings.map { "- \($0)\n" }.joined()
        text += "\n| | \(arms.joined(separator: " | ")) |\n|" + String(repeating: "---|", count: arms.count + 1) + "\n"
        for row in rows { text += "| \(row.joined(separator: " | ")) |\n" }
        return text
    }

    /// A page that stands alone.
    public var page: String {
        let body = [
            """
            <p>A model is trained on while, in some documents, one activation gives its place to what its reconstructor rebuilds from its \
            verbalizer's words: what cannot be said costs predictions. Model, verbalizer and reconstructor learn together, and are measured \
            beside the pair that they began as. <em>Splice damage</em> is what it costs the next nine predictions, in nats per token, that an activation is put into words \
            and rebuilt.</p>
            <p class="soft">\(HTML.escaped(foundation)) The pair: <code>\(HTML.escaped(options.pair))</code>. \
            <code>learning_rate=0</code>: the readers alone learn, the model stays as it is. <code>splice_share=0</code>: it is trained on \
            as long with nothing replaced, and its readers stay.</p>
            """,
            HTML.findings(findings), chart,
            "<h2>Every number</h2><div class=\"scroll\">"
                + HTML.table([""] + arms, rows.map { $0.map { HTML.escaped($0) } }) + "</div>",
            examples, "<h2>How it was run</h2><pre>\(HTML.escaped(options.runFile()))</pre>",
        ]
        return HTML.page(
            "A target built to be read: \(arms.count - 1) targets, \(options.steps) steps, \(options.pair)",
            body.joined(separator: "\n"))
    }

    private var chart: String {
        let points = arms.compactMap { arm -> ScatterChart.Point? in
            guard let loss = spread(arm, "held_out_loss"), let damage = spread(arm, "splice_damage") else { return nil }
            return .init(arm, x: loss.mean, y: damage.mean, xRange: loss.range, yRange: damage.range)
        }
        return ScatterChart(
            "What being read costs, and what it saves", across: "language loss, nats per token",
            upward: "splice damage, nats per token", points)?.html ?? ""
    }

    private var examples: String {
        let first = records.map(\.seed).min()
        let own = records.filter { $0.seed == first }
        let texts = own.first { $0.arm == FrontierExperiment.original }?.examples.map(\.textSoFar) ?? []
        let rows = texts.flatMap { text in
            arms.compactMap { arm -> [String]? in
                own.first { $0.arm == arm }?.examples.first { $0.textSoFar == text }.map {
                    [HTML.escaped(String(text.suffix(160))), HTML.escaped(arm), HTML.escaped($0.words)]
                }
            }
        }
        return "<h2>Worked examples</h2><div class=\"scroll\">"
            + HTML.table(["text so far", "target", "what its verbalizer writes"], rows) + "</div>"
    }
}
