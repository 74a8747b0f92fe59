import Foundation
import Hub
import ScriptedHub
import Synchronization
import Testing

@Suite struct FetchTests {
    @Test func whatIsFetchedLiesAsTheEcosystemHasIt() async throws {
        try await withBench { bench in
            let repository = repository(), commit = Repository.commit(1)
            let snapshot = try await bench.pull()
            #expect(snapshot.folder.path == bench.cache.path + "/models--org--name/snapshots/\(commit)")
            #expect(snapshot.commit == commit && snapshot.fetchedBytes == bench.server.sent)
            #expect(try isWhole(snapshot.folder, repository))
            let files = try #require(repository.commits[commit])
            let up = "models--org--name/"
            var expected = ["CACHEDIR.TAG", up + "refs/main", up + "trees/\(commit).json"]
            for file in files {
                expected.append(up + "blobs/\(file.tag)")
                expected.append(".locks/models--org--name/\(file.tag).lock")
                let depth = file.path.split(separator: "/").count + 1
                expected.append(
                    up + "snapshots/\(commit)/\(file.path) -> " + String(repeating: "../", count: depth)
                        + "blobs/\(file.tag)")
            }
            #expect(try bench.contents() == expected.sorted())
            #expect(try String(contentsOf: bench.cache.appending(path: up + "refs/main"), encoding: .utf8) == commit)
        }
    }

    @Test func theSecondTimeNobodyIsAsked() async throws {
        try await withBench { bench in
            _ = try await bench.pull()
            bench.server.behave()
            let snapshot = try await bench.hub().resolve(HubReference("org/name"), files: .model)
            #expect(bench.server.requests.isEmpty && snapshot.fetchedBytes == 0)
            #expect(snapshot.files == ["config.json", "model.safetensors", "tokenizer.json"])
            // A pull asks what the branch is now, and fetches nothing.
            _ = try await bench.pull()
            #expect(bench.server.requests.map(\.method) == ["GET"] && bench.server.sent == 0)
        }
    }

    @Test func onlyWhatIsNeededIsFetched() async throws {
        try await withBench { bench in
            let snapshot = try await bench.pull(files: .tokenizer)
            #expect(snapshot.files == ["config.json", "tokenizer.json"])
            #expect(bench.server.requests.allSatisfy { !$0.isStorage })
            let more = try await bench.hub().resolve(HubReference("org/name"), files: .matching(["extra/*"]))
            #expect(more.files == ["extra/notes.txt"])
            let file = try await bench.hub().resolve(HubReference("hf://org/name/extra/notes.txt"))
            #expect(try String(contentsOf: file.folder, encoding: .utf8) == "some notes\n")
            let folder = try await bench.hub().resolve(
                HubReference("hf://org/name/extra"), files: .matching(["notes*"]))
            #expect(folder.files == ["extra/notes.txt"] && folder.folder.lastPathComponent == "extra")
        }
    }

