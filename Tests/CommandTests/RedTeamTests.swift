import Foundation
import JSON
import TestSupport
import Testing

@Suite("nla redteam and nla train readable")
struct RedTeamCommandTests {
    private let pair = bundledPair.path

    @Test("What cannot be run is one line, before anything is computed or written")
    func refusals() throws {
        try withScratch { folder in
            let output = folder.appending(path: "run").path, nowhere = folder.appending(path: "nowhere").path
            let other = goldens.appending(path: "pairs/qwen2/target").path
            for command in ["vector", "hide", "race", "frontier"] {
                let start = ["redteam", command, "--output", output]
                try Command.fail(start + ["--pair", nowhere], mentioning: [nowhere])
                if command != "frontier" {
                    try Command.fail(start + ["--pair", pair, "--target", nowhere], mentioning: [nowhere])
                    try Command.fail(start + ["--pair", pair, "--target", other], mentioning: [other])
                }
                try Command.fail(start + ["--pair", pair, "--run", nowhere], mentioning: [nowhere])
            }
            for command in ["hide", "race"] {
                let start = ["redteam", command, "--output", output, "--pair", pair]
                try Command.fail(start + ["--data", nowhere], mentioning: [nowhere, "no such file"])
                try Command.fail(start + ["--kind", "couplet"], mentioning: ["kind", "the hero: motive is lying"])
                try Command.fail(start + ["--weight", "0"], mentioning: ["weight", "nothing can be hidden"])
            }
            let run = folder.appending(path: "train").path
            try Command.fail(["train", "readable", "--pair", nowhere, "--output", run], mentioning: [nowhere])
            try Command.fail(["redteam", "report", nowhere], mentioning: [nowhere, "no page"])
            #expect(!FileManager.default.fileExists(atPath: output))
        }
    }

    @Test("A target is pressed to hide a fact of the user's own texts, as nla world writes them")
    func ownTexts() throws {
        try withScratch { folder in
            let texts = folder.appending(path: "texts.jsonl"), output = folder.appending(path: "hide")
            let written = try Command.succeed(["world", "--kind", "story", "--count", "900", "--json"])
            try Data(written.output.utf8).write(to: texts)
            let options = [
                "--pair", pair, "--data", texts.path, "--seeds", "1", "--steps", "1", "--documents", "8",
                "--test-documents", "10", "--probe-documents", "40", "--language-documents", "10",
                "--refresh-steps", "0", "--read-neighbours", "false", "--read-all-tokens", "false",
            ]
            let json = try Command.succeed(["redteam", "hide", "--json", "--output", output.path] + options).json()
            #expect(json["original"]?["plain"]?["attacked"]?["count"] == 10)
            #expect(json["verdicts"]?.array?.count == 2)
            let page = folder.appending(path: "lab.html")
            try Command.succeed(["redteam", "report", output.path, "--output", page.path])
            #expect(try String(contentsOf: page, encoding: .utf8).contains("A target that hides"))
        }
    }
}
