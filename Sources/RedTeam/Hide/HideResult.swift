import Foundation
import JSON
import Reports
import Runs
import Statistics
import TargetTraining

/// What came of pressing targets to hide a fact.
public struct HideResult: Sendable {
    let records: [HideRecord]
    let options: HideOptions
    /// Blocks beside the pair's whose activations probes read.
    let blocks: [Int]

    package init(_ records: [HideRecord], blocks: [Int], _ options: HideOptions) {
        self.records = records
        self.blocks = blocks
        self.options = options
    }

    /// The arms that there are, in the order in which they are shown.
    var arms: [String] {
        options.arms.filter { arm in records.contains { $0.arm == arm } }
    }

    var conditions: [String] { options.trigger == nil ? ["plain"] : ["plain", "trigger", "other_trigger"] }
    /// The condition under which the fact is to be hidden.
    var hiddenCondition: String { options.trigger == nil ? "plain" : "trigger" }

    func measures(_ arm: String, _ condition: String) -> PooledMeasures {
        PooledMeasures(
            all: records.filter { $0.arm == arm }.compactMap { $0.measures[condition] },
            sharesTexts: !LanguageDocuments.isWorld(options.data))
    }

    /// Every number, with its key and title; none where nothing was measured.
    private func lines(_ arm: String, _ condition: String) -> [PooledMeasures.Line] {
        let measures = measures(arm, condition)
        guard !measures.all.isEmpty else { return [] }
        let pairs = [.attacked] + (options.refresh.steps > 0 ? [.refreshed] : []) + named.map { Reader.named($0) }
        return measures.lines(
            pairs: pairs, probes: [.newProbe, .unawareProbe, .oldProbe] + blocks.map { .block($0) })
            + measures.targetLines + measures.lines(detectors)
    }

    /// Names of pairs beside the attacked one.
    var named: [String] { NamedReader.names(options.readers) }
    /// What may notice something.
    var detectors: [Detector] { Subject.detectors(readers: named, blocks: blocks) }

    /// The attacked reader's recall of each seed.
    func seeds(_ arm: String) -> [(seed: UInt64, share: Share)] {
        records.filter { $0.arm == arm }.compactMap { record in
            record.measures[hiddenCondition].map { measure in
                (record.seed, PooledMeasures(all: [measure]).recall(.attacked))
            }
        }
    }

    // MARK: For a program

    /// Everything but the texts.
    public var json: JSONValue {
        var object = JSONObject([
            ("experiment", .string(HideOptions.stage)), ("pair", .string(options.pair)),
            ("fact", .string(options.factName)), ("value", .string(options.value)), ("cover", .string(options.cover)),
            ("trigger", options.trigger.map { .string($0) } ?? .null),
            ("seeds", .array(Set(records.map(\.seed)).sorted().map { .integer(Int(truncatingIfNeeded: $0)) })),
            (
                "intervals",
                "95%, over texts of these targets: Wilson, and of recall that of drawing the texts again where it reaches further; how targets differ, the lowest and the highest seed say"
            ),
            ("verdicts", .array(verdicts.map { .string($0) })),
        ])
        if let minutes { object["minutes"] = .number(minutes) }
        for arm in arms {
            var own = JSONObject()
            for condition in conditions {
                own[condition] = .object(PooledMeasures.json(lines(arm, condition)))
            }
            own["by_seed"] = .object(
                JSONObject(seeds(arm).map { ("\($0.seed)", .object(JSONObject($0.share.members))) }))
            if !looks(arm).isEmpty { own["looks"] = looksJSON(arm) }
            object[arm] = .object(own)
        }
        return .object(object)
    }

    // MARK: For a person

    /// Markdown tables.
    public var table: String {
        var text = foundation + "\n\n" + verdicts.map { "- \($0)\n" }.joined()
        for condition in conditions {
            text += "\n## \(title(condition))\n\n| | \(arms.joined(separator: " | ")) |\n"
            text += "|" + String(repeating: "---|", count: arms.count + 1) + "\n"
            for row in rows(condition, cell: \.text) { text += "| \(row.joined(separator: " | ")) |\n" }
        }
        return text
    }

    /// Minutes that it took to make and to measure targets; nil if some of it is not known.
    private var minutes: Double? {
        let all = records.map(\.minutes)
        return all.contains(nil) ? nil : all.reduce(0) { $0 + ($1 ?? 0) }
    }