    @Test func theSizeIsSaidFirstAndNoIsAnAnswer() async throws {
        try await withBench { bench in
            var observer = bench.observer
            observer.approve = { plan in
                bench.plans.withLock { $0.append(plan) }
                return false
            }
            let error = await #expect(throws: HubError.self) {
                try await bench.hub().resolve(HubReference("org/name"), observer: observer)
            }
            #expect(error?.kind == .declined && bench.server.sent == 0)
            #expect(!FileManager.default.fileExists(atPath: bench.cache.path))
            let plan = try #require(bench.plans.withLock { $0.first })
            #expect(plan.line == "org/name@main: 300 kB in 4 files" && plan.missingBytes == plan.bytes)
        }
    }

    @Test func progressEndsWithAllBytes() async throws {
        try await withBench { bench in
            _ = try await bench.pull()
            let plan = try #require(bench.plans.withLock { $0.first }), all = bench.progress.withLock { $0 }
            #expect(all.last?.received == plan.missingBytes && all.last?.bytes == plan.missingBytes)
            #expect(all.allSatisfy { $0.received <= $0.bytes } && all.last?.secondsLeft == 0)
            #expect((all.last?.rate ?? 0) > 0)
        }
    }

    @Test func aNewCommitFetchesOnlyWhatChanged() async throws {
        try await withBench { bench in
            var repository = repository()
            _ = try await bench.pull()
            bench.server.behave()
            var files = try #require(repository.commits[Repository.commit(1)])
            files[0] = Repository.File("config.json", "{\"changed\": true}")
            repository.commits[Repository.commit(2)] = files
            repository.refs["main"] = Repository.commit(2)
            bench.server.add(repository)
            // Nothing changes until somebody asks for it.
            #expect(try await bench.hub().resolve(HubReference("org/name")).commit == Repository.commit(1))
            let snapshot = try await bench.pull()
            #expect(snapshot.commit == Repository.commit(2) && bench.server.sent == 17)
            #expect(try isWhole(snapshot.folder, repository))
            #expect(try await bench.pull("org/name@\(Repository.commit(1))").commit == Repository.commit(1))
        }
    }

    @Test func aBranchATagAndACommitAreRevisions() async throws {
        var repository = repository()
        repository.commits[Repository.commit(2)] = [Repository.File("a.txt", "second")]
        repository.refs["feature/x"] = Repository.commit(2)
        repository.refs["refs/pr/1"] = Repository.commit(2)
        try await withBench([repository]) { bench in
            for name in ["org/name@feature/x", "org/name@refs/pr/1", "org/name@\(Repository.commit(2))"] {
                let snapshot = try await bench.pull(name)
                #expect(try String(contentsOf: snapshot.folder.appending(path: "a.txt"), encoding: .utf8) == "second")
            }
            let refs = try bench.contents("models--org--name/refs")
            #expect(refs == ["feature/x", "refs/pr/1"])
        }
    }

    @Test func severalFilesAndRangesComeAtOnce() async throws {
        try await withBench([repository(large: 2_000_000)]) { bench in
            _ = try await bench.pull { $0.connections = 4 }
            let ranges = bench.server.requests.filter { $0.fetches("model.safetensors") }.compactMap {
                $0.header("range")
            }
            #expect(ranges.count == 31 && Set(ranges).count == 31)
            #expect(bench.server.sent == 2_000_000 + 23 + 2 + 11)
        }
    }

    @Test func aDataSetHasAnInterfaceAndAFolderOfItsOwn() async throws {
        try await withBench([Repository("org/data", kind: "datasets", [Repository.File("a.jsonl", "{}\n")])]) { bench in
            let snapshot = try await bench.pull("datasets/org/data")
            #expect(snapshot.folder.path.contains("/datasets--org--data/snapshots/"))
            #expect(bench.server.requests.first?.uri == "/api/datasets/org/data/revision/main")
        }
    }

    @Test func aListingOfManyPagesIsReadToItsEnd() async throws {
        let files = (0..<25).map { Repository.File("part/\($0).txt", "\($0)") }
        try await withBench([Repository("org/name", files)]) { bench in
            bench.server.setPageSize(4)
            let snapshot = try await bench.pull()
            #expect(snapshot.files.count == 25)
        }
    }

    @Test func aRenamedRepositoryIsFoundUnderItsOldName() async throws {
        var moved = repository("org/new")
        moved.formerID = "org/name"
        try await withBench([moved]) { bench in
            let snapshot = try await bench.pull("org/name")
            #expect(try isWhole(snapshot.folder, moved))
        }
    }

    @Test func emptyFilesAndNamesWithSpacesAreFiles() async throws {
        let files = [
            Repository.File("empty.txt", ""), Repository.File("a b/ü+&?#%.txt", "odd"),
            Repository.File("large", [], isLarge: true),
        ]
        try await withBench([Repository("org/name", files)]) { bench in
            let snapshot = try await bench.pull()
            #expect(try isWhole(snapshot.folder, Repository("org/name", files)))
        }
    }

    @Test func theTokenGoesToTheHubAndNowhereElse() async throws {
        var closed = repository()
        closed.isPrivate = true
        try await withBench([closed], ["HF_TOKEN": "hf_secret"]) { bench in
            bench.server.accept(token: "hf_secret")
            _ = try await bench.pull()
            let requests = bench.server.requests
            #expect(requests.filter(\.isStorage).count > 1)
            #expect(requests.allSatisfy { ($0.header("authorization") != nil) != $0.isStorage })
        }
    }

    @Test func aTokenComesFromEitherVariableOrTheFile() async throws {
        var closed = repository()
        closed.isPrivate = true
        try await withBench([closed]) { bench in
            bench.server.accept(token: "hf_secret")
            let file = bench.home.appending(path: "token")
            try Data("hf_secret\n".utf8).write(to: file)
            let other = bench.home.appending(path: "other")
            try Data("  hf_secret".utf8).write(to: other)
            let environments: [[String: String]] = [
                ["HF_TOKEN": "hf_secret"], ["HUGGING_FACE_HUB_TOKEN": " hf_secret\r\n"], [:],
                ["HF_TOKEN_PATH": other.path],
                ["HF_TOKEN": "hf_secret", "HUGGING_FACE_HUB_TOKEN": "wrong"],
            ]
            for environment in environments {
                #expect(try await bench.failure("org/name", bench.hub(environment)) == nil, "\(environment)")
            }
            let error = try await bench.failure("org/name", bench.hub(["HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"]))
            #expect(error?.kind == .missing)
        }
    }

    @Test func aPullMakesTheBytesDurableBeforeTheName() async throws {
        try await withBench { bench in
            let snapshot = try await bench.pull { $0.isDurable = true }
            #expect(try isWhole(snapshot.folder, repository()))
        }
    }
}
