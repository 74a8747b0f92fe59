import Foundation
import Hub
import JSON
import ScriptedHub
import Testing

@Suite struct CacheTests {
    @Test func offlineTakesWhatIsHereAndAsksNobody() async throws {
        try await withBench { bench in
            let empty = try await bench.failure("org/name", bench.hub(["HF_HUB_OFFLINE": "1"]))
            #expect(empty?.kind == .offline && empty?.description.contains("neither a folder nor in the cache") == true)
            _ = try await bench.pull(files: .tokenizer)
            bench.server.behave()
            let hub = try bench.hub(["HF_HUB_OFFLINE": "1"])
            #expect(
                try await hub.resolve(HubReference("org/name"), files: .tokenizer, freshness: .latest).files.count == 2)
            let error = try await bench.failure("org/name", hub)
            #expect(
                error?.description
                    == "org/name: the cache at \(bench.cache.path) lacks extra/notes.txt, model.safetensors; unset HF_HUB_OFFLINE and run again to download it"
            )
            let other = try await bench.failure("org/name@dev", hub)
            #expect(other?.description.contains("no snapshot of its revision dev") == true)
            #expect(bench.server.requests.isEmpty)
        }
    }

    @Test func aCacheWithoutAListIsEnoughWhereItsFilesAre() async throws {
        // As programs made it that kept no list of a commit's files.
        try await withBench { bench in
            _ = try await bench.pull(files: .model)
            try FileManager.default.removeItem(at: bench.cache.appending(path: "models--org--name/trees"))
            bench.server.behave()
            let hub = try bench.hub()
            #expect(try hub.cached(HubReference("org/name"), files: .model) != nil)
            #expect(try hub.cached(HubReference("org/name"), files: .tokenizer) != nil)
            // Whether that is all, only the hub can tell.
            #expect(try hub.cached(HubReference("org/name")) == nil)
            #expect(try bench.hub(["HF_HUB_OFFLINE": "1"]).cached(HubReference("org/name")) != nil)
            let blobs = bench.cache.appending(path: "models--org--name/blobs")
            try FileManager.default.removeItem(
                at: blobs.appending(path: repository().commits[Repository.commit(1)]![3].tag))
            #expect(try hub.cached(HubReference("org/name"), files: .model) == nil)
            #expect(try hub.cached(HubReference("org/name"), files: .tokenizer) != nil)
        }
    }

    @Test func aLinkThatLeadsOutOfTheCacheIsRefused() async throws {
        try await withBench { bench in
            let snapshot = try await bench.pull()
            let link = snapshot.folder.appending(path: "config.json")
            try FileManager.default.removeItem(at: link)
            let secret = bench.home.appending(path: "secret")
            try Data("x".utf8).write(to: secret)
            try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: secret.path)
            let error = #expect(throws: HubError.self) { try bench.hub().cached(HubReference("org/name")) }
            #expect(
                error?.kind == .damaged && error?.description.contains("a link that leads out of the cache") == true)
            #expect(try bench.hub().list().first?.complaints.count == 1)
        }
    }

    @Test func aFolderOfASnapshotThatIsALinkIsNotWrittenThrough() async throws {
        try await withBench { bench in
            let snapshot = try await bench.pull(files: .tokenizer)
            let elsewhere = bench.home.appending(path: "elsewhere")
            try FileManager.default.createDirectory(at: elsewhere, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: snapshot.folder.appending(path: "extra").path, withDestinationPath: elsewhere.path)
            let error = try await bench.failure()
            #expect(error?.kind == .damaged, "\(error as Any)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: elsewhere.path).isEmpty)
        }
    }

    @Test func aBlobInTheStoreThatRepositoriesShareIsInTheCache() async throws {
        try await withBench { bench in
            let snapshot = try await bench.pull()
            let blob = snapshot.folder.appending(path: "model.safetensors").resolvingSymlinksInPath()
            let store = bench.cache.appending(path: "blobs/ab")
            try FileManager.default.createDirectory(at: store, withIntermediateDirectories: true)
            try FileManager.default.moveItem(at: blob, to: store.appending(path: "abcd"))
            try FileManager.default.createSymbolicLink(atPath: blob.path, withDestinationPath: "../../blobs/ab/abcd")
            #expect(try bench.hub().cached(HubReference("org/name")) != nil)
            // Removing the repository leaves what others may use.
            try bench.hub().remove(HubReference("org/name"))
            #expect(FileManager.default.fileExists(atPath: store.appending(path: "abcd").path))
        }
    }

    @Test func theListSaysWhatThereIs() async throws {
        let files: [(String, [Repository.File], CachedRepository.Role)] = [
            ("org/target", [.init("config.json", "{}"), .init("model.safetensors", "w")], .target),
            (
                "org/av",
                [.init("config.json", "{}"), .init("model.safetensors", "w"), .init("nla_meta.yaml", "role: av\n")],
                .verbalizer
            ),
            (
                "org/ar",
                [
                    .init("config.json", "{}"), .init("nla_meta.yaml", "kind: nla_model\n"),
                    .init("value_head.safetensors", "w"),
                ], .reconstructor
            ),
            ("org/pair", [.init("av/config.json", "{}"), .init("ar/config.json", "{}")], .pair),
            (
                "org/lora",
                [
                    .init("adapter_config.json", "{\"base_model_name_or_path\": \"org/target\"}"),
                    .init("adapter_model.safetensors", "w"),
                ], .adapter
            ),
            ("org/tokens", [.init("tokenizer.json", "{}")], .tokenizer), ("org/else", [.init("a.txt", "a")], .other),
        ]
        try await withBench(
            files.map { Repository($0.0, $0.1) } + [Repository("org/data", kind: "datasets", [.init("a.parquet", "a")])]
        ) { bench in
            for (name, _, _) in files { _ = try await bench.pull(name) }
            _ = try await bench.pull("datasets/org/data")
            let list = try bench.hub().list()
            #expect(
                list.map(\.reference.description)
                    == (files.map(\.0) + ["datasets/org/data"]).sorted {
                        $0.split(separator: "/").last! < $1.split(separator: "/").last!
                    })
            for (name, _, role) in files {
                let found = try #require(list.first { $0.reference.id == name }),
                    revision = try #require(found.revisions.first)
                #expect(revision.role == role && revision.names == ["main"] && revision.isWhole == true, "\(name)")
                #expect(
                    found.size == revision.size && found.size > 0 && found.partialSize == 0 && found.complaints.isEmpty)
            }
            #expect(list.first { $0.reference.id == "org/lora" }?.revisions.first?.base == "org/target")
        }
    }

    @Test func whatElseLiesThereIsPassedOver() async throws {
        try await withBench { bench in
            #expect(try bench.hub().list().isEmpty)
            _ = try await bench.pull()
            for name in ["spaces--a--b", "notes", "models--", "models--a--b--c--d--e", "version.txt"] {
                try FileManager.default.createDirectory(
                    at: bench.cache.appending(path: name), withIntermediateDirectories: true)
            }
            #expect(try bench.hub().list().map(\.reference.id) == ["org/name"])
        }
    }

    @Test func removingARevisionKeepsWhatOthersUse() async throws {
        var repository = repository()
        var files = try #require(repository.commits[Repository.commit(1)])
        files[0] = Repository.File("config.json", "{\"changed\": true}")
        repository.commits[Repository.commit(2)] = files
        repository.refs["dev"] = Repository.commit(2)
        try await withBench([repository]) { bench in
            _ = try await bench.pull()
            _ = try await bench.pull("org/name@dev")
            let hub = try bench.hub()
            #expect(try hub.remove(HubReference("org/name@dev")) > 0)
            let list = try hub.list()
            #expect(
                list.count == 1 && list[0].revisions.map(\.commit) == [Repository.commit(1)]
                    && list[0].complaints.isEmpty)
            #expect(try isWhole(try #require(try hub.cached(HubReference("org/name"))).folder, repository))
            #expect(try bench.contents("models--org--name/blobs").count == 4)
            #expect(try hub.remove(HubReference("org/name@\(Repository.commit(1).prefix(8))")) > 300_000)
            #expect(try hub.list().isEmpty)
            for name in ["org/name", "org/other"] {
                let error = #expect(throws: HubError.self) { try hub.remove(HubReference(name)) }
                #expect(error?.kind == .missing)
            }
        }
    }

    @Test func whatIsBeingFetchedIsNotRemoved() async throws {
        try await withBench { bench in
            let hub = try bench.hub()
            bench.server.limit(100_000)
            let task = Task { try await hub.resolve(HubReference("org/name")) }
            await bench.server.waitForLimit()
            let error = #expect(throws: HubError.self) { try hub.remove(HubReference("org/name")) }
            #expect(error?.kind == .busy)
            task.cancel()
            _ = try? await task.value
            bench.server.behave()
            #expect(try hub.list().first.map { $0.partialSize > 0 } == true)
            try hub.remove(HubReference("org/name"))
            #expect(try hub.list().isEmpty)
        }
    }

    @Test func theListOfACommitsFilesIsKeptInTheEcosystemsForm() async throws {
        try await withBench { bench in
            _ = try await bench.pull()
            let url = bench.cache.appending(path: "models--org--name/trees/\(Repository.commit(1)).json")
            let json = try JSONValue.parse(try Data(contentsOf: url))
            let files = try #require(repository().commits[Repository.commit(1)])
            #expect(json["format_version"]?.int == 1 && json["files"]?.object?.keys == files.map(\.path).sorted())
            let large = json["files"]?["model.safetensors"]
            #expect(large?["lfs_sha256"]?.string == files[3].tag && large?["lfs_size"]?.int == 300_000)
            #expect(json["files"]?["config.json"]?.object?.keys == ["size", "blob_id"])
        }
    }
}
