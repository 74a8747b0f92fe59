import Foundation
import TestSupport
import Testing

@Suite("Usage")
struct UsageTests {
    @Test("The help names every command")
    func help() throws {
        let outcome = try Command.succeed(["--help"])
        for name in [
            "explain", "describe", "reconstruct", "score", "compare", "world", "data", "train", "eval", "tokenize",
            "extract",
            "generate", "check", "bench", "new",
        ] {
            #expect(outcome.output.contains(name))
        }
        #expect(outcome.errors.isEmpty)
    }

    @Test(
        "A command's help names its options and those that all commands share",
        arguments: [
            (
                "tokenize",
                ["--model", "--text", "--file", "--messages", "--no-generation-prompt", "--no-special-tokens"]
            ),
            (
                "extract",
                ["--model", "--ids", "--documents", "--layer", "--positions", "--logits", "--dtype", "--output"]
            ),
            ("generate", ["--max-tokens", "--temperature", "--top-k", "--top-p", "--stop", "--adapter"]),
            ("check", ["--model", "--reference", "--dtype"]),
            ("world", ["--kind", "--split", "--count", "--truth"]),
            ("bench", ["--config", "--dtype", "--samples", "--new-tokens"]),
        ])
    func commandHelp(name: String, options: [String]) throws {
        let outcome = try Command.succeed([name, "--help"])
        for option in options + ["--threads", "--seed", "--quiet", "--json"] {
            #expect(outcome.output.contains(option), "\(option)")
        }
    }

    @Test("The version is a number")
    func version() throws {
        #expect(try Command.succeed(["--version"]).output.contains(/^\d+\.\d+\.\d+\n$/))
    }

    @Test(
        "Wrong usage exits with 64 and says how to find out more",
        arguments: [
            ["dance"], ["tokenize"], ["tokenize", "--model", "m"],
            ["tokenize", "--model", "m", "--text", "a", "--file", "f"],
            ["tokenize", "--model", "m", "--text", "a", "--loud"],
            ["tokenize", "--model", "m", "--text", "a", "--no-generation-prompt"],
            ["tokenize", "--model", "m", "--text", "a", "--threads", "0"],
            ["tokenize", "--model", "m", "--text", "a", "--seed", "-1"],
            ["extract", "--model", "m", "--ids", "1"], ["extract", "--ids", "1", "--output", "o"],
            ["extract", "--model", "m", "--output", "o"],
            ["extract", "--model", "m", "--ids", "1", "--text", "a", "--output", "o"],
            ["extract", "--model", "m", "--ids", "1", "--dtype", "f8", "--output", "o"],
            ["generate", "--model", "m"], ["generate", "--model", "m", "--text", "a", "--max-tokens", "-1"],
            ["generate", "--model", "m", "--text", "a", "--temperature", "-1"],
            ["generate", "--model", "m", "--text", "a", "--temperature", "nan"],
            ["generate", "--model", "m", "--text", "a", "--top-k", "0"],
            ["generate", "--model", "m", "--text", "a", "--top-p", "1.5"],
            ["generate", "--model", "m", "--text", "a", "--top-p", "nan"],
            ["check", "--model", "m"], ["bench"], ["bench", "sing", "--config", "c"],
            ["bench", "--config", "c", "--samples", "0"],
        ])
    func wrongUsage(arguments: [String]) throws {
        let outcome = try Command.run(arguments)
        #expect(outcome.status == 64)
        #expect(outcome.signal == nil)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("Error: "))
        #expect(outcome.errors.contains("--help"))
    }

    @Test(
        "With --quiet nothing stands on standard error",
        arguments: ["tokenize", "extract", "generate", "check", "bench"])
    func quiet(name: String) throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder)
            let golden = Folders.model("llama")
            let arguments = [
                "tokenize": ["--model", model.path, "--text", "a"],
                "extract": ["--model", model.path, "--text", "a", "--output", folder.appending(path: "o").path],
                "generate": ["--model", model.path, "--text", "a", "--max-tokens", "2"],
                "check": ["--model", golden.path, "--reference", golden.appending(path: "expected.safetensors").path],
                "bench": ["decode1", "--config", golden.appending(path: "config.json").path],
            ]
            let outcome = try Command.succeed([name, "--quiet"] + (arguments[name] ?? []))
            #expect(outcome.errors.isEmpty)
            #expect(outcome.output.isEmpty == (name == "extract"))
        }
    }

    @Test(
        "A full device for standard output is an error and no crash",
        .enabled(if: Command.hasFullDevice, "this system has no /dev/full"))
    func fullDevice() throws {
        let full = URL(fileURLWithPath: "/dev/full")
        let model = Folders.model("llama")
        try Command.fail(
            [
                "check", "--model", model.path, "--reference", model.appending(path: "expected.safetensors").path,
                "--quiet",
            ], mentioning: ["standard output"], output: full)
    }
}
