import Foundation
import JSON
import TestSupport
import Testing

@Suite("Command-line reference")
struct CommandLineReferenceTests {
    /// Written anew, in place of being compared, where INTERLINEAR_WRITE_CLI is set (`make cli-docs`).
    @Test("docs/cli.md is what the commands say")
    func pageIsCurrent() throws {
        // Some defaults depend on the processor; any can compute as this one.
        let help = try Command.succeed(["--experimental-dump-help"], environment: ["INTERLINEAR_ISA": "base"])
        let page = try CommandLineReference.page(help.json())
        let place = goldens.deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs/cli.md")
        if ProcessInfo.processInfo.environment["INTERLINEAR_WRITE_CLI"] != nil {
            return try page.write(to: place, atomically: true, encoding: .utf8)
        }
        let written = try String(contentsOf: place, encoding: .utf8)
        let pairs = zip(page.split(separator: "\n"), written.split(separator: "\n"))
        let difference = pairs.first { $0 != $1 }.map { "the commands say \($0), the page \($1)" } ?? "in length"
        #expect(page == written, "docs/cli.md is not what the commands say (\(difference)); make cli-docs writes it")
    }

    @Test("A command's options stand on the page with meaning and default, those of its run file too")
    func options() throws {
        let page = try CommandLineReference.page(
            JSONValue.parse(
                #"""
                {"command": {"commandName": "nla", "abstract": "Reads.", "subcommands": [{"commandName": "train", "subcommands": [
                  {"commandName": "rl", "abstract": "Trains.", "discussion":
                   "Long.\n\nOptions, each also a line of a run file (name: value, with underscores):\n  --steps\n      Steps <n>. (default: 7)",
                   "arguments": [{"kind": "option", "names": [{"kind": "long", "name": "run"}], "valueName": "a|b",
                    "abstract": "A file.", "isOptional": false}]}]}]}}
                """#))
        #expect(page.contains("| [`nla train rl`](#nla-train-rl) | Trains. |"))
        #expect(page.contains("| `--run <a\\|b>` | A file. | required |"))
        #expect(page.contains("| `--steps` | Steps \\<n>. | `7` |"))
    }
}
