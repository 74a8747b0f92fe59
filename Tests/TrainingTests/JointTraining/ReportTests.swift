import Foundation
import JointTraining
import Reports
import Runs
import TestSupport
import Testing

@Suite("Reports")
struct ReportTests {
    /// A folder as a joint run leaves it, with a run file, 60 steps whose explanations grow, two evaluations, and a torn last line.
    private func writeRun(_ folder: URL) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var options = JointOptions()
        options.pair = "a <pair>"
        options.store = "store"
        try Data(options.runFile().utf8).write(to: folder.appending(path: "run.yaml"))
        var lines = [#"{"step": 0, "fve": 0.5, "fve_empty": -0.4, "precision": 0.9}"#]
        for step in 1...60 {
            let evaluation = step == 60 ? #", "fve": 0.61, "fve_empty": -0.2, "precision": 0.8"# : ""
            let length = step < 30 ? 20 : 40
            lines.append(
                #"{"step": \#(step), "reward": \#(-1 + Double(step) / 100), "completion_tokens": \#(length), "seconds": 2, "odd_one": 7\#(evaluation)}"#
            )
        }
        try Data((lines.joined(separator: "\n") + "\n{\"step\": 61, \"rew").utf8).write(
            to: folder.appending(path: "metrics.jsonl"))
        let samples = [(0, "It is a <b>dog</b>."), (60, "It is a cat.")].map { step, text in
            #"{"step": \#(step), "id": "d1", "text": "Once a", "explanation": "\#(text)", "complete": true, "mse": 0.4, "claims": [{"text": "a lie", "true": false}]}"#
        }
        try Data((samples.joined(separator: "\n") + "\n").utf8).write(to: folder.appending(path: "samples.jsonl"))
    }

    @Test("A page holds the evaluations, the curves, the warnings and explanations beside their first versions")
    func page() throws {
        try withScratch { scratch in
            let folder = scratch.appending(path: "run")
            try writeRun(folder)
            let html = try RunReport(folder).html
            for part in [
                "step 0", "best, step 60", "0.610", "length creep", "raise length_penalty", "falling precision",
                "Variance explained, held out", "odd one", "<polyline", "It is a cat.", "✗ a lie", "2:00",
            ] { #expect(html.contains(part), "\(part)") }
            // Texts are data, never markup; and the page needs nothing from elsewhere.
            #expect(html.contains("It is a &lt;b&gt;dog&lt;/b&gt;.") && html.contains("a &lt;pair&gt;"))
            #expect(!html.contains("<script") && !html.contains("http"))
            #expect(!html.contains("nan") && !html.contains("inf,"))
        }
    }

    @Test("The page is the same however often it is made, and can be made of a run without a step")
    func repeatable() throws {
        try withScratch { scratch in
            let folder = scratch.appending(path: "run"), file = scratch.appending(path: "page.html")
            try writeRun(folder)
            try RunReport(folder).write(to: file)
            #expect(try Data(contentsOf: file) == Data(RunReport(folder).html.utf8))
            for name in ["metrics.jsonl", "samples.jsonl"] {
                try FileManager.default.removeItem(at: folder.appending(path: name))
            }
            #expect(try RunReport(folder).html.contains("0 steps"))
        }
    }

    @Test("A folder that holds no run is refused")
    func noRun() throws {
        try withScratch { scratch in
            let error = #expect(throws: TrainingError.self) { try RunReport(scratch) }
            #expect(error?.description.contains("run.yaml: not there") == true)
            // A recipe is no run of its own.
            try Data("stage: pair\n".utf8).write(to: scratch.appending(path: "run.yaml"))
            let other = #expect(throws: TrainingError.self) { try RunReport(scratch) }
            #expect(other?.description.contains("target, ar or av") == true)
        }
    }

    @Test(
        "An axis has a few round numbers, covers its values, and survives values that are all the same",
        arguments: [(0.0, 1.0), (0.61, 0.613), (-250.0, 3.0), (2.0, 2.0), (0.0, 0.0), (1e-5, 3e-5)])
    func axis(low: Double, high: Double) {
        let scale = LineChart.Scale(low, high, tight: false)
        #expect(scale.low <= low && scale.high >= high && scale.high > scale.low)
        #expect((2...8).contains(scale.ticks.count), "\(scale.ticks)")
        let labels = scale.ticks.map(scale.label)
        #expect(Set(labels).count == labels.count, "\(labels)")
    }

    @Test("Long curves are thinned to what the picture can show, and a single evaluation is a point")
    func thinning() throws {
        let points = (1...5000).map { (step: $0, value: sin(Double($0) / 300)) }
        let chart = try #require(LineChart("a", [.init(name: "b", points: points), .init(name: "none", points: [])]))
        let html = chart.html
        #expect(html.utf8.count < 20_000 && html.components(separatedBy: "<polyline").count == 2)
        #expect(LineChart("a", []) == nil)
        let single = try #require(LineChart("a", [.init(name: "b", points: [(0, 0.5)])]))
        #expect(single.html.contains("<circle"))
    }
}
