import Foundation
import Hub
import ScriptedHub
import TestSupport
import Testing

/// A pull that is killed, again and again.
@Suite struct KillTests {
    /// `INTERLINEAR_KILLS` asks for more.
    private static let kills = ProcessInfo.processInfo.environment["INTERLINEAR_KILLS"].flatMap { Int($0) } ?? 20

    private struct MissingProgram: Error {}

    /// The program that pulls, beside the test bundle.
    private static func program() throws -> URL {
        for start in [Bundle.main.bundleURL, URL(fileURLWithPath: CommandLine.arguments[0]), Bundle.main.executableURL]
        {
            var folder = start?.standardizedFileURL ?? URL(fileURLWithPath: "/")
            while folder.path != "/" {
                let candidate = folder.appending(path: "HubPull")
                var isFolder: ObjCBool = false
                if FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isFolder), !isFolder.boolValue {
                    return candidate
                }
                folder.deleteLastPathComponent()
            }
        }
        throw MissingProgram()
    }

    private static func start(_ bench: Bench) throws -> Process {
        let process = Process()
        process.executableURL = try program()
        // Small pieces: a kill is then in the middle of something.
        process.arguments = ["org/name", "65536", "8192"]
        process.environment = ProcessInfo.processInfo.environment.merging(bench.environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    @Test func howeverOftenItIsKilledAPullEndsWithAWholeCache() async throws {
        let large = 3_000_000
        let small = (0..<150).map {
            Repository.File("small/\($0).txt", Repository.bytes(500 + $0, seed: UInt64($0 + 1)))
        }
        let middle = (0..<6).map {
            Repository.File("part-\($0).bin", Repository.bytes(90_000, seed: UInt64(1000 + $0)), isLarge: true)
        }
        let repository = Repository(
            "org/name",
            small + middle + [Repository.File("model.safetensors", Repository.bytes(large, seed: 7), isLarge: true)])
        let all = try #require(repository.commits[Repository.commit(1)]).reduce(0) { sum, file in
            if case .bytes(let bytes, _) = file.content { sum + bytes.count } else { sum }
        }
        try await withBench([repository]) { bench in
            // Kills are spread over the bytes, so that they also come between hash, name and link.
            var random = SystemRandomNumberGenerator(), kills = 0, finished = 0
            while kills + finished < Self.kills {
                bench.server.limit(Int.random(in: 1...max(1, 2 * all / Self.kills), using: &random))
                let process = try Self.start(bench)
                // The process ends by itself where there is less left than that.
                let end = Task.detached {
                    process.waitUntilExit()
                    bench.server.endWaiting()
                }
                await bench.server.waitForLimit()
                if process.isRunning {
                    kill(process.processIdentifier, SIGKILL)
                    kills += 1
                }
                await end.value
                if process.terminationReason == .exit { finished += 1 }
                bench.server.behave()
                // Whatever is there under its name is whole.
                try Self.checkBlobs(bench)
                if process.terminationReason == .exit {
                    // All was here: begin again.
                    try bench.hub().remove(HubReference("org/name"))
                }
            }
            let snapshot = try await bench.pull()
            #expect(try isWhole(snapshot.folder, repository))
            #expect(try !bench.contents().contains { $0.hasSuffix(".incomplete") })
            #expect(try bench.hub().list().first?.revisions.first?.isWhole == true)
            #expect(kills > 0)
        }
    }

    private static func checkBlobs(_ bench: Bench) throws {
        let blobs = bench.cache.appending(path: "models--org--name/blobs")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: blobs.path)) ?? []
        for name in names where !name.hasSuffix(".incomplete") {
            let bytes = Array(try Data(contentsOf: blobs.appending(path: name)))
            let isLarge = name.utf8.count == 64
            #expect(Repository.File("x", bytes, isLarge: isLarge).tag == name)
        }
        // No branch names a commit that is not whole.
        if FileManager.default.fileExists(atPath: bench.cache.appending(path: "models--org--name/refs/main").path) {
            #expect(try bench.hub().cached(HubReference("org/name")) != nil)
        }
    }
}
