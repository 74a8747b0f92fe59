import Foundation
import Reports
import Runs
import Statistics
import TargetTraining

extension RaceResult: ExperimentResult {
    package var pair: String { options.hiding.pair }

    package var foundation: String {
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
            without\(same). \(PooledMeasures.shownIntervals) \(levels)
            """
    }

    private static func title(_ arm: RaceArm) -> String {
        arm == .pressed ? "Pressed to hide" : "Without pressure"
    }

    package func tables(_ summary: RaceSummary) -> [ResultTable] {
        RaceArm.allCases.map { arm in
            let measures = (summary.arms[arm.rawValue] ?? []).map(\.second)
            return (RaceResult.title(arm), points(arm).map(\.title), Measures.rows(measures, cell: \.text))
        }
    }

    // MARK: A page

    package var introduction: String {
        """
        <p>A model is fine-tuned so that a pair which reads its activations no longer finds one fact. Then the \
        pair learns what the model has become, and the model is fine-tuned against it again. <em>In the loop</em> \
        is the pair that is attacked and refreshed in turns. <em>Held out</em> is a pair that learns from the same \
        texts and is never attacked. The first pair and a probe of the original never learn anything. A second \
        model is fine-tuned as long on the same texts without pressure, with readers refreshed likewise.</p>
        """
    }

    package var heading: String {
        let heldOut = options.heldOut.map { ", held out \($0)" } ?? ""
        return
            "An arms race: \(options.hiding.value) to be read as \(options.hiding.cover), through the \(options.pressure.rawValue)\(heldOut)"
    }

    package func sections(_ summary: RaceSummary) -> [String] {
        let arms = RaceArm.allCases.flatMap { arm -> [String] in
            let points = points(arm)
            func section(_ title: String, _ measures: (Point) -> [Measure]) -> String {
                let rows = Measures.rows(points.map { Measures(measures($0)) }, cell: \.text)
                return "<p><b>\(HTML.escaped(title))</b></p>"
                    + HTML.scrolling([""] + points.map(\.title), rows.map { $0.map { HTML.escaped($0) } })
            }
            return [
                "<h2>\(RaceResult.title(arm))</h2>", section("What readers find") { readers($0).entries },
                section("What the target does") { $0.measures.target },
                section(
                    "Detectors where it is hidden, above the level that 1% of the original's activations reach, or anew: that 1% of the target's without pressure do"
                ) { $0.measures.noticed(by: detectors) },
            ]
        }
        return [
            "<h2>Detection over steps of hiding</h2>",
            "<p class=\"soft\">Where a curve goes straight up or down, readers were refreshed.</p>", charts,
        ] + arms + [worked]
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
                        (steps(point), point.measures.varianceExplained(reader)?.mean ?? 0)
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
        return HTML.section("Worked examples", ["text so far", "round"] + pairs.map(\.title) + ["next token"], rows)
    }
}
