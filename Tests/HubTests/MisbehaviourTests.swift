import Foundation
import Hub
import JSON
import ScriptedHub
import Synchronization
import Testing

/// A hub, a storage host or a line that does not do what it should: patience, or one clear line.
@Suite struct MisbehaviourTests {
    /// Pulls while something goes wrong, and returns the cache's state.
    private func pull(
        _ repository: Repository = repository(), attempts: Int = 6,
        _ fault: @escaping @Sendable (ScriptedHub.Request) -> ScriptedHub.Fault?,
        _ check: (Bench, HubError?) async throws -> Void
    ) async throws {
        try await withBench([repository]) { bench in
            bench.server.misbehave(fault)
            let error = try await bench.failure("org/name", bench.hub([:]) { $0.patience.maxAttempts = attempts })
            if error == nil {
                let snapshot = try #require(try bench.hub().cached(HubReference("org/name")))
                #expect(try isWhole(snapshot.folder, repository))
            } else {
                #expect(error?.description.contains("\n") == false)
                #expect(try bench.hub().cached(HubReference("org/name")) == nil)
            }
            try await check(bench, error)
        }
    }

    @Test func cutConnectionsAreTakenUpWhereTheyBroke() async throws {
        try await pull {
            $0.isStorage ? .cut(after: 10_000) : nil
        } _: { bench, error in
            #expect(error == nil)
            #expect(bench.notes.withLock { $0 }.contains { $0.contains("cannot be reached") })
            // What was received before the cut is not asked for again, but for what the client still held.
            let ranges = bench.server.requests.filter(\.isStorage).compactMap { $0.header("range") }
            #expect(ranges.contains { $0.hasSuffix("-65535") && !$0.hasPrefix("bytes=0-") })
        }
    }

    @Test func smallFilesThatAreCutOffAreResumedToo() async throws {
        try await pull(Repository("org/name", [Repository.File("a.bin", Repository.bytes(50_000, seed: 1))])) {
            request in
            request.fetches("a.bin") ? .cut(after: 20_000) : nil
        } _: { bench, error in
            #expect(error == nil)
            let ranges = bench.server.requests.filter { $0.fetches("a.bin") }.map { $0.header("range") }
            #expect(ranges.first == .some(nil) && ranges.dropFirst().allSatisfy { $0?.hasSuffix("-49999") == true })
        }
    }

    @Test func aLineThatBringsNothingIsGivenUp() async throws {
        try await pull(attempts: 4) {
            $0.isStorage ? .closed : nil
        } _: { bench, error in
            #expect(error?.kind == .unreachable)
            #expect(error?.description.hasSuffix("(after 4 attempts)") == true, "\(error as Any)")
            #expect(error?.description.contains("org/name/model.safetensors: 127.0.0.1") == true)
            #expect(bench.waits.withLock { $0 }.contains(.seconds(2)))
        }
    }

    @Test func silenceIsNotWaitedForForever() async throws {
        try await withBench { bench in
            let silent = Mutex(0)
            bench.server.misbehave { request in
                request.isStorage
                    && silent.withLock {
                        $0 += 1
                        return $0 == 2
                    } ? .silence : nil
            }
            // However slow the machine is: a silence too many only means another attempt.
            let snapshot = try await bench.pull {
                $0.readTimeout = .milliseconds(500)
                $0.patience.maxAttempts = 1000
            }
            #expect(try isWhole(snapshot.folder, repository()))
            #expect(bench.notes.withLock { $0 }.contains { $0.contains("silence") })
        }
    }

    @Test(arguments: [429, 500, 502, 503, 504, 408])
    func overloadIsWaitedOut(_ status: Int) async throws {
        let failures = Mutex<[String: Int]>([:])
        try await pull { request in
            // Every address fails twice.
            failures.withLock { failures in
                failures[request.method + request.uri, default: 0] += 1
                return failures[request.method + request.uri]! <= 2
            } ? .status(status, headers: ["Retry-After": "7"]) : nil
        } _: { bench, error in
            #expect(error == nil)
            #expect(bench.waits.withLock { $0 }.filter { $0 == .seconds(7) }.count >= 8)
            #expect(bench.notes.withLock { $0 }.contains { $0.contains("trying again in 7 s") })
        }
    }

