import Foundation
import Hub
import ScriptedHub
import Synchronization
import Testing

@Suite struct ResumeTests {
    private let large = 1_000_000

    /// Bytes of the large file that were asked for.
    private func bytesAsked(_ bench: Bench) -> Int {
        bench.server.requests.filter { $0.fetches("model.safetensors") }.compactMap { $0.header("range") }.reduce(0) {
            sum, range in
            let numbers = range.dropFirst(6).split(separator: "-").compactMap { Int($0) }
            return sum + numbers[1] - numbers[0] + 1
        }
    }

    @Test func aPullThatBrokeOffGoesOnWhereItWas() async throws {
        try await withBench([repository(large: large)]) { bench in
            bench.server.misbehave { $0.isStorage && $0.number > 12 ? .status(400) : nil }
            #expect(try await bench.failure("org/name", bench.hub([:]) { $0.connections = 2 })?.kind == .unreachable)
            let first = bench.server.sent
            bench.server.behave()
            let snapshot = try await bench.pull { $0.connections = 2 }
            #expect(try isWhole(snapshot.folder, repository(large: large)))
            // Pieces that were whole are not fetched again; the other connection's may have been in the middle.
            #expect(first > 200_000 && bytesAsked(bench) <= large - first + 36 + 2 * (64 << 10))
            #expect(bench.plans.withLock { $0.last?.missingBytes ?? 0 } <= large - 200_000)
            #expect(try !bench.contents().contains { $0.hasSuffix(".incomplete") })
        }
    }

    @Test func cancellingLeavesPartsThatResume() async throws {
        try await withBench([repository(large: large)]) { bench in
            try await bench.breakOff(after: 400_000)
            #expect(try bench.contents("models--org--name/blobs").contains { $0.hasSuffix(".pieces.incomplete") })
            #expect(try bench.contents("models--org--name").allSatisfy { !$0.contains("refs") })
            let snapshot = try await bench.pull()
            #expect(try isWhole(snapshot.folder, repository(large: large)))
            // All but what came of cells that were not whole.
            #expect(bytesAsked(bench) <= large - 400_000 + 8 * (8 << 10))
        }
    }

    @Test func aPartOfAnotherProgramIsResumedByRange() async throws {
        for size in [40_000, 300_000] {
            let repository = repository(large: size), file = try #require(repository.commits[Repository.commit(1)]?[3])
            guard case .bytes(let bytes, _) = file.content else { continue }
            try await withBench([repository]) { bench in
                let blobs = bench.cache.appending(path: "models--org--name/blobs")
                try FileManager.default.createDirectory(at: blobs, withIntermediateDirectories: true)
                try Data(bytes.prefix(30_000)).write(to: blobs.appending(path: file.tag + ".incomplete"))
                let snapshot = try await bench.pull()
                #expect(try isWhole(snapshot.folder, repository))
                let ranges = bench.server.requests.filter { $0.fetches("model.safetensors") }.compactMap {
                    $0.header("range")
                }
                #expect(!ranges.contains { $0.hasPrefix("bytes=0-") })
                if size == 40_000 { #expect(ranges == ["bytes=30000-39999"]) }
                #expect(try !bench.contents().contains { $0.hasSuffix(".incomplete") })
            }
        }
    }

    @Test(arguments: ["longer than the file", "other bytes", "an old footer", "whole but unnamed"])
    func aPartThatIsOfNoUseDoesNoHarm(_ kind: String) async throws {
        let repository = repository(large: 300_000), file = try #require(repository.commits[Repository.commit(1)]?[3])
        guard case .bytes(let bytes, _) = file.content else { return }
        try await withBench([repository]) { bench in
            let blobs = bench.cache.appending(path: "models--org--name/blobs")
            try FileManager.default.createDirectory(at: blobs, withIntermediateDirectories: true)
            let plain = blobs.appending(path: file.tag + ".incomplete")
            let pieces = blobs.appending(path: file.tag + ".pieces.incomplete")
            switch kind {
            case "longer than the file": try Data(count: 400_000).write(to: plain)
            case "other bytes": try Data(count: 100_000).write(to: plain)
            case "an old footer": try (Data(bytes) + Data("NLAPIECE".utf8) + Data(count: 500)).write(to: pieces)
            default: try Data(bytes).write(to: pieces)
            }
            let snapshot = try await bench.pull()
            #expect(try isWhole(snapshot.folder, repository))
            if kind == "whole but unnamed" { #expect(bytesAsked(bench) == 0) }
            #expect(try !bench.contents("models--org--name/blobs").contains { $0.hasSuffix(".pieces.incomplete") })
        }
    }

    @Test func twoPullsAtOnceFetchEverythingOnce() async throws {
        try await withBench([repository(large: large)]) { bench in
            async let first = bench.pull()
            async let second = bench.pull()
            let snapshots = try await [first, second]
            #expect(snapshots[0].folder == snapshots[1].folder)
            #expect(try isWhole(snapshots[0].folder, repository(large: large)))
            #expect(bench.server.sent == large + 36)
        }
    }

    @Test func aFullDiskIsSaidBeforeAnythingIsFetched() async throws {
        try await withBench { bench in
            let error = try await bench.failure("org/name", bench.hub([:]) { $0.freeSpace = { _ in 1_000_000 } })
            #expect(error?.kind == .disk && bench.server.sent == 0)
            #expect(error?.description.contains("300 kB are to be fetched") == true)
            #expect(error?.description.contains("1.0 MB free") == true)
        }
    }
}
