import Foundation
import JSON
import ScriptedHub
import Tensors
import TestSupport
import Testing

/// Pairs, their halves, targets and adapters by their names on the hub, in commands and in run files.
@Suite("Pairs and adapters on the hub")
struct HubPairNameTests {
    private let pair = goldens.appending(path: "pairs/qwen2")

    /// What ``withRepositories`` gives: the environment of the hub, and a folder with what is on it.
    private struct Place {
        let hub: ScriptedHub
        let folder: URL
        let environment: [String: String]
        var store: URL { folder.appending(path: "store") }
        var adapter: URL { folder.appending(path: "adapter") }

        func json(_ arguments: [String], isOffline: Bool = false) throws -> JSONValue {
            try Command.succeed(
                arguments + ["--json"], environment: isOffline ? offline(environment) : environment
            ).json()
        }
    }

    /// A hub with the pair as org/pair, its halves as org/av and org/ar, its target as org/target, an adapter over that as org/adapter,
    /// and activations as the data set org/store.
    private func withRepositories(_ body: (Place) throws -> Void) async throws {
        try await withHub([]) { hub, folder, environment in
            let place = Place(hub: hub, folder: folder, environment: environment)
            let documents = folder.appending(path: "d.jsonl")
            let lines = (0..<12).map { #"{"id": "d\#($0)", "text": "The dog found key \#($0) in the mill and ran."}"# }
            try Folders.write(lines.joined(separator: "\n"), to: documents)
            try Command.succeed([
                "data", "store", "--model", pair.path + "/target", "--documents", documents.path, "--layer", "2",
                "--positions-per-document", "3", "--first-position", "1", "--splits", "held-out=0.5,rl=0.5",
                "--output", place.store.path,
            ])
            try FileManager.default.copyItem(at: goldens.appending(path: "published/av"), to: place.adapter)
            try Folders.edit(place.adapter.appending(path: "adapter_config.json")) {
                $0["base_model_name_or_path"] = "org/target"
            }
            hub.add(try Repository("org/pair", folder: pair))
            for half in ["av", "ar", "target"] {
                hub.add(try Repository("org/\(half)", folder: pair.appending(path: half)))
            }
            hub.add(try Repository("org/adapter", folder: place.adapter))
            hub.add(try Repository("org/store", kind: "datasets", folder: place.store))
            try body(place)
        }
    }

    @Test("nla eval measures a pair by its name, or by those of its halves, and keeps the name in what it writes")
    func eval() async throws {
        try await withRepositories { place in
            let start = ["eval", "--grammar", "plain", "--max-tokens", "6", "--resamples", "20", "--dtype", "f32"]
            let wanted = try place.json(start + ["--store", place.store.path, "--nla", pair.path])["measures"]
            #expect(wanted?["fve"]?["value"]?.double != nil)
            for names in [["--nla", "org/pair"], ["--av", "org/av", "--ar", "org/ar", "--target", "org/target"]] {
                for isOffline in [false, true] {
                    let json = try place.json(start + ["--store", "org/store"] + names, isOffline: isOffline)
                    #expect(json["measures"] == wanted && json["folder"]?.string == names[1], "\(names)")
                }
            }
            // Options settle what the files leave open.
            let added = try place.json(
                start + ["--store", place.store.path, "--nla", pair.path, "--injection", "norm-matched"])
            #expect(added["measures"] != wanted)
            #expect(try Command.run(["eval", "--store", "s", "--nla", "a", "--av", "b", "--ar", "c"]).status == 64)
            #expect(try Command.run(["eval", "--store", "s", "--av", "b"]).status == 64)
        }
    }

    @Test("nla verify reads pair, target and second reader by name")
    func verify() async throws {
        try await withRepositories { place in
            let start = [
                "verify", "--grammar", "plain", "--max-tokens", "6", "--resamples", "20", "--rows", "6", "--samples",
                "2",
                "--reach", "1", "--fitting-split", "none", "--dtype", "f32",
            ]
            // A reader that never met the verbalizer.
            let reader = place.folder.appending(path: "reader"), head = reader.appending(path: "value_head.safetensors")
            try FileManager.default.copyItem(at: pair.appending(path: "ar"), to: reader)
            let weight = try #require(try Folders.tensors(head)["weight"])
            try Folders.rewrite(head, ["weight": Tensor(weight.floats().reversed(), shape: weight.shape)])
            place.hub.add(try Repository("org/reader", folder: reader))
            let wanted = try place.json(
                start + ["--store", place.store.path, "--nla", pair.path, "--second-reader", reader.path])
            let named = try place.json(
                start + ["--store", "org/store", "--nla", "org/pair", "--second-reader", "org/reader"])
            let halves = try place.json(
                start + [
                    "--store", "org/store", "--av", "org/av", "--ar", "org/ar", "--target", "org/target",
                    "--second-reader", "org/reader",
                ])
            #expect(wanted["findings"]?["fve_written"]?["value"]?.double != nil)
            for json in [named, halves] { #expect(json["findings"] == wanted["findings"]) }
        }
    }

    @Test("An adapter over a target is --target with --adapter, or its folder or name alone, whose base is fetched")
    func adapters() async throws {
        try await withRepositories { place in
            let start = [
                "explain", "--av", "org/av", "--ar", "org/ar", "--text", "The dog found a key.", "--positions=-1",
                "--max-tokens", "8", "--dtype", "f32",
            ]
            func results(_ more: [String], isOffline: Bool = false) throws -> JSONValue {
                try #require(try place.json(start + more, isOffline: isOffline)["results"])
            }
            let wanted = try results(["--target", pair.path + "/target", "--adapter", place.adapter.path])
            #expect(try results(["--target", "org/target"]) != wanted)
            for more in [
                ["--target", "org/target", "--adapter", "org/adapter"], ["--target", "org/adapter"],
                ["--target", place.adapter.path],
                ["--target", place.adapter.path, "--base", pair.path + "/target"],
            ] {
                #expect(try results(more) == wanted, "\(more)")
                #expect(try results(more, isOffline: true) == wanted, "\(more)")
            }
            try Command.fail(
                start + ["--quiet", "--target", "org/adapter", "--adapter", "org/adapter"],
                mentioning: ["is an adapter itself"], environment: place.environment)
        }
    }

    @Test("Activations of an adapted target are a store of its own, which a pair is warm-started from")
    func stores() async throws {
        try await withRepositories { place in
            let documents = place.folder.appending(path: "d.jsonl").path
            func manifest(_ model: [String]) throws -> (hash: String?, output: String) {
                let output = place.folder.appending(path: UUID().uuidString)
                try Command.succeed(
                    [
                        "data", "store", "--documents", documents, "--layer", "2", "--positions-per-document", "3",
                        "--first-position", "1", "--splits", "warm-start-ar=0.7,validation=0.3", "--output",
                        output.path,
                    ] + model, environment: place.environment)
                let json = try JSONValue.parse(Data(contentsOf: output.appending(path: "manifest.json")))
                return (json["target_sha256"]?.string, output.path)
            }
            let plain = try manifest(["--model", "org/target"])
            let named = try manifest(["--model", "org/adapter"])
            let over = try manifest(["--model", pair.path + "/target", "--adapter", place.adapter.path])
            #expect(named.hash == over.hash && named.hash != plain.hash)
            let shard = "shard-00000.safetensors"
            func vectors(_ store: String) throws -> Data {
                try Data(contentsOf: URL(fileURLWithPath: "\(store)/\(shard)"))
            }
            #expect(try vectors(named.output) == vectors(over.output))
            #expect(try vectors(named.output) != vectors(plain.output))
            let explanations = place.folder.appending(path: "e.jsonl")
            let lines = (0..<12).flatMap { document in
                (1..<12).map { #"{"id": "d\#(document)#\#($0)", "explanation": "A dog runs."}"# }
            }
            try Folders.write(lines.joined(separator: "\n"), to: explanations)
            let run = place.folder.appending(path: "ar").path
            let train = [
                "train", "ar", "--explanations", explanations.path, "--steps", "2", "--rows-per-step", "4",
                "--held-out", "validation", "--precision", "f32", "--store", named.output,
            ]
            try Command.fail(
                train + ["--target", "org/target", "--output", run + "-other"], mentioning: [named.output],
                environment: offline(place.environment))
            try Command.succeed(
                train + ["--target", "org/adapter", "--output", run], environment: place.environment)
            let written = try Command.succeed([
                "reconstruct", "--ar", run + "/model", "--text", "A dog runs.", "--output", run + "/r.safetensors",
            ])
            #expect(written.errors.contains("1 activations"))
        }
    }

    @Test("Run files name pairs, stores and readers on the hub, and keep the names")
    func runs() async throws {
        try await withRepositories { place in
            let file = place.folder.appending(path: "run-file.yaml"), output = place.folder.appending(path: "rl")
            try Folders.write(
                """
                pair: org/pair
                store: org/store
                second_reader: org/ar
                held_out: held-out
                grammar: plain
                steps: 2
                rows_per_step: 4
                num_generations: 3
                max_completion_length: 24
                evaluate_every: 2
                evaluation_rows: 8
                sample_rows: 2
                precision: f32
                """, to: file)
            let train = ["train", "rl", "--run", file.path, "--output", output.path]
            try Command.succeed(train, environment: place.environment)
            let text = try String(contentsOf: output.appending(path: "run.yaml"), encoding: .utf8)
            #expect(text.contains("pair: org/pair\n") && text.contains("second_reader: org/ar\n"))
            #expect(try Command.succeed(train, environment: offline(place.environment)).errors.contains("finished"))
            // The experiments open what they are given before they say what it lacks.
            let red = place.folder.appending(path: "red").path, start = ["--pair", "org/pair", "--output", red]
            let cached = offline(place.environment)
            try Command.fail(
                ["redteam", "hide"] + start, mentioning: ["labelled texts"], environment: cached)
            try Command.fail(
                ["redteam", "race", "--held-out", "org/pair"] + start, mentioning: ["labelled texts"],
                environment: cached)
            let vector = try Command.run(
                ["redteam", "vector", "--store", "org/store"] + start, environment: cached)
            #expect(vector.status == 1 && vector.errors.contains("datasets--org--store"), "\(vector.errors)")
            let target = try Command.run(
                ["redteam", "vector", "--target", "org/nothing"] + start, environment: cached)
            #expect(target.status == 1 && target.errors.contains("org/nothing"), "\(target.errors)")
        }
    }
}
