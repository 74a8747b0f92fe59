import Evaluation
import Foundation
import JSON
import Reports
import Runs
import Tensors

/// A run on one page: what it reached, how it got there, what it warned of, and its explanations beside their first versions.
///
/// The page is a function of the folder's files, so it can be made anew at any time, also while the run goes on.
public struct RunReport {
    private let history: RunHistory
    private let warnings: [JointWatch.Warning]

    /// The name of the page in a run's folder.
    public static let fileName = RunFolder.reportName

    /// Reads a run folder. Throws a `TrainingError` if it is none.
    public init(_ folder: URL) throws {
        history = try RunHistory(folder)
        warnings = try history.warnings()
    }

    /// Writes the page. Throws a one-line error.
    public func write(to file: URL) throws { try AtomicFile.write(html, to: file) }

    /// The page.
    public var html: String {
        let name = history.folder.standardizedFileURL.lastPathComponent
        return HTML.page(
            "nla train \(history.stage): \(name)",
            [summary, warningList, charts, comparison, options].joined(separator: "\n"))
    }

    // MARK: What it reached

    private var summary: String {
        let last = history.steps.last?.step ?? 0
        let seconds = history.curve("seconds").reduce(0) { $0 + $1.value }
        let state = history.isFinished ? "finished" : "not finished"
        let head =
            "<p class=\"soft\">\(last) steps in \(TrainingProgress.clock(seconds)), evaluations not counted; \(state). "
            + "<code>nla report</code> makes this page anew from the run's folder.</p>\n"
        let evaluations = history.evaluations
        guard let first = evaluations.first, let end = evaluations.last else { return head }
        // What was there before the first step is never kept.
        let best = evaluations.filter { $0.step > 0 }.max { score($0) < score($1) } ?? end
        let columns = [first, best, end]
        let names = RunReport.heldOut.filter { title in columns.contains { $0.metrics[title.name] != nil } }
        let rows = names.map { name, title in
            [HTML.escaped(title)] + columns.map { $0.metrics[name].map(HTML.number) ?? "–" }
        }
        return head + "<h2>Held out</h2>\n<div class=\"scroll\">"
            + HTML.table(
                ["", "step \(first.step)", "best, step \(best.step)", "last, step \(end.step)"], rows) + "</div>"
    }

    private func score(_ step: RunHistory.Step) -> Double {
        step.metrics["held_out_loss"].map { -$0 } ?? step.metrics["fve"] ?? -.infinity
    }

    /// What evaluations measure, with what the page calls it.
    private static let heldOut: [(name: String, title: String)] =
        ExplanationJudge.Reading.allCases.map { ($0.metric, "FVE of \($0.title)") } + [
            ("precision", "claims that are true"), ("recall_stated", "stated facts said"),
            ("recall_latent", "latent facts said"),
            ("recall_deciding_stated", "stated facts said, about to matter"),
            ("recall_deciding_latent", "latent facts said, about to matter"),
            ("held_out_extraction_rate", "explanations complete"), ("held_out_tokens", "tokens of an explanation"),
            ("held_out_loss", "loss"), ("held_out_mse", "mse"),
        ]

    private var warningList: String {
        guard history.stage == JointOptions.stage else { return "" }
        guard !warnings.isEmpty else { return "<h2>Warnings</h2>\n<p class=\"soft\">None.</p>" }
        let items = warnings.map {
            "<li><b class=\"wrong\">\(HTML.escaped($0.failure.rawValue))</b>, step \($0.step): \(HTML.escaped($0.message))</li>"
        }
        return "<h2>Warnings</h2>\n<ul class=\"warnings\">\n\(items.joined(separator: "\n"))\n</ul>"
    }

    // MARK: How it got there

