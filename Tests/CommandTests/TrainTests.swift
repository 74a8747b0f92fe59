import Foundation
import JSON
import TestSupport
import Testing

@Suite("nla train target")
struct TrainTests {
    /// Calls `body` with the arguments of a tiny run, and its folder.
    private func withRun(steps: Int = 12, _ body: (_ arguments: [String], _ output: URL) throws -> Void) throws {
        try withScratch { folder in
            let tokenizer = folder.appending(path: "tokenizer"), output = folder.appending(path: "run")
            try FileManager.default.createDirectory(at: tokenizer, withIntermediateDirectories: false)
            try Folders.writeTokenizer(to: tokenizer)
            let corpus = folder.appending(path: "corpus.jsonl"), file = folder.appending(path: "run-file.yaml")
            let lines = (0..<40).map { #"{"text": "a line about the number \#($0) and not about \#($0 + 1)"}"# }
            try Folders.write(lines.joined(separator: "\n"), to: corpus)
            try Folders.write(
                """
                tokenizer: \(tokenizer.path)
                data: \(corpus.path)
                steps: \(steps)
                tokens_per_step: 200
                blocks: 2
                width: 16
                heads: 2
                mlp_width: 24
                precision: f32
                learning_rate: 1e-2
                evaluate_every: 1000
                """, to: file)
            try body(["train", "target", "--run", file.path, "--output", output.path], output)
        }
    }

    @Test("A run file becomes a model that the other commands read")
    func trains() throws {
        try withRun { arguments, output in
            let outcome = try Command.succeed(arguments + ["--steps", "5", "--json"])
            #expect(try #require(outcome.json()["loss"]?.double) > 0)
            #expect(outcome.errors.contains("step 5/5"))
            let model = output.appending(path: "model").path
            _ = try Command.succeed(["generate", "--model", model, "--text", "a", "--max-tokens", "3"])
            let runFile = try String(contentsOf: output.appending(path: "run.yaml"), encoding: .utf8)
            #expect(runFile.contains("steps: 5\n") && runFile.contains("blocks: 2\n"))
            let again = try Command.succeed(arguments + ["--steps", "5"])
            #expect(again.errors.contains("finished"))
        }
    }

    /// Starts the command and sends it a signal when its metrics have so many lines.
    private func stop(_ arguments: [String], _ output: URL, after lines: Int, with signal: Int32) throws -> Process {
        let process = Process()
        process.executableURL = try Command.executable()
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        let metrics = output.appending(path: "metrics.jsonl")
        while process.isRunning {
            let text = (try? String(contentsOf: metrics, encoding: .utf8)) ?? ""
            if text.split(separator: "\n").count >= lines { break }
            usleep(2000)
        }
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        return process
    }

    @Test("Ctrl-C and kill -9 cost time, not weights")
    func stopped() throws {
        try withRun(steps: 800) { arguments, output in
            let whole = output.deletingLastPathComponent().appending(path: "whole")
            var other = arguments
            other[other.count - 1] = whole.path
            _ = try Command.succeed(other + ["--quiet"])
            let interrupted = try stop(arguments, output, after: 20, with: SIGINT)
            #expect(interrupted.terminationReason == .exit && interrupted.terminationStatus == 130)
            let killed = try stop(arguments + ["--checkpoint-every", "10"], output, after: 90, with: SIGKILL)
            #expect(killed.terminationReason == .uncaughtSignal)
            let last = try Command.succeed(arguments)
            #expect(last.errors.contains("going on from step"))
            let weights = try [whole, output].map {
                try Data(contentsOf: $0.appending(path: "model/model.safetensors"))
            }
            #expect(weights[0] == weights[1])
            let metrics = try String(contentsOf: output.appending(path: "metrics.jsonl"), encoding: .utf8)
            #expect(metrics.split(separator: "\n").count == 800)
        }
    }

    @Test(
        "A full disk ends the run in one line, and the run goes on when there is room",
        .enabled(if: Command.hasFullDevice, "this system has no /dev/full"))
    func fullDisk() throws {
        try withRun(steps: 800) { arguments, output in
            try FileManager.default.createDirectory(at: output, withIntermediateDirectories: false)
            let metrics = output.appending(path: "metrics.jsonl")
            // Everything written to this device meets a full disk.
            _ = try stop(arguments, output, after: 2, with: SIGKILL)
            try FileManager.default.removeItem(at: metrics)
            try FileManager.default.createSymbolicLink(
                at: metrics, withDestinationURL: URL(fileURLWithPath: "/dev/full"))
            try Command.fail(arguments + ["--quiet"], mentioning: ["metrics.jsonl", "cannot write"])
            try FileManager.default.removeItem(at: metrics)
            _ = try Command.succeed(arguments)
        }
    }

    @Test("Wrong flags are wrong usage, wrong files are failures")
    func wrong() throws {
        try withRun { arguments, output in
            let unknown = try Command.run(arguments + ["--lerning-rate", "1"])
            #expect(unknown.status == 64 && unknown.errors.contains("did you mean --learning-rate?"))
            let bad = try Command.run(arguments + ["--steps", "many"])
            #expect(bad.status == 64 && bad.errors.contains("--steps"))
            try Command.fail(["train", "target", "--run", "/no/such/file"], mentioning: ["/no/such/file"])
            try Command.fail(arguments + ["--heads", "3"], mentioning: ["heads", "3", "16"])
            try Command.fail(arguments + ["--data", "/no/such/data"], mentioning: ["/no/such/data"])
        }
    }

    @Test("The help lists every option with its default")
    func help() throws {
        let outcome = try Command.succeed(["train", "target", "--help"])
        for text in ["--run", "--output", "--learning-rate", "--checkpoint-seconds", "(default: 0.002)"] {
            #expect(outcome.output.contains(text))
        }
    }
}
