import Autoencoder
import Foundation
import JSON
import ScriptedHub
import TestSupport
import Testing

@Suite("nla pair pack")
struct PairPackTests {
    private let golden = goldens.appending(path: "pairs/qwen2")

    private func bytes(_ folder: URL, _ path: String) throws -> Data {
        try Data(contentsOf: folder.appending(path: path))
    }

    private func text(_ folder: URL, _ path: String) throws -> String {
        String(decoding: try bytes(folder, path), as: UTF8.self)
    }

    /// What the pair says of a text, as JSON, claims with their confidence too.
    private func explained(
        _ folder: URL, _ more: [String] = [], environment: [String: String] = [:]
    ) throws -> JSONValue {
        let json = try Command.succeed(
            [
                "explain", "--nla", folder.path, "--text", "The dog found a key in the mill.", "--positions=4,-1",
                "--max-tokens", "12", "--json", "--quiet",
            ] + more, environment: environment
        ).json()
        return try #require(json["results"])
    }

    /// Packs, and moves what was packed.
    private func packed(
        _ pair: URL, in folder: URL, _ more: [String] = [], environment: [String: String] = [:]
    ) throws -> (folder: URL, outcome: Command.Outcome) {
        let output = folder.appending(path: "packed-\(UUID().uuidString)")
        let outcome = try Command.succeed(
            ["pair", "pack", pair.path, "--output", output.path] + more, environment: environment)
        #expect(outcome.output == output.path + "\n")
        let moved = folder.appending(path: "moved/\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: moved.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.moveItem(at: output, to: moved)
        return (moved, outcome)
    }

    /// Expects that no file names a folder of this machine.
    private func expectNoPaths(_ folder: URL, _ places: [URL], sourceLocation: SourceLocation = #_sourceLocation) throws
    {
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
            let url = folder.appending(path: path)
            let type = try FileManager.default.attributesOfItem(atPath: url.path)[.type] as? FileAttributeType
            #expect(type == .typeRegular || type == .typeDirectory, "\(path)", sourceLocation: sourceLocation)
            guard type == .typeRegular else { continue }
            let data = try Data(contentsOf: url)
            for place in places + [FileManager.default.temporaryDirectory] {
                #expect(data.range(of: Data((place.path + "/").utf8)) == nil, "\(path)", sourceLocation: sourceLocation)
            }
        }
    }

    @Test("A packed pair, moved, is the same pair: its weights bit for bit, its words, its confidence")
    func bundled() throws {
        try withScratch { folder in
            let (moved, outcome) = try packed(bundledPair, in: folder)
            let sizes = try #require(outcome.errors.firstRange(of: "(av "))
            let first = try #require(outcome.errors.split(separator: "\n").first)
            #expect(first.contains(" MB in ") && first.contains("target ") && sizes.lowerBound < first.endIndex)
            let written = ["nla_meta.yaml", "confidence.json"]
            let copied = try FileManager.default.subpathsOfDirectory(atPath: bundledPair.path).filter { path in
                path.contains(".") && !written.contains { path.hasSuffix($0) }
            }
            for path in copied { #expect(try bytes(moved, path) == bytes(bundledPair, path), "\(path)") }
            try expectNoPaths(moved, [bundledPair])
            let check = try Command.succeed(["pair", "check", moved.path, "--max-tokens", "40"])
            #expect(check.output.contains("the pair works"))
            let words = try explained(moved)
            #expect(try words == explained(bundledPair))
            #expect(words[0]?["claims"]?.array?.isEmpty == false)
        }
    }

    @Test("The packed sidecar says in numbers what other readers want in numbers")
    func sidecars() throws {
        try withScratch { folder in
            let (moved, _) = try packed(bundledPair, in: folder)
            for (half, scale) in [("av", Sidecar.Scale.norm(16)), ("ar", .untouched)] {
                let yaml = try text(moved, "\(half)/nla_meta.yaml")
                #expect(yaml.contains("\nextraction_layer_index: 6\n") && yaml.contains("\n  mse_scale: 16.0\n"))
                let sidecar = try Sidecar(folder: moved.appending(path: half))
                let own = try Sidecar(folder: bundledPair.appending(path: half))
                #expect(sidecar.injectionScale == scale && sidecar.inferences.isEmpty)
                #expect(
                    sidecar.marker == own.marker && sidecar.target == own.target && sidecar.variance == own.variance)
            }
        }
    }

    @Test("What was not measured is not claimed, and the card says so")
    func notMeasured() throws {
        try withScratch { folder in
            let (moved, outcome) = try packed(bundledPair, in: folder, ["--base-model", "org/target@v2"])
            let card = try text(moved, "README.md")
            #expect(
                card.hasPrefix(
                    "---\nbase_model:\n- org/target\nbase_model_relation: finetune\nlibrary_name: transformers\n"))
            #expect(card.contains("was not measured") && !card.contains("| FVE |"))
            #expect(outcome.errors.contains("not measured") && outcome.errors.contains("license"))
            #expect(try text(moved, "av/nla_meta.yaml").contains("name: \"org/target\""))
            #expect(!FileManager.default.fileExists(atPath: moved.appending(path: "evaluation.json").path))
        }
    }

