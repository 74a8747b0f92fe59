import Foundation
import JointTraining
import TestSupport
import Testing

/// A run folder may hold anything; a page is made of it all the same.
@Suite("Run folders with anything in them")
struct HostileRunTests {
    @Test(
        "A report is made of any numbers",
        arguments: [
            #"{"step":1,"loss":1e308,"seconds":1e308}"#, #"{"step":1,"loss":-1e308,"seconds":-1e308}"#,
            #"{"step":1,"loss":5e-324}"#, #"{"step":1,"loss":NaN,"fve":Infinity,"seconds":-5}"#,
            #"{"step":9223372036854775807,"loss":0}"#,
            #"{"step":-9223372036854775808,"loss":-0.0,"rows":-9223372036854775808}"#,
            #"{"step":1e300,"loss":1}"#, #"{"step":"x"}"#, "[1]", "null", #"{"step":1,"loss":{"a":[]}}"#,
        ])
    func numbers(_ line: String) throws {
        let folder = try Scratch()
        try Data("stage: target\n".utf8).write(to: folder.path("run.yaml"))
        let lines = [#"{"step":0,"loss":0,"seconds":1,"fve":0.5}"#, line, line.replacing(":1", with: ":2")]
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: folder.path("metrics.jsonl"))
        let samples = [
            #"{"step":1,"id":3,"claims":7}"#, #"{"step":1,"id":"a","mse":1e308,"claims":[{"true":false}]}"#, line,
        ]
        try Data((samples.joined(separator: "\n") + "\n").utf8).write(to: folder.path("samples.jsonl"))
        let html = try RunReport(folder.url).html
        #expect(html.contains("</html>"))
        for word in ["\"inf", "\"nan", "-inf,", ",inf", "nan,", ",nan"] { #expect(!html.contains(word), "\(word)") }
    }

    @Test(
        "Whatever stage a run file names, or none, a report is made or refused in a line",
        arguments: [
            "stage: target\nsteps: 10\n", "stage: joint\n", "stage: joint\nsteps: 9223372036854775808\n", "stage: \n",
            "",
        ])
    func stages(_ text: String) throws {
        let folder = try Scratch()
        try Data(text.utf8).write(to: folder.path("run.yaml"))
        let metrics = [
            #"{"step":1,"loss":0.5,"seconds":2,"fve":0.5}"#, #"{"step":2,"loss":0.25,"entropy":1,"precision":0.5}"#,
        ]
        try Data((metrics.joined(separator: "\n") + "\n").utf8).write(to: folder.path("metrics.jsonl"))
        try Data(
            #"{"step":1,"id":"a","text":"t","explanation":"e","mse":0.5,"complete":true,"claims":[{"text":"c","true":false}]}"#
                .utf8
        ).write(to: folder.path("samples.jsonl"))
        var survival = Survival()
        survival.of(0) {
            let html = try RunReport(folder.url).html
            #expect(html.hasSuffix("</html>\n"))
        }
        #expect(survival.faults.isEmpty, "\(survival.faults)")
    }

    @Test("A line of very many numbers does not hold the report up")
    func manyNames() throws {
        let folder = try Scratch()
        try Data("stage: target\n".utf8).write(to: folder.path("run.yaml"))
        let names = (0..<20_000).map { "\"n\($0)\":\($0)" }.joined(separator: ",")
        try Data((0..<4).map { "{\"step\":\($0),\(names)}\n" }.joined().utf8).write(to: folder.path("metrics.jsonl"))
        #expect(try RunReport(folder.url).html.components(separatedBy: "<figure>").count < 400)
    }
}
