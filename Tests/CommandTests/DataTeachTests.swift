import Dispatch
import Foundation
import JSON
import ScriptedServer
import Synchronization
import TestSupport
import Testing

@Suite("data teach")
struct DataTeachTests {
    /// Runs the command away from the threads on which the server answers.
    private func run(_ arguments: [String], key: String = "k") async throws -> Command.Outcome {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    with: Result {
                        try Command.run(["data", "teach"] + arguments, environment: ["ANTHROPIC_API_KEY": key])
                    })
            }
        }
    }

    private func withFolder(_ body: (URL) async throws -> Void) async throws {
        let scratch = try Scratch()
        defer { withExtendedLifetime(scratch) {} }
        try await body(scratch.url)
    }

    private func write(_ lines: [JSONValue], to file: URL) throws -> String {
        try Data(lines.map { $0.serialized() + "\n" }.joined().utf8).write(to: file)
        return file.path
    }

    private func texts(_ count: Int, in folder: URL) throws -> String {
        try write(
            (0..<count).map { ["id": .string("t\($0)"), "text": .string("Once upon a time \($0)")] },
            to: folder.appending(path: "texts.jsonl"))
    }

    @Test("Explanations come from a file, and missing ones are counted")
    func fromFile() async throws {
        try await withFolder { folder in
            let from = try write(
                [["id": "t2", "explanation": "Two."], ["id": "t0", "explanation": "Zero."]],
                to: folder.appending(path: "from.jsonl"))
            let output = folder.appending(path: "out.jsonl")
            let outcome = try await run(
                ["--texts", try texts(3, in: folder), "--from", from, "--output", output.path, "--json", "--quiet"])
            #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
            let report = try outcome.json()
            #expect(report["requested"] == 3 && report["answered"] == 2)
            #expect(report["skipped"] == ["not in the file": 1])
            #expect(
                try String(contentsOf: output, encoding: .utf8)
                    == "{\"id\": \"t0\", \"explanation\": \"Zero.\"}\n{\"id\": \"t2\", \"explanation\": \"Two.\"}\n")
        }
    }

    @Test("A model is asked with our question, and a second run asks nothing")
    func fromModel() async throws {
        try await withFolder { folder in
            try await ScriptedServer.run({ request in
                request.number == 1 ? .error(500) : .message("<explanation>A tale.</explanation>")
            }) { server in
                let arguments = [
                    "--texts", try texts(5, in: folder), "--api", "anthropic", "--teacher-model", "parrot",
                    "--base-url", server.address, "--output", folder.appending(path: "out.jsonl").path, "--json",
                    "--concurrency", "2",
                ]
                let first = try await run(arguments)
                #expect(first.status == 0, "\(first.errors)")
                #expect(try first.json()["answered"] == 5 && server.requests.count == 6)
                #expect(server.requests[0].question.contains("\nOnce upon a time "))
                #expect(server.requests[0].header("x-api-key") == "k")
                let second = try await run(arguments)
                #expect(try second.json()["reused"] == 5 && server.requests.count == 6)
            }
        }
    }

    @Test("A refused key is one line that names the variable and hides the key")
    func refusedKey() async throws {
        try await withFolder { folder in
            try await ScriptedServer.run({ _ in .error(401, "bad key tell-nobody") }) { server in
                let output = folder.appending(path: "out.jsonl")
                let outcome = try await run(
                    [
                        "--texts", try texts(5, in: folder), "--api", "anthropic", "--teacher-model", "parrot",
                        "--base-url", server.address, "--output", output.path,
                    ], key: "tell-nobody")
                #expect(outcome.status == 1 && outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
                #expect(outcome.errors.contains("ANTHROPIC_API_KEY") && !outcome.errors.contains("tell-nobody"))
                #expect(!FileManager.default.fileExists(atPath: output.path))
            }
        }
    }

    @Test("An interrupt ends the run with a line, and the next run goes on from there")
    func interrupt() async throws {
        try await withFolder { folder in
            let texts = try texts(6, in: folder)
            let output = folder.appending(path: "out.jsonl")
            let isHelpful = Flag()
            try await ScriptedServer.run({ request in
                isHelpful.isSet || request.number < 3 ? .message("<explanation>A tale.</explanation>") : .silence
            }) { server in
                // A suite under load may look again only after two minutes; the silent question must not be asked again by then.
                let arguments = [
                    "--texts", texts, "--api", "anthropic", "--teacher-model", "parrot", "--base-url", server.address,
                    "--output", output.path, "--json", "--concurrency", "1", "--timeout", "3600",
                ]
                let process = Process()
                process.executableURL = try Command.executable()
                process.arguments = ["data", "teach"] + arguments
                process.environment = ["ANTHROPIC_API_KEY": "k"]
                let errors = Pipe()
                process.standardError = errors
                try process.run()
                while server.requests.count < 4 { try await Task.sleep(for: .milliseconds(5)) }
                process.interrupt()
                while process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
                let text = String(decoding: errors.fileHandleForReading.availableData, as: UTF8.self)
                #expect(process.terminationStatus == 1 && process.terminationReason == .exit)
                #expect(text.contains("stopped") && text.contains("out.jsonl.journal"), "\(text)")
                isHelpful.set()
                let next = try await run(arguments)
                #expect(try next.json()["reused"] == 3, "\(next.output) \(next.errors)")
                #expect(server.requests.count == 7)
            }
        }
    }

    @Test("Bad input is one line that says where")
    func badInput() throws {
        try withScratch { folder in
            let texts = try texts(2, in: folder)
            let broken = folder.appending(path: "broken.jsonl")
            try Data("{\"id\": \"a\", \"explanation\": \"x\"}\n{oops\n".utf8).write(to: broken)
            let output = ["--output", folder.appending(path: "out.jsonl").path]
            let teach = ["data", "teach", "--texts"]
            let api = ["--api", "openai", "--teacher-model", "m"]
            try Command.fail(teach + [texts, "--from", broken.path] + output, mentioning: ["broken.jsonl: line 2"])
            try Command.fail(teach + [broken.path, "--from", texts] + output, mentioning: ["line 1", "\"text\""])
            try Command.fail(teach + ["nowhere.jsonl", "--from", texts] + output, mentioning: ["nowhere.jsonl"])
            try Command.fail(
                teach + [texts] + api + output, mentioning: ["OPENAI_API_KEY"], environment: ["OPENAI_API_KEY": ""])
            try Command.fail(teach + [texts, "--base-url", "localhost"] + api + output, mentioning: ["localhost"])
            try Command.fail(
                teach + [texts, "--base-url", "http://localhost:1", "--prompt", texts] + api + output,
                mentioning: ["{text}"])
            try Command.fail(teach + [texts, "--from", texts, "--output", texts], mentioning: ["--output"])
            try Data("{\"id\": \"other\", \"explanation\": \"x\"}\n".utf8).write(to: broken)
            try Command.fail(teach + [texts, "--from", broken.path] + output, mentioning: ["2 × not in the file"])
        }
    }

    @Test(
        "Options that do not go together are wrong usage",
        arguments: [
            [], ["--from", "f", "--api", "openai", "--teacher-model", "m"], ["--api", "openai"],
            ["--from", "f", "--base-url", "http://a"], ["--api", "smoke-signals", "--teacher-model", "m"],
            ["--from", "f", "--concurrency", "0"],
        ])
    func usage(_ options: [String]) throws {
        let outcome = try Command.run(["data", "teach", "--texts", "t", "--output", "o"] + options)
        #expect(outcome.status == 64, "\(outcome.errors)")
    }
}

private final class Flag: Sendable {
    private let value = Mutex(false)
    var isSet: Bool { value.withLock { $0 } }
    func set() { value.withLock { $0 = true } }
}
