import Foundation
import JSON
import TestSupport
import Testing

@Suite("nla eval")
struct EvalTests {
    @Test("Pairs stand in one table, in CSV or in JSON; one alone has its own page")
    func formats() throws {
        try withScratch { folder in
            let pair = goldens.appending(path: "pairs/qwen2").path, store = folder.appending(path: "store").path
            let documents = folder.appending(path: "d.jsonl")
            let lines = (0..<8).map { #"{"id": "d\#($0)", "text": "The dog found key \#($0) in the mill and ran."}"# }
            try Folders.write(lines.joined(separator: "\n"), to: documents)
            _ = try Command.succeed([
                "data", "store", "--model", pair + "/target", "--documents", documents.path, "--layer", "2",
                "--positions-per-document", "3", "--first-position", "1", "--split", "held-out", "--output", store,
            ])
            let one = ["eval", "--store", store, "--grammar", "plain", "--max-tokens", "6", "--nla", pair]
            let page = try Command.succeed(one).output
            #expect(page.hasPrefix("24 rows, ") && page.contains("95% intervals over documents: 1000 draws of the 8"))
            let two = one + ["--nla", "b=\(pair)", "--resamples", "50"]
            let outcome = try Command.succeed(two)
            #expect(outcome.output.contains("| measure | qwen2 | b |") && outcome.output.contains("More than qwen2:"))
            #expect(outcome.errors.contains("qwen2 …\nb …"))
            #expect(try Command.succeed(two + ["--csv"]).output.contains("\nb,kl,0.0,0.0,0.0,,,\n"))
            let json = try Command.succeed(two + ["--json", "--seed", "4"]).json()
            #expect(json["pairs"]?.array?.count == 2 && json["resamples"] == 50 && json["seed"] == 4)
            #expect(json["pairs"]?[1]?["measures"]?["fve"]?["difference"]?["value"]?.double == 0)
            #expect(try Command.succeed(one + ["--json"]).json()["measures"]?["tokens"]?["high"]?.double != nil)
            let html = folder.appending(path: "page.html")
            _ = try Command.succeed(two + ["--report", html.path])
            let drawn = try String(contentsOf: html, encoding: .utf8)
            #expect(drawn.contains("FVE of the explanation") && drawn.contains("<svg") && !drawn.contains("http"))

            try Command.fail(one + ["--nla", folder.path], mentioning: [folder.path, "no folder av"])
            #expect(try Command.run(two + ["--csv", "--json"]).status == 64)
            #expect(try Command.run(["eval", "--store", store]).status == 64)
        }
    }
}
