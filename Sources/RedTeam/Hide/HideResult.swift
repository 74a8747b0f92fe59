import Foundation
import JSON
import Reports
import Runs
import Statistics
import TargetTraining

/// What came of pressing targets to hide a fact.
public struct HideResult: Sendable {
    let records: [HideRecord]
    package let options: HideOptions
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

    /// The condition under which the fact is to be hidden.
    var hiddenCondition: String { options.trigger == nil ? "plain" : "trigger" }

    func measures(_ arm: String, _ condition: String) -> PooledMeasures {
        PooledMeasures(
            all: records.filter { $0.arm == arm }.compactMap { $0.measures[condition] },
            sharesTexts: !LanguageDocuments.isWorld(options.data))
    }

    /// Names of pairs beside the attacked one.
    var named: [String] { NamedReader.names(options.readers) }
    /// What may notice something.
    var detectors: [Detector] { Subject.detectors(readers: named, blocks: blocks) }

    // MARK: Numbers

    package var summary: HideSummary {
        HideSummary(
            HideHead(
                experiment: HideOptions.stage, pair: options.pair, fact: options.factName, value: options.value,
                cover: options.cover, trigger: options.trigger, seeds: records.map(\.seed).listed,
                intervals: PooledMeasures.intervals, verdicts: verdicts, minutes: minutes),
            .init(arms.map { .init($0, $0, target($0)) }))
    }

    private func target(_ arm: String) -> HiddenTarget {
        HiddenTarget(
            plain: numbers(arm, "plain"), trigger: options.trigger.map { _ in numbers(arm, "trigger") },
            otherTrigger: options.trigger.map { _ in numbers(arm, "other_trigger") },
            seeds: Measures(
                records.filter { $0.arm == arm }.compactMap { record in
                    record.measures[hiddenCondition].map {
                        Measure("\(record.seed)", nil, Measured(PooledMeasures(all: [$0]).recall(.attacked)))
                    }
                }),
            looks: looks(arm))
    }

    /// Every number; none where nothing was measured.
    private func numbers(_ arm: String, _ condition: String) -> Measures {
        let measures = measures(arm, condition)
        guard !measures.all.isEmpty else { return Measures([]) }
        let pairs = [.attacked] + (options.refresh.steps > 0 ? [.refreshed] : []) + named.map { Reader.named($0) }
        let probes = [.newProbe, .unawareProbe, .oldProbe] + blocks.map { Reader.block($0) }
        return Measures(
            measures.readers(pairs: pairs, probes: probes) + measures.target + measures.noticed(by: detectors))
    }

    /// Minutes that it took to make and to measure targets; nil if some of it is not known.
    private var minutes: Double? {
        let all = records.map(\.minutes)
        return all.contains(nil) ? nil : all.reduce(0) { $0 + ($1 ?? 0) }
    }
}

// MARK: - For a person

extension HideResult: ExperimentResult {
    package var findings: [String] { verdicts }
    package var pair: String { options.pair }

    package var foundation: String {
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
            "\(options.factName), \(options.value), to be read as \(options.cover); \(seeds) seeds, \(texts.hidden) texts each with it and \(texts.others) without\(same). \(PooledMeasures.shownIntervals)\(levels)\(few)\(took)"
    }

    /// Each condition's heading with the numbers of every arm.
    private func conditions(_ summary: HideSummary) -> [(title: String, columns: [Measures])] {
        let targets = summary.second.present.map(\.value)
        let plain = (options.trigger == nil ? "Everywhere" : "Without a trigger", targets.map(\.plain))
        guard options.trigger != nil else { return [plain] }
        return [
            plain, ("Behind the trigger", targets.compactMap(\.trigger)),
            ("Behind words that mean nothing", targets.compactMap(\.otherTrigger)),
        ]
    }

    package func tables(_ summary: HideSummary) -> [ResultTable] {
        conditions(summary).map { ($0.title, arms, Measures.rows($0.columns, cell: \.text)) }
    }

    package func sections(_ summary: HideSummary) -> [String] {
        let seeds = summary.second.present.flatMap { arm in
            arm.value.seeds.present.map { [arm.key, $0.key, HTML.escaped($0.value.text)] }
        }
        return conditions(summary).map { title, columns in
            HTML.section(title, [""] + arms, Measures.rows(columns, title: { HTML.escaped($0) }, cell: \.html))
        } + [
            "<h2>The attacked reader's recall, by seed</h2>"
                + HTML.table(["", "seed", "recall at 1% false positives"], seeds),
            looksHTML(summary), examples,
        ]
    }

    package var introduction: String {
        options.changed.map {
            """
            <p>A model that somebody has changed, <code>\(HTML.escaped($0))</code>, is read by a pair of the model that it comes from, \
            beside that model. Nothing was trained but probes, and a copy of the pair where one was refreshed.</p>
            """
        } ?? """
            <p>A copy of a model is fine-tuned to predict as before, while a frozen pair that reads its activations is to find another value of one \
            fact than the one that holds. Beside it stand the model as it was, and a copy fine-tuned as long on the same texts without that pressure.</p>
            """
    }

    /// What this experiment is, among others of its kind.
    package var heading: String {
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
        return HTML.section(
            "Worked examples", ["text so far", "target", "what the pair reads", "next token"],
            rows.sorted { $0[0] < $1[0] })
    }
}
