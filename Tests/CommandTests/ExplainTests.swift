import Foundation
import JSON
import Tensors
import TestSupport
import Testing

@Suite("nla explain, describe, reconstruct, score and compare")
struct ExplainTests {
    private let pair = goldens.appending(path: "pairs/qwen2")
    private var av: String { pair.appending(path: "av").path }
    private var ar: String { pair.appending(path: "ar").path }
    private var expected: String { pair.appending(path: "expected.safetensors").path }

    @Test("explain prints each token, its explanation under it, and how far to trust it")
    func page() throws {
        let outcome = try Command.succeed(["explain", "--nla", pair.path, "--text", "The dog found a key in the mill."])
        let lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let line = try #require(lines.firstIndex { $0.contains("⟦ key⟧") })
        #expect(lines[line].contains("The dog found a⟦ key⟧ in the mill.") && lines[line].contains("cos 1.00"))
        #expect(lines[line + 1].trimmingCharacters(in: .whitespaces) == "reads key after a")
        #expect(outcome.output.contains("mean cosine 0.99") && outcome.output.contains("these tokens alone"))
        #expect(!outcome.output.contains("\u{1B}"))
        #expect(outcome.errors.contains("no target hash") && outcome.errors.contains("9 of 9 tokens"))
    }

    @Test("explain --json carries a row per position, in the order asked for")
    func rows() throws {
        let json = try Command.succeed([
            "explain", "--nla", pair.path, "--text", "The dog found a key in the mill.", "--positions", "4,-1",
            "--json",
            "--dtype", "f32",
        ]).json()
        let rows = try #require(json["results"]?.array)
        #expect(rows.map { $0["position"]?.int } == [4, 8])
        #expect(rows.map { $0["token"]?.string } == [" key", "."])
        #expect(rows[0]["description"]?.string == "reads key after a")
        for key in ["token_id", "l2_norm", "mse", "cosine_similarity", "variance_explained"] {
            #expect(rows[0][key]?.double != nil, "\(key)")
        }
        #expect(json["layer"]?.int == 2 && json["variance"]?["recorded"]?.bool == false)
    }