    @Test("The card has the variance explained with its controls, as nla eval found them")
    func measured() throws {
        try withScratch { folder in
            let store = folder.appending(path: "store").path, documents = folder.appending(path: "d.jsonl")
            let lines = (0..<8).map { #"{"id": "d\#($0)", "text": "The dog found key \#($0) in the mill and ran."}"# }
            try Folders.write(lines.joined(separator: "\n"), to: documents)
            try Command.succeed([
                "data", "store", "--model", golden.path + "/target", "--documents", documents.path, "--layer", "2",
                "--positions-per-document", "3", "--first-position", "1", "--split", "held-out", "--output", store,
            ])
            let file = folder.appending(path: "eval.json").path, both = folder.appending(path: "both.json").path
            let eval = [
                "eval", "--store", store, "--grammar", "plain", "--max-tokens", "6", "--json", "--nla", golden.path,
            ]
            let one = try Command.succeed(eval)
            try Folders.write(one.output, to: URL(fileURLWithPath: file))
            let copy = folder.appending(path: "copy")
            try FileManager.default.copyItem(at: golden, to: copy)
            let two = try Command.succeed(eval + ["--nla", "again=\(copy.path)"])
            try Folders.write(two.output, to: URL(fileURLWithPath: both))

            let (moved, _) = try packed(golden, in: folder, ["--evaluation", file])
            let card = try text(moved, "README.md"), json = try one.json()
            #expect(card.contains("| given to the reconstructor | FVE | 95% interval over documents |"))
            for (title, key) in [
                ("the explanation", "fve"), ("its sentences shuffled", "fve_shuffled"),
                ("another row's explanation", "fve_other"), ("nothing", "fve_empty"),
            ] {
                let value = try #require(json["explanations"]?[key]?.double)
                #expect(card.contains("| \(title) | \(String(format: "%.3f", value)) |"), "\(card)")
            }
            #expect(card.contains("24 activations of 8 documents, split `held-out`"))
            try expectNoPaths(moved, [golden])
            // The packed evaluation is found again.
            let (again, _) = try packed(moved, in: folder)
            #expect(try text(again, "README.md") == card)
            // Of an evaluation of several pairs, the one of this folder.
            let (chosen, _) = try packed(golden, in: folder, ["--evaluation", both])
            #expect(try text(chosen, "README.md").contains("24 activations of 8 documents"))
            let output = folder.appending(path: "other").path
            try Command.fail(
                ["pair", "pack", moved.path, "--quiet", "--evaluation", both, "--output", output],
                mentioning: [both, "2 pairs", "none of them"])
        }
    }

    @Test(
        "An evaluation without its controls is refused",
        arguments: [
            #"{"rows": 3, "variance": {"raw": 1, "set": "s"}, "explanations": {"fve": 0.5}}"#, #"{"loss": 2}"#, "[]",
            "no JSON",
        ])
    func withoutControls(text: String) throws {
        try withScratch { folder in
            let file = folder.appending(path: "e.json"), output = folder.appending(path: "out")
            try Folders.write(text, to: file)
            try Command.fail(
                ["pair", "pack", golden.path, "--quiet", "--evaluation", file.path, "--output", output.path],
                mentioning: [file.path, "nla eval --json"])
            #expect(!FileManager.default.fileExists(atPath: output.path))
        }
    }

    @Test("A folder that is there is not written to, and a failed pack leaves nothing")
    func refused() throws {
        try withScratch { folder in
            let output = folder.appending(path: "out"), pack = ["pair", "pack", golden.path, "--quiet", "--output"]
            try FileManager.default.createDirectory(at: output, withIntermediateDirectories: false)
            try Command.fail(pack + [output.path], mentioning: [output.path, "exists already"])
            try Command.fail(pack + [folder.path + "/no/out"], mentioning: ["/no"])
            try Command.fail(
                pack + [folder.path + "/new", "--base-model", "no name"], mentioning: ["no name", "org/name"])
            try Command.fail(
                ["pair", "pack", folder.path, "--quiet", "--output", folder.path + "/new"],
                mentioning: [folder.path, "no such folder"]
            )
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["out"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: output.path).isEmpty)
            #expect(try Command.run(["pair", "pack", "--output", output.path]).status == 64)
            #expect(try Command.run(["pair", "pack", "a", "--nla", "b", "--output", output.path]).status == 64)
        }
    }

