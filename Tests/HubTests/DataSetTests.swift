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
            let file = try #require(snapshot.file)
            #expect(try String(contentsOf: file, encoding: .utf8) == "the bytes of \(chosen)")
            #expect(file.path.hasSuffix("/" + chosen) && snapshot.files.count == count)
            // Beside it lies its sidecar, under its name.
            let sidecar = URL(fileURLWithPath: file.path + ".nla_meta.yaml")
            #expect(FileManager.default.fileExists(atPath: sidecar.path) == (count == 2))
            #expect(try bench.hub().cached(reference(name), files: .records)?.file == file)
        }
    }

    @Test func ofSeveralFilesNoneIsChosen() async throws {
        let paths = (0..<7).map { "data/train-0000\($0).parquet" }
        try await withBench([dataSet(paths)]) { bench in
            for name in ["datasets/org/data@main", "hf://datasets/org/data@main/data"] {
                let error = try #require(try await bench.failure(name, files: .records))
                #expect(error.kind == .missing && error.description.contains("7 files"))
                #expect(error.description.contains("hf://datasets/org/data@main/data/train-00000.parquet"), "\(error)")
            }
            #expect(!bench.server.requests.contains { $0.fetches(".parquet") })
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
            #expect(other.file == nil)
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
