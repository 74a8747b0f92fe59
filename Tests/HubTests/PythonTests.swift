import Foundation
import Hub
import ScriptedHub
import TestSupport
import Testing

/// huggingface_hub as the judge: the interpreter is the one that INTERLINEAR_PYTHON names.
@Suite(.enabled(if: Python.has("huggingface_hub"), "huggingface_hub is not installed"))
struct PythonTests {
    /// Runs a script on its own thread: the hub answers meanwhile. `CACHE` and `HUB` are set in it.
    private func run(_ bench: Bench, _ script: String, offline: Bool = false) async throws {
        let head = """
            import os, sys
            os.environ.update(HF_HOME=sys.argv[1], HF_ENDPOINT=sys.argv[2], HF_HUB_OFFLINE=sys.argv[3], HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_UPDATE_CHECK="1")
            os.environ.pop("HF_HUB_CACHE", None)
            from huggingface_hub import *
            from huggingface_hub import try_to_load_from_cache, _CACHED_NO_EXIST

            """
        let arguments = [bench.home.path, bench.server.endpoint, offline ? "1" : "0"]
        let result = try await withCheckedThrowingContinuation {
            (continuation: CheckedContinuation<(status: Int32, errors: String), any Error>) in
            Thread.detachNewThread {
                continuation.resume(with: Result { try Python.run(head + script, arguments) })
            }
        }
        #expect(result.status == 0, "\(result.errors)")
    }

    @Test func whatWeFetchedPassesItsScanAndOpensOffline() async throws {
        try await withBench([
            repository(), Repository("org/data", kind: "datasets", [Repository.File("a/b.jsonl", "{}\n")]),
        ]) { bench in
            let snapshot = try await bench.pull()
            _ = try await bench.pull("datasets/org/data")
            _ = try await bench.failure("hf://org/name/absent.json")
            try await run(
                bench,
                """
                info = scan_cache_dir()
                assert not info.warnings, info.warnings
                assert {(r.repo_type, r.repo_id) for r in info.repos} == {("model", "org/name"), ("dataset", "org/data")}
                model = next(r for r in info.repos if r.repo_type == "model")
                assert model.nb_files == 4 and model.size_on_disk == 300036, model
                assert [r.commit_hash for r in model.revisions] == ["\(snapshot.commit)"] and set(model.refs) == {"main"}
                folder = snapshot_download("org/name", local_files_only=True)
                assert folder == "\(snapshot.folder.path)", folder
                assert open(hf_hub_download("org/name", "extra/notes.txt", local_files_only=True)).read() == "some notes\\n"
                snapshot_download("org/data", repo_type="dataset", local_files_only=True)
                assert try_to_load_from_cache("org/name", "absent.json") is _CACHED_NO_EXIST
                """, offline: true)
            #expect(!bench.server.requests.contains { $0.header("user-agent")?.contains("hf_hub") == true })
        }
    }

    @Test func afterUsItFetchesNothing() async throws {
        try await withBench { bench in
            _ = try await bench.pull()
            bench.server.behave()
            try await run(bench, "snapshot_download('org/name')")
            #expect(bench.server.sent == 0 && !bench.server.requests.isEmpty)
        }
    }

    @Test func whatItFetchedWeOpenOffline() async throws {
        try await withBench { bench in
            try await run(bench, "snapshot_download('org/name')")
            let hub = try bench.hub(["HF_HUB_OFFLINE": "1"])
            let snapshot = try await hub.resolve(HubReference("org/name"))
            #expect(try isWhole(snapshot.folder, repository()))
            // Online nothing is left to fetch either.
            bench.server.behave()
            #expect(try await bench.hub().resolve(HubReference("org/name")).fetchedBytes == 0)
            #expect(bench.server.requests.isEmpty)
            #expect(try bench.hub().list().first?.revisions.first?.isWhole == true)
        }
    }

    @Test func whatItFetchedFileByFileWeOpen() async throws {
        try await withBench { bench in
            try await run(
                bench, "for f in ['config.json', 'tokenizer.json', 'model.safetensors']: hf_hub_download('org/name', f)"
            )
            #expect(try bench.hub().cached(HubReference("org/name"), files: .model) != nil)
            // The rest is fetched beside it.
            let snapshot = try await bench.pull()
            #expect(snapshot.fetchedBytes == 11)
            try await run(bench, "assert not scan_cache_dir().warnings", offline: true)
        }
    }

    @Test func theTwoCachesAreTheSame() async throws {
        var repository = repository()
        repository.refs["feature/x"] = Repository.commit(1)
        try await withBench([repository]) { ours in
            let theirs = try Bench(ours.server)
            for name in ["main", "feature/x"] { _ = try await ours.pull("org/name@\(name)") }
            try await run(theirs, "for r in ['main', 'feature/x']: snapshot_download('org/name', revision=r)")
            func contents(_ bench: Bench) throws -> [String: String] {
                var all: [String: String] = [:]
                for line in try bench.contents() where line != "CACHEDIR.TAG" && !line.hasPrefix(".locks") {
                    let path = line.components(separatedBy: " -> ")[0]
                    let data = try Data(contentsOf: bench.cache.appending(path: path))
                    all[line] = data.base64EncodedString()
                }
                return all
            }
            let first = try contents(ours), second = try contents(theirs)
            // `trees` is what newer versions keep.
            let keys = Set(first.keys).union(second.keys).filter {
                second.keys.contains { $0.contains("trees/") } || !$0.contains("trees/")
            }
            for key in keys.sorted() { #expect(first[key] == second[key], "\(key)") }
        }
    }

    @Test func itReadsRevisionsThatWeRemovedAsRemoved() async throws {
        try await withBench { bench in
            _ = try await bench.pull()
            try bench.hub().remove(HubReference("org/name"))
            try await run(bench, "i = scan_cache_dir(); assert not i.warnings and not i.repos", offline: true)
        }
    }

    @Test func itSeesOurPartsAsUnfinishedFiles() async throws {
        try await withBench { bench in
            try await bench.breakOff(after: 150_000)
            // It fetches the file on its own, and ours goes on beside.
            try await run(bench, "assert not scan_cache_dir().warnings; snapshot_download('org/name')")
            #expect(try await isWhole(bench.pull().folder, repository()))
            #expect(try !bench.contents().contains { $0.hasSuffix(".incomplete") })
        }
    }
}
