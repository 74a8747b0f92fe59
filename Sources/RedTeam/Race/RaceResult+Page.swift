import Foundation
import Reports
import Runs
import Statistics
import TargetTraining

extension RaceResult {
    /// What the numbers rest on.
    private var foundation: String {
        let hiding = options.hiding
        let texts = points(.pressed).first?.measures.texts ?? (0, 0)
        let hasScores = points(.pressed).allSatisfy { $0.measures.all.allSatisfy(\.hasScores) }
        let levels =
            hasScores
            ? "Thresholds are set on other texts of the original, and anew on the target without pressure after as many steps."
            : "Thresholds are set on the original's activations of the same texts."
        let same = LanguageDocuments.isWorld(hiding.data) ? "" : ", the same for all"
        return """
            \(hiding.factName), \(hiding.value), to be read as \(hiding.cover); pressure through the \
            \(options.pressure.rawValue), \(options.rounds) rounds of \(hiding.steps) steps, each refreshed with \
            \(hiding.refresh.steps) steps; \(seedCount) seeds, \(texts.hidden) texts each with it and \(texts.others) \
            without\(same). Recall is at 1% false positives. In brackets 95% intervals over texts of these targets, of recall \
            with a threshold found in the same texts; of means the lowest and the highest seed. \(levels)
            """
    }

    private static func title(_ arm: RaceArm) -> String {
        arm == .pressed ? "Pressed to hide" : "Without pressure"
    }

    /// A table's rows: what there is to say of each point.
    private func rows(_ points: [Point], _ lines: (Point) -> [PooledMeasures.Line]) -> [[String]] {
        let columns = points.map(lines)
        return (columns.first ?? []).indices.compactMap { index in
            guard columns.contains(where: { $0[index].value?.value != nil }) else { return nil }
            return [columns[0][index].title] + columns.map { $0[index].value?.text ?? "–" }
        }
    }

    // MARK: For a terminal

    /// Markdown tables.
    public var table: String {
        var text = foundation + "\n\n" + findings.map { "- \($0)\n" }.joined()
        for arm in RaceArm.allCases {
            let points = points(arm)
            text += "\n## \(RaceResult.title(arm))\n\n| | \(points.map(\.title).joined(separator: " | ")) |\n"
            text += "|" + String(repeating: "---|", count: points.count + 1) + "\n"
            for row in rows(points, { readingLines($0) + $0.measures.targetLines + $0.measures.lines(detectors) }) {
                text += "| \(row.joined(separator: " | ")) |\n"
            }
        }
        return text
    }

    // MARK: A page

    /// A page that stands alone.
    public var page: String {
        var body = [
            """
            <p>A model is fine-tuned so that a pair which reads its activations no longer finds one fact. Then the \
            pair learns what the model has become, and the model is fine-tuned against it again. <em>In the loop</em> \
            is the pair that is attacked and refreshed in turns. <em>Held out</em> is a pair that learns from the same \
            texts and is never attacked. The first pair and a probe of the original never learn anything. A second \
            model is fine-tuned as long on the same texts without pressure, with readers refreshed likewise.</p>
            <p class="soft">\(HTML.escaped(foundation)) The pair: <code>\(HTML.escaped(options.hiding.pair))</code>.</p>
            """,
            HTML.findings(findings),
            "<h2>Detection over steps of hiding</h2>",
            "<p class=\"soft\">Where a curve goes straight up or down, readers were refreshed.</p>", charts,
        ]
        for arm in RaceArm.allCases {
            let points = points(arm)
            body.append("<h2>\(RaceResult.title(arm))</h2>")
            body.append(section("What readers find", points, readingLines))
            body.append(section("What the target does", points, { $0.measures.targetLines }))
            body.append(
                section(
                    "Detectors where it is hidden, above the level that 1% of the original's activations reach, or anew: that 1% of the target's without pressure do",
                    points,
                    { $0.measures.lines(detectors) }))
        }
        body.append(worked)
        body.append("<h2>How it was run</h2><pre>\(HTML.escaped(options.runFile()))</pre>")
        let heldOut = options.heldOut.map { ", held out \($0)" } ?? ""
        let heading =
            "An arms race: \(options.hiding.value) to be read as \(options.hiding.cover), through the \(options.pressure.rawValue)\(heldOut)"
        return HTML.page(heading, body.joined(separator: "\n"))
    }

    private func section(_ title: String, _ points: [Point], _ lines: (Point) -> [PooledMeasures.Line]) -> String {
        "<p><b>\(HTML.escaped(title))</b></p><div class=\"scroll\">"
            + HTML.table([""] + points.map(\.title), rows(points, lines).map { $0.map { HTML.escaped($0) } }) + "</div>"
    }

    private var charts: String {
        let pictures = [
            chart("Pairs, recall at 1% false positives", .pressed, pairs),
            chart("Linear probes, recall at 1% false positives", .pressed, probes),
            chart("Without pressure, the same", .innocent, pairs + [.newProbe]),
            varianceChart,
        ]
        return "<div class=\"charts\">\(pictures.compactMap(\.self).joined())</div>"
    }

    /// Readers' recall over the steps of hiding, with its intervals.
    private func chart(_ title: String, _ arm: RaceArm, _ readers: [Reader]) -> String? {
        let curves = readers.map { reader in
            let measured = points(arm).compactMap { point in
                point.recall(reader).estimate.map { (step: steps(point), estimate: $0) }
            }
            return LineChart.Curve(
                name: reader.title, points: measured.map { ($0.step, $0.estimate.value) },
                intervals: measured.compactMap { $0.estimate.interval })
        }
        return LineChart(title, curves)?.html
    }

    private var varianceChart: String? {
        let curves = RaceArm.allCases.flatMap { arm in
            [Reader.loop, .frozen].map { reader in
                LineChart.Curve(
                    name: "\(reader.title)\(arm == .innocent ? ", without pressure" : "")",
                    points: points(arm).map { point in
                        (steps(point), Measured.average(point.measures.variancesExplained(reader)).value ?? 0)
                    })
            }
        }
        return LineChart("Variance that a pair explains", curves)?.html
    }

    /// The first seed's texts at the original, the first and the last round.
    private var worked: String {
        let points = points(.pressed).filter { $0.round <= 1 || $0.round == options.rounds }
        let texts = points.first.map { examples($0).map(\.textSoFar) } ?? []
        let rows = texts.flatMap { text in
            points.compactMap { point -> [String]? in
                guard let example = examples(point).first(where: { $0.textSoFar == text }) else { return nil }
                return [HTML.escaped(String(text.suffix(160))), point.title]
                    + pairs.map { HTML.escaped(example.words[$0.key] ?? "–") } + ["«\(HTML.escaped(example.next))»"]
            }
        }
        return "<h2>Worked examples</h2><div class=\"scroll\">"
            + HTML.table(["text so far", "round"] + pairs.map(\.title) + ["next token"], rows) + "</div>"
    }
}
