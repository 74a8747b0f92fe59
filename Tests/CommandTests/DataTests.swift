import Foundation
import JSON
import TestSupport
import Testing

@Suite("nla data")
struct DataTests {
    /// Forty documents with a fact, its moment, and multi-byte characters.
    private func writeDocuments(to file: URL) throws {
        let lines = (0..<40).map { index -> String in
            let mood = index % 2 == 0 ? "glad" : "sad"
            let text = "The miller Jörg was \(mood) and counted \(index) ducks by the river."
            let fact: JSONValue = [
                "subject": "the miller", "relation": "mood", "value": .string(mood), "from": 0, "stated_from": 20,
            ]
            let moment: JSONValue = [
                "offset": 20, "kind": "mood", "subject": "the miller", "relation": "mood",
                "answer": .string(" " + mood),
            ]
            let document: JSONValue = [
                "id": .string("d\(index)"), "text": .string(text), "facts": [fact], "moments": [moment],
            ]
            return document.serialized()
        }
        try Folders.write(lines.joined(separator: "\n"), to: file)
    }

    @Test("A store is built, continued without change, and read by probes")
    func storeAndProbes() throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder).path
            let documents = folder.appending(path: "d.jsonl"), store = folder.appending(path: "store")
            try writeDocuments(to: documents)
            let arguments = [
                "data", "store", "--model", model, "--documents", documents.path, "--layer", "1",
                "--positions-per-document", "12", "--first-position", "0", "--moments", "--splits",
                "probe=0.9,held-out=0.1", "--output",
                store.path,
                "--json",
            ]
            let built = try Command.succeed(arguments).json()
            #expect(built["rows"]?.int == 40 * 13 && built["documents"]?.int == 40 && built["layer"]?.int == 1)
            let manifest = try Data(contentsOf: store.appending(path: "manifest.json"))
            #expect(try Command.succeed(arguments).json() == built)
            #expect(try Data(contentsOf: store.appending(path: "manifest.json")) == manifest)
            try Command.fail(arguments + ["--seed", "5"], mentioning: ["store", "settings"])

            let probes = folder.appending(path: "probes")
            let fit = ["data", "probes", "--store", store.path, "--split", "probe", "--epochs", "2", "--output"]
            let table = try Command.succeed(fit + [probes.path]).output
            #expect(table.contains("the miller: mood") && table.contains("the text: word -1"))
            let files = try FileManager.default.contentsOfDirectory(atPath: probes.path).sorted()
            #expect(files == ["probes.json", "probes.safetensors"])
            let report = try Command.succeed(fit + [probes.path + "2", "--evaluate", "held-out", "--json"]).json()
            #expect(report[0]?["accuracy"]?.double != nil)
            try Command.fail(fit + [probes.path], mentioning: [probes.path])
        }
    }

    @Test("Cross-fitted probes let a teacher explain the documents that they were fitted to")
    func crossFit() throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder).path
            let documents = folder.appending(path: "d.jsonl"), store = folder.appending(path: "store").path
            let probes = folder.appending(path: "probes").path, output = folder.appending(path: "e.jsonl")
            try writeDocuments(to: documents)
            _ = try Command.succeed([
                "data", "store", "--model", model, "--documents", documents.path, "--layer", "1",
                "--positions-per-document", "12", "--first-position", "0", "--split", "all", "--output", store,
            ])
            let fitted = try Command.succeed([
                "data", "probes", "--store", store, "--split", "all", "--epochs", "2", "--cross-fit", "--json",
                "--output",
                probes,
            ])
            #expect(fitted.errors.contains("half 2 of 2, pass 1"))
            #expect(try fitted.json().array?.isEmpty == false)
            #expect(try FileManager.default.contentsOfDirectory(atPath: probes).sorted() == ["half-0", "half-1"])
            let taught = try Command.succeed([
                "data", "explain", "--store", store, "--probes", probes, "--threshold", "0", "--grammar", "plain",
                "--json", "--output", output.path,
            ])
            #expect(try #require(taught.json()["said"]?.int) > 0)
            #expect(try String(contentsOf: output, encoding: .utf8).contains("The miller's mood is"))
            // The same probes are the ceiling of an evaluation.
            let pages = try Command.run([
                "eval", "--nla", folder.path, "--store", store, "--split", "all", "--probes", probes,
            ])
            #expect(pages.status == 1 && pages.errors.contains("no folder av"))
            try FileManager.default.removeItem(atPath: probes + "/half-1")
            try Command.fail(
                ["data", "explain", "--store", store, "--probes", probes, "--output", output.path],
                mentioning: ["half-1", "missing"])
        }
    }

    @Test(
        "Probes are not asked about the documents they were fitted to, and explanations say which activations they are about"
    )
    func fittedSplits() throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder).path
            let documents = folder.appending(path: "d.jsonl"), store = folder.appending(path: "store").path
            let probes = folder.appending(path: "probes").path, output = folder.appending(path: "e.jsonl")
            try writeDocuments(to: documents)
            func build(_ store: String, layer: Int) throws {
                _ = try Command.succeed([
                    "data", "store", "--model", model, "--documents", documents.path, "--layer", "\(layer)",
                    "--positions-per-document", "12", "--first-position", "0", "--splits", "probe=0.5,rest=0.5",
                    "--output", store,
                ])
            }
            try build(store, layer: 1)
            _ = try Command.succeed([
                "data", "probes", "--store", store, "--split", "probe", "--epochs", "2", "--output", probes,
            ])
            let explain = [
                "data", "explain", "--store", store, "--grammar", "plain", "--threshold", "0", "--output", output.path,
                "--probes", probes,
            ]
            _ = try Command.succeed(explain)
            let ids = try String(contentsOf: output, encoding: .utf8).split(separator: "\n").map {
                try #require(JSONValue.parse(String($0))["id"]?.string?.split(separator: "#").first.map(String.init))
            }
            let shards = try String(
                contentsOf: URL(fileURLWithPath: store).appending(path: "shard-00000.jsonl"), encoding: .utf8)
            let fitted = try shards.split(separator: "\n").map { try JSONValue.parse(String($0)) }.filter {
                $0["split"]?.string == "probe"
            }.compactMap { $0["id"]?.string }
            #expect(fitted.count > 5 && !ids.isEmpty && Set(ids).isDisjoint(with: fitted))
            try Command.fail(explain + ["--splits", "rest,probe"], mentioning: ["the split probe", "--cross-fit"])

            // Texts that are of no store have no such sidecar, and take an earlier one away.
            let texts = folder.appending(path: "texts.jsonl"), sidecar = output.path + ".nla_meta.yaml"
            let taught = try Data(contentsOf: output)
            #expect(FileManager.default.fileExists(atPath: sidecar))
            try Folders.write(#"{"id": "a", "text": "Once"}"#, to: texts)
            try Folders.write(#"{"id": "a", "explanation": "It begins."}"#, to: folder.appending(path: "from.jsonl"))
            _ = try Command.succeed([
                "data", "teach", "--texts", texts.path, "--from", folder.path + "/from.jsonl", "--output", output.path,
            ])
            #expect(!FileManager.default.fileExists(atPath: sidecar))
            _ = try Command.succeed(explain)
            #expect(try Data(contentsOf: output) == taught)

            let other = folder.appending(path: "other").path
            try build(other, layer: 0)
            try Command.fail(
                [
                    "train", "ar", "--target", model, "--store", other, "--explanations", output.path, "--split",
                    "rest",
                    "--held-out", "probe", "--output", folder.appending(path: "run").path,
                ], mentioning: ["e.jsonl.nla_meta.yaml", "at the output of block 1", "about block 0"])
        }
    }

    @Test("Wrong documents, splits and layers are refused in one line")
    func refusals() throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder).path
            let documents = folder.appending(path: "d.jsonl"), store = folder.appending(path: "store").path
            try writeDocuments(to: documents)
            func arguments(_ changes: [String]) -> [String] {
                ["data", "store", "--model", model, "--documents", documents.path, "--output", store] + changes
            }
            try Command.fail(arguments(["--split", "av", "--layer", "9"]), mentioning: ["layer 9", "0...1"])
            try Command.fail(arguments(["--splits", "av=0.5"]), mentioning: ["sum to"])
            try Command.fail(
                ["data", "probes", "--store", store, "--split", "av", "--output", folder.path + "/p"],
                mentioning: ["manifest.json", "missing"])
            #expect(try Command.run(arguments([])).status == 64)
            try Folders.write("{\"text\": 3}", to: documents)
            try Command.fail(arguments(["--split", "av"]), mentioning: ["line 1", "text"])
        }
    }
}