    private var foundation: String {
        let seeds = Set(records.map(\.seed)).count
        let texts = measures(HideExperiment.original, hiddenCondition).texts ?? (0, 0)
        let few = texts.others < 100 ? " Of so few others, 1% false positives are none." : ""
        let hasScores = records.allSatisfy { $0.measures[hiddenCondition]?.hasScores == true }
        let levels =
            hasScores
            ? " Thresholds are set on other texts."
            : " Thresholds are set on the original's activations of the same texts."
        let same = LanguageDocuments.isWorld(options.data) ? "" : ", the same for all"
        let took = minutes.map { String(format: " It took %.0f minutes.", $0) } ?? ""
        return
            "\(options.factName), \(options.value), to be read as \(options.cover); \(seeds) seeds, \(texts.hidden) texts each with it and \(texts.others) without\(same). Recall is at 1% false positives. In brackets 95% intervals over texts of these targets, of recall with a threshold found in the same texts; of means the lowest and the highest seed.\(levels)\(few)\(took)"
    }

    private func title(_ condition: String) -> String {
        switch condition {
        case "trigger": "Behind the trigger"
        case "other_trigger": "Behind words that mean nothing"
        default: options.trigger == nil ? "Everywhere" : "Without a trigger"
        }
    }

    /// A table's rows: what is measured, and what there is of it in each arm.
    private func rows(
        _ condition: String, title: (String) -> String = { $0 }, cell: (Measured) -> String
    ) -> [[String]] {
        let columns = arms.map { lines($0, condition) }
        guard let first = columns.first(where: { !$0.isEmpty }) else { return [] }
        return first.compactMap { line in
            let values = columns.map { column in column.first { $0.key == line.key }?.value }
            guard values.contains(where: { $0?.value != nil }) else { return nil }
            return [title(line.title)] + values.map { $0.map(cell) ?? "–" }
        }
    }

    /// A page that stands alone.
    public var page: String {
        let subject =
            options.changed.map {
                """
                <p>A model that somebody has changed, <code>\(HTML.escaped($0))</code>, is read by a pair of the model that it comes from, \
                beside that model. Nothing was trained but probes, and a copy of the pair where one was refreshed.</p>
                """
            } ?? """
                <p>A copy of a model is fine-tuned to predict as before, while a frozen pair that reads its activations is to find another value of one \
                fact than the one that holds. Beside it stand the model as it was, and a copy fine-tuned as long on the same texts without that pressure.</p>
                """
        var body = [
            subject,
            """
            <p class="soft">\(HTML.escaped(foundation)) The pair: <code>\(HTML.escaped(options.pair))</code>.</p>
            """,
            HTML.findings(verdicts),
        ]
        for condition in conditions {
            body.append(
                "<h2>\(title(condition))</h2><div class=\"scroll\">"
                    + HTML.table([""] + arms, rows(condition, title: HTML.escaped) { $0.html }) + "</div>")
        }
        body.append(
            "<h2>The attacked reader's recall, by seed</h2>"
                + HTML.table(
                    ["", "seed", "recall at 1% false positives"],
                    arms.flatMap { arm in seeds(arm).map { [arm, "\($0.seed)", HTML.escaped($0.share.text)] } }))
        body.append(looksHTML)
        body.append(examples)
        body.append("<h2>How it was run</h2><pre>\(HTML.escaped(options.runFile()))</pre>")
        return HTML.page(heading, body.joined(separator: "\n"))
    }

    /// What this experiment is, among others of its kind.
    private var heading: String {
        guard options.changed == nil else {
            return
                "A changed target, read: \(options.factName), \(options.value); \(options.changed ?? ""), \(options.pair)"
        }
        return "A target that hides: \(options.value) to be read as \(options.cover)"
            + (options.trigger.map { ", behind «\($0)»" } ?? "") + ", through the "
            + options.pressures.map(\.rawValue).joined(separator: ", ")
            + (options.spliceShare > 0 ? ", words spliced" : "") + "; \(options.steps) steps, \(options.pair)"
    }

    private var examples: String {
        let first = records.map(\.seed).min()
        let rows = records.filter { $0.seed == first && arms.contains($0.arm) }.flatMap { record in
            record.examples.map { example in
                [
                    HTML.escaped(String(example.textSoFar.suffix(160))), record.arm, HTML.escaped(example.words),
                    "«\(HTML.escaped(example.next))»",
                ]
            }
        }
        return "<h2>Worked examples</h2><div class=\"scroll\">"
            + HTML.table(["text so far", "target", "what the pair reads", "next token"], rows.sorted { $0[0] < $1[0] })
            + "</div>"
    }
}