    @Test func theHubsOwnWayToNameAWaitIsUnderstood() async throws {
        let count = Mutex(0)
        try await pull { _ in
            count.withLock {
                $0 += 1
                return $0 == 1
            } ? .status(429, headers: ["RateLimit": "\"api\";r=0;t=55"]) : nil
        } _: { bench, error in
            #expect(error == nil && bench.waits.withLock { $0 } == [.seconds(55)])
            let note = try #require(bench.notes.withLock { $0.first })
            #expect(note.contains("asks to wait 55 s") && note.contains("HF_TOKEN"))
        }
    }

    @Test func aWaitOfAnHourIsAnErrorThatSaysSo() async throws {
        try await pull { _ in
            .status(429, headers: ["Retry-After": "3600"])
        } _: { bench, error in
            #expect(error?.description.contains("asks to wait 3600 s") == true && bench.waits.withLock { $0 }.isEmpty)
            #expect(error?.description.hasSuffix("run again after that") == true)
        }
    }

    @Test func otherBytesAreFetchedAgainAndThenRefused() async throws {
        let spoiled = Mutex(false)
        try await pull { request in
            request.isStorage
                && spoiled.withLock { isSpoiled in
                    defer { isSpoiled = true }
                    return !isSpoiled
                } ? .otherBytes : nil
        } _: { bench, error in
            #expect(error == nil)
            #expect(
                bench.notes.withLock { $0 }.contains { $0.contains("SHA-256") && $0.hasSuffix("fetching it again") })
        }
        try await pull {
            $0.isStorage ? .otherBytes : nil
        } _: { bench, error in
            #expect(error?.kind == .damaged)
            #expect(error?.description.contains("its SHA-256 is") == true)
            #expect(error?.description.contains("nothing of it was kept") == true)
            let blobs = try bench.contents("models--org--name/blobs")
            #expect(!blobs.contains { $0.utf8.count >= 64 })
        }
    }

    @Test func smallFilesAreCheckedByGitsHash() async throws {
        try await pull {
            $0.fetches("config.json") ? .otherBytes : nil
        } _: { _, error in
            #expect(error?.kind == .damaged && error?.description.contains("its git hash is") == true)
        }
    }

    @Test func aServerThatKnowsNoRangesGivesTheWholeFileOnce() async throws {
        try await pull {
            $0.isStorage ? .ignoredRange : nil
        } _: { bench, error in
            #expect(error == nil)
            #expect(bench.progress.withLock { $0.last?.received } == 300_036)
        }
        // Cut off, it begins at the beginning.
        let count = Mutex(0)
        try await pull { request in
            guard request.isStorage else { return nil }
            return count.withLock {
                $0 += 1
                return $0
            } > 8 ? .ignoredRange : request.header("range") == nil ? .cut(after: 100_000) : .ignoredRange
        } _: { _, error in
            #expect(error == nil, "\(error as Any)")
        }
    }

    @Test(arguments: [-1000, 1000]) func aWrongLengthIsRefused(_ change: Int) async throws {
        try await pull {
            $0.isStorage ? .length(by: change) : nil
        } _: { _, error in
            #expect(error?.kind == .damaged || error?.kind == .unreachable, "\(error as Any)")
        }
        try await pull {
            $0.fetches("config.json") ? .length(by: change / 100) : nil
        } _: { _, error in
            #expect(
                error?.kind == .damaged && error?.description.contains("in the hub's list") == true, "\(error as Any)")
        }
    }

    @Test func aStorageWithFewerBytesIsAskedOnceMore() async throws {
        try await pull {
            $0.isStorage ? .status(416) : nil
        } _: { _, error in
            #expect(error?.description.contains("has fewer bytes of it than the hub says") == true, "\(error as Any)")
        }
        let count = Mutex(0)
        try await pull { request in
            request.isStorage
                && count.withLock {
                    $0 += 1
                    return $0 == 3
                } ? .status(416) : nil
        } _: { _, error in
            #expect(error == nil)
        }
    }

    @Test func aSignedAddressThatRanOutIsAskedForAgain() async throws {
        let count = Mutex(0)
        try await pull { request in
            request.isStorage
                && count.withLock {
                    $0 += 1
                    return $0 == 3
                } ? .status(403, body: "<Error>Request has expired</Error>") : nil
        } _: { bench, error in
            #expect(error == nil)
            #expect(
                bench.server.requests.filter { $0.method == "HEAD" && $0.uri.hasSuffix("model.safetensors") }.count > 1)
            #expect(bench.waits.withLock { $0 }.isEmpty)
        }
    }

    @Test(arguments: ["bytes 5-65540/300000", "bytes 0-65535/400000", "nonsense"])
    func otherRangesThanAskedForAreRefused(_ range: String) async throws {
        try await pull {
            $0.isStorage ? .status(206, headers: ["Content-Range": range], body: "x") : nil
        } _: { _, error in
            #expect(error?.kind == .damaged)
        }
    }

    @Test(
        arguments: [
            (["X-Linked-Size": "5"], "its headers say 5"),
            (["X-Linked-Etag": "\"\(String(repeating: "a", count: 64))\""], "its headers say aaaa"),
            (["X-Linked-Etag": "\"../../x\""], "no entity tag"), (["X-Repo-Commit": ""], "names no commit"),
            (["X-Repo-Commit": Repository.commit(9)], "answers with commit"),
        ] as [([String: String], String)])
    func headersThatContradictTheListAreRefused(_ headers: [String: String], why: String) async throws {
        try await pull {
            $0.method == "HEAD" && $0.uri.hasSuffix("model.safetensors") ? .headers(headers) : nil
        } _: { bench, error in
            #expect(error?.description.contains(why) == true, "\(error as Any)")
            #expect(!bench.server.requests.contains { $0.isStorage })
        }
    }

    @Test func aMirrorsOwnTagForASmallFileIsItsName() async throws {
        try await pull {
            $0.method == "HEAD" && $0.uri.hasSuffix("config.json") ? .headers(["ETag": "W/\"mirror-7\""]) : nil
        } _: {
            bench, error in
            #expect(error == nil)
            let blobs = try bench.contents("models--org--name/blobs")
            #expect(blobs.contains("mirror-7"))
        }
    }

    @Test(arguments: ["../../../../etc/x", "/etc/x", "a/../../x", "a\\..\\x", "a//b"])
    func aFileThatWouldLieOutsideIsRefused(_ path: String) async throws {
        try await pull(Repository("org/name", [Repository.File("a.txt", "a"), Repository.File(path, "b")])) { _ in
            nil
        } _: { bench, error in
            #expect(
                error?.kind == .damaged && error?.description.contains("would lie outside") == true, "\(error as Any)")
            #expect(bench.server.sent == 0)
        }
    }

    @Test(arguments: ["<html>hello</html>", "{\"sha\": 5}", "{}", "[1, 2"])
    func aPageThatIsNoHubIsNotTakenForOne(_ body: String) async throws {
        try await pull { _ in
            .status(200, headers: ["Content-Type": "text/html"], body: body)
        } _: { _, error in
            #expect(
                error?.kind == .unreachable && error?.description.contains("HF_ENDPOINT") == true, "\(error as Any)")
        }
    }

    @Test func compressionThatNobodyAskedForIsRefused() async throws {
        try await pull {
            $0.fetches("config.json") ? .headers(["Content-Encoding": "gzip"]) : nil
        } _: { _, error in
            #expect(error?.description.contains("it comes as gzip") == true)
        }
    }

    @Test func redirectsInACircleEnd() async throws {
        try await pull { request in
            request.isStorage ? .status(302, headers: ["Location": "/again?signature=1"]) : nil
        } _: { _, error in
            #expect(error?.description.hasSuffix("redirects without end") == true)
        }
        try await pull { _ in
            .status(302, headers: ["Location": "/again"])
        } _: { _, error in
            #expect(error?.description.hasSuffix("redirects without end") == true)
        }
    }

    @Test func aHubThatIsNotThereIsSaidSo() async throws {
        try await withBench { bench in
            let error = try await bench.failure("org/name", bench.hub(["HF_ENDPOINT": "http://127.0.0.1:1"]))
            #expect(
                error?.kind == .unreachable && error?.description.contains("127.0.0.1 cannot be reached") == true,
                "\(error as Any)")
            #expect(bench.waits.withLock { $0 } == [.seconds(0.5), .seconds(1)])
        }
    }
}

