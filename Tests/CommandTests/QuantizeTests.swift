import Foundation
import JSON
import TestSupport
import Testing

@Suite("nla quantize, loss and compare-targets")
struct QuantizeTests {
    private let target = goldens.appending(path: "pairs/qwen2/target").path

    private func text(in folder: URL, _ name: String = "text.txt") throws -> String {
        let file = folder.appending(path: name)
        let lines = (0..<30).map { "The dog found a key in the mill, \($0) times. She sang to the river." }
        try Data(lines.joined(separator: "\n").utf8).write(to: file)
        return file.path
    }

    @Test("A quantized folder opens, with a table of its tensors, a report, and the loss before and after")
    func quantize() throws {
        try withScratch { scratch in
            let output = scratch.appending(path: "q").path, report = scratch.appending(path: "report.json")
            let text = try text(in: scratch)
            let outcome = try Command.run([
                "quantize", "--model", target, "--bits", "8", "--group", "32", "--keep", "v_proj", "--text", text,
                "--window", "64", "--calibrate", text, "--report", report.path, "--output", output,
            ])
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.output.hasPrefix("tensor"))
            #expect(outcome.output.contains("layers.0.self_attn.q_proj.weight") && outcome.output.contains("8*"))
            #expect(outcome.output.contains("nats per token"))
            let json = try JSONValue.parse(Data(contentsOf: report))
            #expect(json["storage"]?.string == "mlx 8-bit group 32" && json["storage_before"]?.string == "bf16")
            let tensors = try #require(json["tensors"]?.array)
            func row(_ name: String) -> JSONValue? { tensors.first { $0["name"]?.string == name } }
            #expect(row("layers.0.self_attn.q_proj.weight")?["bits"]?.int == 8)
            #expect(row("layers.0.self_attn.q_proj.weight")?["calibrated"]?.bool == true)
            #expect(row("layers.0.self_attn.v_proj.weight")?["bits"] == .null)
            #expect(row("embed_tokens.weight")?["calibrated"]?.bool == false)
            let losses = [json["loss"]?["before"]?["loss"]?.double, json["loss"]?["after"]?["loss"]?.double]
            let (before, after) = (try #require(losses[0]), try #require(losses[1]))
            #expect(abs(before - after) < 0.05 && before != after)

            let loss = try Command.run(["loss", "--model", output, "--text", text, "--window", "64", "--json"]).json()
            #expect(loss["loss"]?.double == after)
            let counted = try #require(loss["counted"]?.int), tokens = try #require(loss["tokens"]?.int)
            #expect(counted == tokens - (loss["windows"]?.int ?? 0))
            let plain = try Command.run([
                "loss", "--model", target, "--text", text, "--window", "64", "--overlap", "32",
            ])
            #expect(plain.status == 0 && plain.output.hasPrefix("loss ") && plain.output.contains("perplexity"))

            let compared = try Command.run([
                "compare-targets", "--model", target, "--against", output, "--layer", "2", "--text", text, "--json",
            ]).json()
            #expect(compared["against"]?["storage"]?.string == "mlx 8-bit group 32")
            let all = try #require(compared["rows"]?.array?.first)
            #expect(try #require(all["fve"]?.double) > 0.99 && all["fve_raw"]?.double != nil)
            #expect(try #require(all["cosine_quantiles"]?["p01"]?.double) > 0.98)
            #expect(try #require(all["kl"]?.double) < 0.05)
            let table = try Command.run([
                "compare-targets", "--model", target, "--against", output, "--text", text, "--tokens", "100",
            ])
            #expect(table.output.contains("all but the first") && table.output.contains("mlx 8-bit group 32"))
        }
    }

    @Test("A pair takes a quantized copy of its target, and explain says so in one line")
    func explained() throws {
        try withScratch { scratch in
            let copy = scratch.appending(path: "q").path, tiny = bundledPair.path
            let made = try Command.run([
                "quantize", "--model", bundledPair.appending(path: "target").path, "--bits", "8", "--output", copy,
            ])
            #expect(made.status == 0, "\(made.errors)")
            let arguments = ["explain", "--nla", tiny, "--text", "Rosa took a saddle.", "--positions", "-1", "--quiet"]
            let own = try Command.run(arguments)
            #expect(own.status == 0 && !own.output.contains("note:"), "\(own.errors)")
            let other = try Command.run(arguments + ["--target", copy, "--no-confidence"])
            #expect(other.status == 0, "\(other.errors)")
            let notes = other.output.split(separator: "\n").filter { $0.hasPrefix("note:") }
            #expect(notes.count == 1 && notes[0].contains("is stored as mlx 8-bit group 64"))
            let json = try Command.run(arguments + ["--target", copy, "--no-confidence", "--json"]).json()
            #expect(json["storage_note"]?.string.map { $0 == String(notes[0]) } == true)
        }
    }

    @Test("Wrong usage is refused before anything is written")
    func refused() throws {
        try withScratch { scratch in
            let output = scratch.appending(path: "q").path
            for arguments in [
                ["--bits", "7"], ["--group", "48"], ["--window", "1"], ["--overlap", "2000"],
                ["--calibrate-tokens", "10"],
            ] {
                let outcome = try Command.run(["quantize", "--model", target, "--output", output] + arguments)
                #expect(outcome.status == 64, "\(arguments)")
            }
            let outcome = try Command.run([
                "quantize", "--model", target, "--output", output, "--group", "32", "--keep", "nothing_proj",
            ])
            #expect(outcome.status == 1 && outcome.errors.contains("--keep nothing_proj"))
            #expect(!FileManager.default.fileExists(atPath: output))
        }
    }
}