    @Test("Paths that other programs left in configurations are taken out, and links are followed")
    func paths() throws {
        try withScratch { folder in
            let pair = folder.appending(path: "pair"), blobs = folder.appending(path: "blobs")
            try FileManager.default.copyItem(at: bundledPair, to: pair)
            try Folders.edit(pair.appending(path: "av/config.json")) {
                $0["_name_or_path"] = "/home/somebody/checkpoints/av"
            }
            try Folders.edit(pair.appending(path: "ar/tokenizer_config.json")) {
                $0["name_or_path"] = "/home/somebody/base"
                $0["model_max_length"] = 2048
            }
            try FileManager.default.moveItem(at: pair.appending(path: "av/model.safetensors"), to: blobs)
            try FileManager.default.createSymbolicLink(
                atPath: pair.appending(path: "av/model.safetensors").path, withDestinationPath: "../../blobs")
            let (moved, _) = try packed(pair, in: folder, ["--without-target"])
            try expectNoPaths(moved, [URL(fileURLWithPath: "/home/somebody")])
            #expect(try text(moved, "ar/tokenizer_config.json").contains("2048"))
            #expect(try bytes(moved, "av/model.safetensors") == bytes(bundledPair, "av/model.safetensors"))
            #expect(!FileManager.default.fileExists(atPath: moved.appending(path: "target").path))
            let target = bundledPair.appending(path: "target").path
            #expect(try explained(moved, ["--target", target]) == explained(bundledPair))
            #expect(try text(moved, "README.md").contains("--target TARGET"))
        }
    }

    @Test("What options settle becomes part of the sidecar")
    func supplement() throws {
        try withScratch { folder in
            let (moved, _) = try packed(golden, in: folder, ["--injection", "norm-matched@1", "--layer", "2"])
            #expect(
                try explained(moved, ["--dtype", "f32"])
                    == explained(golden, ["--injection", "norm-matched@1", "--dtype", "f32"]))
        }
    }

    /// A pair of PEFT adapters, with its base as the target beside it.
    private func adapters(_ folder: URL) throws -> URL {
        let pair = folder.appending(path: "adapters"), files = FileManager.default
        try files.createDirectory(at: pair, withIntermediateDirectories: false)
        try files.copyItem(at: golden.appending(path: "target"), to: pair.appending(path: "target"))
        for half in ["av", "ar"] {
            let copy = pair.appending(path: half)
            try files.copyItem(at: goldens.appending(path: "published/\(half)"), to: copy)
            for file in ["nla_meta.yaml", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"]
                + (half == "ar" ? ["value_head.safetensors"] : [])
            {
                try files.copyItem(at: golden.appending(path: "\(half)/\(file)"), to: copy.appending(path: file))
            }
        }
        return pair
    }

    @Test("Adapters stay adapters, over the base's name on the hub")
    func adapterPair() async throws {
        let base = try Repository("org/base", folder: golden.appending(path: "target"))
        try await withHub([base]) { hub, folder, environment in
            let pair = try adapters(folder), output = folder.appending(path: "out").path
            try Command.fail(
                ["pair", "pack", pair.path, "--quiet", "--output", output],
                mentioning: [pair.appending(path: "av").path, "--base-model"])
            #expect(!FileManager.default.fileExists(atPath: output))
            let (moved, _) = try packed(pair, in: folder, ["--base-model", "org/base", "--without-target"])
            for half in ["av", "ar"] {
                let settings = try JSONValue.parse(bytes(moved, "\(half)/adapter_config.json"))
                #expect(settings["base_model_name_or_path"] == "org/base" && settings["revision"] == .null)
                #expect(
                    try bytes(moved, "\(half)/adapter_model.safetensors")
                        == bytes(pair, "\(half)/adapter_model.safetensors"))
                #expect(!FileManager.default.fileExists(atPath: moved.appending(path: "\(half)/config.json").path))
            }
            let card = try text(moved, "README.md")
            #expect(
                card.contains("base_model_relation: adapter\nlibrary_name: peft")
                    && card.contains("PEFT adapter over org/base"))
            try expectNoPaths(moved, [pair])
            let target = pair.appending(path: "target").path
            let words = try explained(moved, ["--target", target, "--dtype", "f32"], environment: environment)
            #expect(try words == explained(pair, ["--dtype", "f32"]))
            #expect(hub.requests.contains { $0.fetches("model.safetensors") })

            // A base that was named from the hub, or that the cache has, is pinned to its commit.
            let (pinned, _) = try packed(pair, in: folder, ["--base", "org/base"], environment: environment)
            let settings = try JSONValue.parse(bytes(pinned, "av/adapter_config.json"))
            #expect(settings["base_model_name_or_path"] == "org/base")
            #expect(settings["revision"]?.string == base.refs["main"])
            #expect(try explained(pinned, ["--dtype", "f32"], environment: offline(environment)) == words)
        }
    }
}