/// What the hub does not give to everybody, or does not have.
@Suite struct RefusalTests {
    @Test func aGatedRepositorySaysWhereToAcceptItsTerms() async throws {
        var gated = repository()
        gated.isGated = true
        try await withBench([gated]) { bench in
            bench.server.accept(token: "hf_good")
            let unknown = try #require(try await bench.failure())
            #expect(unknown.kind == .refused)
            #expect(unknown.description.contains("is gated: accept its terms at \(bench.server.endpoint)/org/name"))
            #expect(unknown.description.contains("HF_TOKEN"))
            #expect(try await bench.failure("org/name", bench.hub(["HF_TOKEN": "hf_good"])) == nil)
        }
        try await withBench([gated]) { bench in
            let known = try #require(try await bench.failure("org/name", bench.hub(["HF_TOKEN": "hf_other"])))
            #expect(known.kind == .refused && known.description.contains("the account of the token in HF_TOKEN"))
            #expect(!known.description.contains("hf_other"))
        }
    }

    @Test func aTokenThatIsNotAcceptedIsNamedByWhereItComesFrom() async throws {
        try await withBench { bench in
            bench.server.accept(token: "hf_good")
            let error = try #require(try await bench.failure("org/name", bench.hub(["HF_TOKEN": "hf_bad"])))
            #expect(error.kind == .refused && error.description.contains("does not accept the token in HF_TOKEN"))
            #expect(!error.description.contains("hf_bad"))
        }
    }

