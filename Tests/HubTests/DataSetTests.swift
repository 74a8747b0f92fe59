import Foundation
import Hub
import ScriptedHub
import Testing

/// What is chosen of a data set.
@Suite struct DataSetTests {
    private func dataSet(_ paths: [String]) -> Repository {
        Repository("org/data", kind: "datasets", paths.map { Repository.File($0, "the bytes of \($0)") })
    }

    private func reference(_ name: String) throws -> HubReference { try HubReference(name, expecting: .dataset) }

    @Test(arguments: [
        ("org/data", ["a.parquet", "README.md", "dataset_infos.json"], "a.parquet", 1),
        ("org/data", ["data/a.jsonl", "b.json", "data/a.jsonl.nla_meta.yaml", "nla_meta.yaml"], "data/a.jsonl", 2),
        ("hf://datasets/org/data/one", ["one/a.jsonl", "two/b.jsonl"], "one/a.jsonl", 1),
        ("hf://datasets/org/data/a.parquet", ["a.parquet", "b.parquet", "a.parquet.nla_meta.yaml"], "a.parquet", 2),
    ])
    func theOneFileOfRecordsIsChosenWithItsSidecar(
        name: String, paths: [String], chosen: String, count: Int
    ) async throws {
        try await withBench([dataSet(paths)]) { bench in
            let snapshot = try await bench.hub().resolve(reference(name), files: .records, observer: bench.observer)
            let file = try #require(snapshot.records.first)
            #expect(try String(contentsOf: file, encoding: .utf8) == "the bytes of \(chosen)")
            #expect(file.path.hasSuffix("/" + chosen) && snapshot.files.count == count && snapshot.records.count == 1)
            // Beside it lies its sidecar, under its name.
            let sidecar = URL(fileURLWithPath: file.path + ".nla_meta.yaml")
            #expect(FileManager.default.fileExists(atPath: sidecar.path) == (count == 2))
            #expect(try bench.hub().cached(reference(name), files: .records)?.records == [file])
        }
    }

    @Test func ofSeveralFilesNoneIsChosen() async throws {
        let paths = ["av_sft", "ar_sft", "base", "rl", "test", "train", "x"].map { "data/\($0).parquet" }
        try await withBench([dataSet(paths)]) { bench in
            for name in ["datasets/org/data@main", "hf://datasets/org/data@main/data"] {
                let error = try #require(try await bench.failure(name, files: .records))
                #expect(error.kind == .missing && error.description.contains("7 files"))
                #expect(error.description.contains("hf://datasets/org/data@main/data/ar_sft.parquet"), "\(error)")
            }
            #expect(!bench.server.requests.contains { $0.fetches(".parquet") })
        }
    }

    @Test(arguments: [
        ("org/data", 3), ("hf://datasets/org/data/data", 3), ("hf://datasets/org/data/data/train-*.parquet", 3),
        ("org/data:data/train-0000[12]-of-00003.parquet", 2), ("hf://datasets/org/data/**/*-of-*", 3),
    ])
    func filesOfOneTableAreChosenTogetherInTheirOrder(name: String, count: Int) async throws {
        let shards = (0..<3).map { "data/train-0000\($0)-of-00003.parquet" }
        let sidecars = ["\(shards[2]).nla_meta.yaml", "data/nla_meta.yaml"]
        try await withBench([dataSet(shards.reversed() + sidecars + ["README.md"])]) { bench in
            let snapshot = try await bench.hub().resolve(reference(name), files: .vectors, observer: bench.observer)
            let wanted = shards.suffix(count)
            #expect(
                try snapshot.records.map { try String(contentsOf: $0, encoding: .utf8) }
                    == wanted.map { "the bytes of \($0)" })
            #expect(snapshot.files == (wanted + sidecars).sorted())
            // From then on they are in the cache.
            let asked = bench.server.requests.count
            #expect(try bench.hub().cached(reference(name), files: .vectors)?.records == snapshot.records)
            #expect(bench.server.requests.count == asked)
        }
    }

    @Test func aTableThatLacksAFileIsRefusedByItsName() async throws {
        let paths = ["train-00000-of-00003.parquet", "train-00002-of-00003.parquet"]
        try await withBench([dataSet(paths)]) { bench in
            let error = try #require(try await bench.failure("datasets/org/data", files: .records))
            #expect(error.kind == .missing && error.description.contains("train-00001-of-00003.parquet is not there"))
            // A pattern says what is wanted.
            let some = try await bench.hub().resolve(reference("hf://datasets/org/data/*.parquet"), files: .records)
            #expect(some.records.count == 2)
            let none = try #require(
                try await bench.failure("hf://datasets/org/data/test-*.parquet", files: .records))
            #expect(none.description.contains("test-*.parquet") && none.description.contains(paths[0]), "\(none)")
        }
    }

    @Test func aStoreIsTheFilesBesideItsManifest() async throws {
        let store = ["manifest.json", "nla_meta.yaml", "shard-00000.safetensors", "shard-00000.jsonl"]
        let others = ["README.md", "copy.parquet", "other/manifest.json", "other/shard-00000.safetensors"]
        try await withBench([dataSet(store + others)]) { bench in
            let hub = try bench.hub()
            #expect(try await hub.resolve(reference("org/data"), files: .store).files == store.sorted())
            let other = try await hub.resolve(reference("hf://datasets/org/data/other"), files: .store)
            #expect(other.files == others.suffix(2).sorted() && other.folder.lastPathComponent == "other")
            #expect(other.records.isEmpty)
        }
        let halves = [
            "half-0/probes.json", "half-0/probes.safetensors", "half-1/probes.json", "half-1/probes.safetensors",
        ]
        try await withBench([dataSet(halves)]) { bench in
            let snapshot = try await bench.hub().resolve(reference("org/data"), files: .store)
            #expect(snapshot.files == halves)
        }
    }
}