    /// Curves that belong in one picture.
    private static let pictures: [(title: String, names: [String])] = [
        ("Variance explained, held out", ExplanationJudge.Reading.allCases.map(\.metric)),
        (
            "Truth of claims, held out",
            ["precision", "recall_stated", "recall_latent", "recall_deciding_stated", "recall_deciding_latent"]
        ),
        ("Reward", ["reward"]), ("Error of reconstructions", ["mse", "ar_loss"]),
        ("Loss", ["loss", "held_out_loss"]), ("KL to the warm start, nats per token", ["kl"]),
        ("Entropy, nats per token", ["entropy"]),
        ("Length, tokens", ["completion_tokens", "held_out_tokens"]),
        (
            "Shares of explanations",
            ["extraction_rate", "held_out_extraction_rate", "truncated_share", "marker_script_share", "distinct_share"]
        ),
        ("Shares of word sequences and tokens", ["repetition", "clip_share"]),
        ("Spread of rewards in a group", ["reward_deviation"]),
        ("Gradient norms", ["gradient_norm", "av_gradient_norm", "ar_gradient_norm"]),
        ("Learning rates", ["learning_rate", "av_learning_rate", "ar_learning_rate"]),
        ("Tokens per second", ["tokens_per_second"]),
        (
            "Seconds of a step",
            [
                "seconds", "sampling_seconds", "reward_seconds", "reference_seconds", "av_seconds", "ar_seconds",
            ]
        ),
    ]

    private var charts: String {
        var left = history.names.filter { name in !RunReport.pictures.contains { $0.names.contains(name) } }
        left.removeAll { ["tokens", "rows"].contains($0) }
        let all = RunReport.pictures + left.map { ($0.replacing("_", with: " "), [$0]) }
        let evaluated = Set(history.evaluations.map(\.step))
        let figures = all.compactMap { title, names -> String? in
            let curves = names.map { name in
                let points = history.curve(name)
                return LineChart.Curve(
                    name: name.replacing("_", with: " "), points: points,
                    isNoisy: points.contains { !evaluated.contains($0.step) })
            }
            return LineChart(title, curves)?.html
        }
        return "<h2>Curves</h2>\n<div class=\"charts\">\n\(figures.joined())</div>"
    }

    // MARK: What it says

    private var comparison: String {
        guard let last = history.samples.last?.step else { return "" }
        var first: [String: RunHistory.Sample] = [:]
        for sample in history.samples where first[sample.id] == nil { first[sample.id] = sample }
        let start = history.samples.first?.step ?? last, isFirst = start == last
        let rows = history.samples.filter { $0.step == last }.map { sample -> [String] in
            let begin = first[sample.id].flatMap { $0.step < last ? $0 : nil }
            return [HTML.escaped((sample.json["text"]?.string ?? "").suffix(160))]
                + (isFirst ? [] : [begin.map(cell) ?? "–"]) + [cell(sample)]
        }
        let heads = (isFirst ? [last] : [start, last]).map { "step \($0)" }
        return "<h2>Explanations</h2>\n<p class=\"soft\">Of held-out rows; each text up to the position that is read. "
            + "✗ marks a claim that is false.</p>\n<div class=\"scroll\">"
            + HTML.table(["text so far"] + heads, rows) + "</div>"
    }

    private func cell(_ sample: RunHistory.Sample) -> String {
        let text = HTML.escaped(sample.json["explanation"]?.string ?? "")
        let wrong = (sample.json["claims"]?.array ?? []).filter { $0["true"]?.bool == false }
            .compactMap { $0["text"]?.string }
        let marks =
            wrong.isEmpty ? "" : "<br><span class=\"wrong\">✗ \(HTML.escaped(wrong.joined(separator: " ✗ ")))</span>"
        let open = sample.json["complete"]?.bool == false ? " <span class=\"wrong\">(cut off)</span>" : ""
        let error = sample.json["mse"]?.double.map { "<br><span class=\"soft\">mse \(HTML.number($0))</span>" } ?? ""
        return text + open + marks + error
    }

    private var options: String {
        "<h2>Options</h2>\n<details><summary>run.yaml</summary><pre>\(HTML.escaped(history.runFile))</pre></details>"
    }
}