    @Test func whatIsForbiddenIsSaidInTheHubsWords() async throws {
        try await withBench { bench in
            bench.server.misbehave { _ in .status(403, headers: ["X-Error-Message": "Repository is disabled."]) }
            let error = try #require(try await bench.failure())
            #expect(error.kind == .refused && error.description.contains("(Repository is disabled.)"))
        }
    }

    @Test func aRepositoryThatIsNotThereMayBeADataSet() async throws {
        try await withBench([Repository("org/data", kind: "datasets", [Repository.File("a", "a")])]) { bench in
            let error = try #require(try await bench.failure("org/nothing"))
            #expect(error.kind == .missing && error.description.contains("has no public model org/nothing"))
            let near = try #require(try await bench.failure("org/data"))
            #expect(near.description.hasSuffix("there is a data set of that name: datasets/org/data"))
        }
    }

    @Test func aRevisionThatIsNotThereIsAnsweredWithThoseThatAre() async throws {
        try await withBench { bench in
            let error = try #require(try await bench.failure("org/name@mian"))
            #expect(error.description == "org/name has no branch, tag or commit mian; there is main")
        }
    }

    @Test func aFileThatIsNotThereIsAnsweredWithTheNearest() async throws {
        try await withBench { bench in
            let error = try #require(try await bench.failure("hf://org/name/confg.json"))
            #expect(error.description == "org/name@main has no file or folder confg.json; there is config.json")
            #expect(try bench.contents("models--org--name/.no_exist") == ["\(Repository.commit(1))/confg.json"])
            let other = try #require(try await bench.failure(files: .matching(["*.gguf"])))
            #expect(other.description.contains("nothing there is *.gguf; it has config.json"))
        }
    }
}