    @Test("explain --samples keeps the best and says so; the same seed gives the same page")
    func samples() throws {
        func run(_ more: String...) throws -> Command.Outcome {
            try Command.succeed(
                [
                    "explain", "--nla", pair.path, "--text", "The dog", "--json", "--temperature", "1.5",
                    "--max-tokens", "24",
                ] + more)
        }
        let one = try run("--seed", "5"), best = try run("--seed", "5", "--samples", "8")
        let page = try Command.succeed([
            "explain", "--nla", pair.path, "--text", "The dog", "--samples", "8", "--max-tokens", "24", "--quiet",
        ])
        #expect(page.output.contains("each the best-scoring of 8 samples"))
        #expect(
            try Command.run(["explain", "--nla", pair.path, "--text", "a", "--samples", "2", "--temperature", "0"])
                .status
                == 64)
        #expect(try run("--seed", "5", "--samples", "8").output == best.output)
        let errors = try [one, best].map { try $0.json()["mean_mse"]?.double ?? 9 }
        #expect(errors[1] <= errors[0] + 1e-6)
        #expect(try best.json()["results"]?[0]?["samples"]?.int == 8)
    }

    @Test(
        "explain shows what another pair says beside, live or as it was recorded; a record of another text is refused")
    func beside() throws {
        try withScratch { folder in
            let record = folder.appending(path: "warm.json")
            let own = ["explain", "--nla", pair.path, "--text", "The dog found a key.", "--positions", "2,-1"]
            let json = try Command.succeed(own + ["--json"])
            try Folders.write(json.output, to: record)
            let live = try Command.succeed(own + ["--beside", pair.path, "--json"]).json()
            for row in try #require(live["results"]?.array) {
                #expect(row["beside"]?["description"] == row["description"] && row["beside"] != .null)
                #expect(row["beside"]?["cosine_similarity"] == row["cosine_similarity"])
            }
            let recorded = try Command.succeed(own + ["--beside", record.path, "--json"]).json()
            #expect(recorded == live)
            let page = try Command.succeed(own + ["--beside", "warm=\(record.path)", "--quiet"]).output
            #expect(page.components(separatedBy: "\n         warm: ").count == 3)
            let another = ["explain", "--nla", pair.path, "--text", "A cat lost the map.", "--beside"]
            try Command.fail(another + [record.path, "--quiet"], mentioning: [record.path, "another text"])
            try Command.fail(another + [folder.appending(path: "no").path, "--quiet"], mentioning: ["no such pair"])
        }
    }

    @Test("explain reads files and chats, takes a target from elsewhere, and shows split characters")
    func inputs() throws {
        try withScratch { folder in
            let file = folder.appending(path: "text.txt"), chat = folder.appending(path: "chat.json")
            try Folders.write("A 🙂\nnew line", to: file)
            try Folders.write("[{\"role\": \"user\", \"content\": \"the mill\"}]", to: chat)
            let target = pair.appending(path: "target").path
            for arguments in [
                ["--file", file.path], ["--messages", chat.path], ["--text", "a b c d", "--every", "2"],
            ] {
                let outcome = try Command.succeed(
                    ["explain", "--nla", pair.path, "--target", target, "--max-tokens", "8"] + arguments)
                #expect(!outcome.output.isEmpty && outcome.output.contains("mean cosine"))
            }
            let long = String(repeating: "the mill and the river ", count: 40)
            let json = try Command.succeed([
                "explain", "--nla", pair.path, "--text", long, "--json", "--max-tokens", "4",
            ]).json()
            #expect(json["results"]?.array.map { (17...32).contains($0.count) } == true)
        }
    }

    @Test("describe refuses activations of another block, by the sidecar beside them")
    func otherBlock() throws {
        try withScratch { folder in
            let file = folder.appending(path: "a.safetensors").path, target = pair.appending(path: "target").path
            func extract(_ layer: Int) throws {
                _ = try Command.succeed([
                    "extract", "--model", target, "--text", "the mill", "--layer", "\(layer)", "--output", file,
                ])
            }
            try extract(2)
            _ = try Command.succeed(["describe", "--av", av, "--vectors", file, "--max-tokens", "2"])
            try extract(1)
            try Command.fail(
                ["describe", "--av", av, "--vectors", file], mentioning: ["nla_meta.yaml", "block 1", "block 2"])
        }
    }

    @Test(
        "What a published pair's files leave open is refused naming the option, settled by it, and what is inferred is said"
    )
    func published() throws {
        try withScratch { folder in
            for half in ["av", "ar"] {
                let copy = folder.appending(path: half)
                try FileManager.default.copyItem(at: pair.appending(path: half), to: copy)
                let sidecar = copy.appending(path: "nla_meta.yaml")
                let text = try String(contentsOf: sidecar, encoding: .utf8)
                    .replacingOccurrences(of: "  layer_index: 2\n", with: "")
                    .replacingOccurrences(of: "  injection_scale: 6.0\n", with: "")
                    .replacingOccurrences(of: "  extraction_layer_index: 2", with: "  unknown: 2")
                    .replacingOccurrences(of: "  num_hidden_layers: 2", with: "  unknown: 2")
                try Folders.write(text, to: sidecar)
            }
            let halves = ["--av", folder.appending(path: "av").path, "--ar", folder.appending(path: "ar").path]
            let explain =
                ["explain"] + halves
                + [
                    "--target", pair.appending(path: "target").path, "--text", "The dog found a key", "--positions",
                    "4",
                ]
            try Command.fail(explain, mentioning: ["nla_meta.yaml", "injection_scale", "--injection-scale"])
            let settled = try Command.succeed(explain + ["--injection-scale", "6"])
            #expect(settled.output.contains("reads key after a"))
            #expect(settled.errors.contains("reconstructor: layer 2, from the 3 blocks of config.json"))
            #expect(settled.errors.contains("verbalizer: layer 2, from the reconstructor"))
            let describe = ["describe", "--av", folder.appending(path: "av").path, "--vectors", expectedActivations()]
            try Command.fail(describe + ["--injection-scale", "6"], mentioning: ["layer_index", "--layer"])
            _ = try Command.succeed(describe + ["--injection", "norm-matched@2", "--layer", "2", "--max-tokens", "2"])
            for wrong in [["--injection", "norm-matched@x"], ["--injection-scale", "long"], ["--layer=-1"]] {
                #expect(try Command.run(describe + wrong).status == 64)
            }
            #expect(try Command.run(explain + ["--nla", pair.path]).status == 64)
        }
    }

    @Test("pair check says what is wrong with a pair, and leaves with 1 if it does not work")
    func pairCheck() throws {
        let sound = try Command.succeed(["pair", "check", "--nla", pair.path, "--text", "The dog found a key"])
        #expect(sound.output.contains("reads key after a") && sound.output.hasSuffix("the pair works\n"))
        let outcome = try Command.run(["pair", "check", "--av", ar, "--ar", ar, "--json"])
        #expect(outcome.status == 1)
        let json = try outcome.json()
        #expect(json["sound"]?.bool == false && json["findings"]?[0]?["kind"]?.string == "fault")
        #expect(json["findings"]?[0]?["text"]?.string?.contains("this is a reconstructor") == true)
    }

    @Test("describe carries description, text and ids, and marks what has no tags")
    func describe() throws {
        let json = try Command.succeed(["describe", "--av", av, "--vectors", expectedActivations(), "--json"]).json()
        let golden = try JSONValue.parse(Data(contentsOf: pair.appending(path: "expected.json")))
        // One of the vectors is all zeros; it is left out and counted.
        let rows = try #require(json["results"]?.array), numbers = rows.compactMap { $0["row"]?.int }
        #expect(rows.count == 5 && json["skipped"]?.int == 1 && numbers.count == 5)
        #expect(rows.map { $0["ids"] } == numbers.map { golden["ids"]?[$0] })
        #expect(rows.map { $0["text"] } == numbers.map { golden["explanations"]?[$0] })
        let cut = try Command.succeed(["describe", "--av", av, "--vectors", expected, "--max-tokens", "3", "--json"])
        #expect(try cut.json()["results"]?[0]?["complete"]?.bool == false)
        #expect(cut.errors.contains("5 without explanation tags; 1 left out, all zeros"))
        let shown = try Command.succeed(["describe", "--av", av, "--vectors", expected, "--max-tokens", "3"])
        #expect(shown.output.contains("[no explanation tags]"))
    }

    private func expectedActivations() -> String { expected }

    @Test("reconstruct writes what PyTorch computes; score and compare read it")
    func reconstruct() throws {
        try withScratch { folder in
            let golden = try JSONValue.parse(Data(contentsOf: pair.appending(path: "expected.json")))
            let texts = golden["texts"]?.array ?? []
            let lines = folder.appending(path: "texts.jsonl"), output = folder.appending(path: "out.safetensors")
            try Folders.write(texts.map { "{\"text\": \($0.serialized())}\n" }.joined(), to: lines)
            _ = try Command.succeed([
                "reconstruct", "--ar", ar, "--file", lines.path, "--output", output.path, "--dtype", "f32",
            ])
            let vectors = try #require(try Folders.tensors(output)["activations"])
            let theirs = try #require(try Folders.tensors(URL(fileURLWithPath: expected))["vectors"])
            #expect(vectors.shape == theirs.shape && vectors.relativeError(to: theirs) < 1e-4)

            let single = folder.appending(path: "one.safetensors")
            _ = try Command.succeed(["reconstruct", "--ar", ar, "--text", "the mill", "--output", single.path])
            let score = try Command.succeed([
                "score", "--ar", ar, "--text", "the mill", "--vectors", single.path, "--json",
            ]).json()
            #expect(try #require(score["mse"]?.double) < 1e-6)
            #expect(try #require(score["cosine_similarity"]?.double) > 0.999999)

            let both = try Command.succeed([
                "compare", "--nla", pair.path, "--vectors", output.path, "--rows", "0,-1", "--json", "--max-tokens",
                "12",
            ]).json()
            #expect(both["results"]?.array?.count == 2 && both["cosine_between"]?.double != nil)
        }
    }

    @Test("compare reads two texts at a position")
    func compare() throws {
        let outcome = try Command.succeed([
            "compare", "--nla", pair.path, "--text", "The dog found a key", "--text-b", "The dog found a river",
            "--max-tokens", "12",
        ])
        #expect(
            outcome.output.contains("a - b") && outcome.output.contains("b - a")
                && outcome.output.contains("a and b: cosine"))
        try Command.fail(
            ["compare", "--nla", pair.path, "--text", "The dog", "--text-b", "The dog", "--quiet"],
            mentioning: ["equal"])
    }

    @Test("What cannot be used is refused in one line, and nothing is written")
    func refusals() throws {
        try withScratch { folder in
            let output = folder.appending(path: "out.safetensors")
            try Command.fail(
                ["describe", "--av", ar, "--vectors", expected], mentioning: ["reconstructor", "verbalizer"])
            try Command.fail(
                ["reconstruct", "--ar", av, "--text", "a", "--output", output.path], mentioning: ["verbalizer"])
            #expect(!FileManager.default.fileExists(atPath: output.path))
            let target = pair.appending(path: "target").path
            try Command.fail(
                ["describe", "--av", target, "--vectors", expected], mentioning: ["nla_meta.yaml: missing"])
            try Command.fail(["explain", "--nla", target, "--text", "a"], mentioning: ["no folder av"])
            try Command.fail(["explain", "--nla", pair.path, "--text", "", "--quiet"], mentioning: ["no tokens"])
            try Command.fail(
                ["explain", "--nla", pair.path, "--text", "a", "--positions", "7", "--quiet"],
                mentioning: ["position 7"])

            let wide = folder.appending(path: "wide.safetensors"), nan = folder.appending(path: "nan.safetensors")
            try SafetensorsFile.write([("x", Tensor(zeros: [2, 33]))], to: wide)
            try SafetensorsFile.write([("x", Tensor([Float](repeating: .nan, count: 64), shape: [2, 32]))], to: nan)
            try Command.fail(["describe", "--av", av, "--vectors", wide.path], mentioning: ["33", "32"])
            try Command.fail(["describe", "--av", av, "--vectors", nan.path], mentioning: ["row 0", "NaN"])
            try Command.fail(["score", "--ar", ar, "--text", "a", "--vectors", nan.path], mentioning: ["row 0"])
            let zero = folder.appending(path: "zero.safetensors")
            let numbers = [Float](repeating: 1, count: 32) + [Float](repeating: 0, count: 32)
            try SafetensorsFile.write([("x", Tensor(numbers, shape: [2, 32]))], to: zero)
            let scored = try Command.succeed(["score", "--ar", ar, "--text", "a", "--vectors", zero.path, "--json"])
            #expect(try scored.json()["results"]?.array?.count == 1 && scored.errors.contains("1 left out, all zeros"))
            try SafetensorsFile.write([("x", Tensor(zeros: [1, 32]))], to: zero)
            for command in [["score", "--ar", ar, "--text", "a"], ["describe", "--av", av]] {
                try Command.fail(command + ["--vectors", zero.path], mentioning: ["every row is all zeros"])
            }
        }
    }

    @Test("A target whose hash differs is refused")
    func wrongTarget() throws {
        try withScratch { folder in
            let copy = folder.appending(path: "pair")
            try FileManager.default.copyItem(at: pair, to: copy)
            let sidecar = copy.appending(path: "av/nla_meta.yaml")
            let text = try String(contentsOf: sidecar, encoding: .utf8)
            try Folders.write(text + "target: {sha256: 0123456789abcdef}\n", to: sidecar)
            try Command.fail(
                ["explain", "--nla", copy.path, "--text", "a"], mentioning: ["content hash", "0123456789ab"])
        }
    }
}
