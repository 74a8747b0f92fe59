import Foundation
import JSON
import TestSupport
import Testing

@Suite("nla train rl")
struct TrainRLTests {
    /// Calls `body` with the arguments of a tiny run on the pair of the goldens, and its folder.
    private func withRun(_ body: (_ arguments: [String], _ output: URL) throws -> Void) throws {
        try withScratch { folder in
            let pair = goldens.appending(path: "pairs/qwen2"), store = folder.appending(path: "store")
            let documents = folder.appending(path: "texts.jsonl"), output = folder.appending(path: "run")
            let lines = (0..<30).map {
                #"{"text": "The dog found \#($0) keys in the mill and sang.", "id": "d\#($0)"}"#
            }
            try Folders.write(lines.joined(separator: "\n"), to: documents)
            _ = try Command.succeed([
                "data", "store", "--model", pair.appending(path: "target").path, "--documents", documents.path,
                "--layer", "2",
                "--first-position", "1", "--positions-per-document", "3", "--splits", "rl=0.7,validation=0.3",
                "--output",
                store.path,
            ])
            let file = folder.appending(path: "run-file.yaml")
            try Folders.write(
                """
                pair: \(pair.path)
                store: \(store.path)
                grammar: plain
                steps: 6
                rows_per_step: 4
                num_generations: 3
                max_completion_length: 24
                evaluate_every: 3
                evaluation_rows: 8
                sample_rows: 2
                precision: f32
                """, to: file)
            try body(["train", "rl", "--run", file.path, "--output", output.path], output)
        }
    }

    @Test("A run file becomes a pair that the other commands read; flags override it")
    func trains() throws {
        try withRun { arguments, output in
            let outcome = try Command.succeed(arguments + ["--steps", "3", "--beta", "0.1", "--json"])
            #expect(try outcome.json()["fve"]?.double != nil)
            #expect(outcome.errors.contains("step 3/3") && outcome.errors.contains("reward"))
            let runFile = try String(contentsOf: output.appending(path: "run.yaml"), encoding: .utf8)
            #expect(runFile.contains("beta: 0.1\n") && runFile.contains("num_generations: 3\n"))
            let explained = try Command.succeed([
                "explain", "--nla", output.appending(path: "model").path, "--text", "The dog", "--json",
            ])
            #expect(try explained.json()["results"]?.array?.count == 2)
            #expect(try Command.succeed(arguments + ["--steps", "3", "--beta", "0.1"]).errors.contains("finished"))
            let page = output.appending(path: "report.html"), first = try Data(contentsOf: page)
            try FileManager.default.removeItem(at: page)
            #expect(try Command.succeed(["report", output.path]).output == page.path + "\n")
            #expect(try Data(contentsOf: page) == first)
            try Command.fail(["report", output.appending(path: "model").path], mentioning: ["run.yaml: not there"])
        }
    }

    @Test("Wrong options are refused before anything is computed, with the nearest name")
    func wrong() throws {
        try withRun { arguments, output in
            let unknown = try Command.run(arguments + ["--num-generation", "4"])
            #expect(unknown.status == 64 && unknown.errors.contains("did you mean --num-generations?"))
            try Command.fail(arguments + ["--num-generations", "1"], mentioning: ["num_generations", "use 2 or more"])
            try Command.fail(arguments + ["--split", "nobody"], mentioning: ["nobody", "rl, validation"])
            try Command.fail(
                arguments + ["--max-completion-length", "2"],
                mentioning: ["max_completion_length", "shortest explanation"])
        }
    }
}
