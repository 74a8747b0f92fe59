import Foundation
import GRDB
import JSON
import Studio
import Synchronization
import TestSupport
import Testing

/// A kill and a full disk: what was acknowledged stays.
@Suite("The library under faults", .serialized)
struct LibraryFaultTests {
    // MARK: Kill

    /// What a writer was told is done.
    private struct Acknowledged {
        /// Texts and their notes by the number of the reading.
        var readings: [String: (text: String, notes: [String])] = [:]
        var deleted: Set<String> = []
    }

    /// What all writers were told.
    private final class Ledger: Sendable {
        private let state = Mutex(Acknowledged())

        func withLock<Value: Sendable>(_ body: (inout sending Acknowledged) -> sending Value) -> Value {
            state.withLock(body)
        }
    }

    @Test("Killed while it writes, the studio has lost nothing that was acknowledged, and the file is whole")
    func killed() async throws {
        let folder = try Scratch(), file = folder.path("library.sqlite")
        let acknowledged = Ledger()
        for round in 0..<3 {
            let studio = try await Program(file)
            defer { studio.program.stop() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<4 {
                    group.addTask {
                        // Writing ends where the studio does.
                        try? await write(studio.client, "round \(round), writer \(writer)", acknowledged)
                    }
                }
                let before = acknowledged.withLock { $0.readings.count }
                try await wait(until: "enough was acknowledged") {
                    acknowledged.withLock { $0.readings.count } > before + 10 + 7 * round
                }
                studio.program.kill()
                try await group.waitForAll()
            }
            try LibraryFaultTests.checkFile(file)
        }
        let studio = try await Program(file)
        defer { studio.program.stop() }
        let readings = acknowledged.withLock { $0.readings }, deleted = acknowledged.withLock { $0.deleted }
        #expect(readings.count > 30 && !deleted.isEmpty)
        for (id, kept) in readings {
            let reading = try await studio.client.get("/studio/readings/\(id)").json()
            #expect(reading["text"]?.string == kept.text)
            let notes = reading["notes"]?.array?.compactMap { $0["text"]?.string } ?? []
            #expect(Set(kept.notes).isSubset(of: notes), "\(kept.notes) \(notes)")
        }
        for id in deleted { #expect(try await studio.client.get("/studio/readings/\(id)").status == 404) }
    }

    /// Writes readings with notes, and deletes some, for as long as somebody answers.
    private func write(_ client: Client, _ name: String, _ acknowledged: Ledger) async throws {
        for number in 0..<10_000 {
            let text = "Rosa took a rusty saddle out of a bag, \(name), number \(number)."
            let answer = try await client.post("/studio/readings", ["text": .string(text)])
            #expect(answer.status == 201, "\(answer.text.prefix(200))")
            let id = try #require(answer.json()["id"]?.string)
            acknowledged.withLock { $0.readings[id] = (text, []) }
            let note = "note of \(name), number \(number)"
            let noted = try await client.post("/studio/readings/\(id)/notes", ["position": 1, "text": .string(note)])
            #expect(noted.status == 201, "\(noted.text.prefix(200))")
            acknowledged.withLock { $0.readings[id]?.notes.append(note) }
            guard number % 4 == 3 else { continue }
            // From here on it may be there or not, until the answer comes.
            acknowledged.withLock { $0.readings[id] = nil }
            #expect(try await client.send("DELETE", "/studio/readings/\(id)", nil, []).status == 204)
            _ = acknowledged.withLock { $0.deleted.insert(id) }
        }
    }

    /// The file is whole, word indexes included.
    private static func checkFile(_ file: URL) throws {
        let queue = try DatabaseQueue(path: file.path)
        let found = try queue.write { database in
            for words in ["explanationWords", "readingWords", "noteWords"] {
                try database.execute(sql: "INSERT INTO \(words)(\(words), rank) VALUES ('integrity-check', 1)")
            }
            return try String.fetchAll(database, sql: "PRAGMA integrity_check")
                + Row.fetchAll(database, sql: "PRAGMA foreign_key_check").map(\.description)
        }
        #expect(found == ["ok"])
        try queue.close()
    }

    // MARK: A full disk

    @Test("A library that has no more room says so with 507, keeps what it has, and goes on once there is room")
    func limited() async throws {
        let folder = try Scratch(), file = folder.path("library.sqlite")
        try await withServer {
            $0.page = .init(library: file)
            $0.page?.maximumLibraryBytes = 2 << 20
        } _: { client, _ async throws in
            try await fill(client)
        }
        try LibraryFaultTests.checkFile(file)
    }

    @Test(
        "On a disk that is full it is the same",
        .enabled(if: SmallDisk.isPossible, "needs the superuser's right to mount a small disk"))
    func full() async throws {
        let disk = try SmallDisk(bytes: 4 << 20)
        let file = disk.url.appending(path: "library.sqlite"), other = disk.url.appending(path: "other")
        try Data(count: 1 << 20).write(to: other)
        try await withServer {
            $0.page = .init(library: file)
        } _: { client, _ async throws in
            try await fill(client) { try FileManager.default.removeItem(at: other) }
        }
        try LibraryFaultTests.checkFile(file)
    }

    /// Writes until there is no room, looks whether all is there, makes room, and writes again.
    private func fill(_ client: Client, makeRoom: () throws -> Void = {}) async throws {
        let words = String(repeating: "The hero is greedy. ", count: 150)
        var kept: [(id: String, text: String)] = []
        var refusal: Client.Answer?
        for number in 0..<2000 where refusal == nil {
            let text = "Reading \(number). \(words)"
            let answer = try await client.post("/studio/readings", ["text": .string(text)])
            if answer.status == 201 {
                kept.append((try #require(answer.json()["id"]?.string), text))
            } else {
                refusal = answer
            }
        }
        let refused = try #require(refusal)
        #expect(refused.status == 507 && kept.count > 3, "\(refused.status) \(refused.text.prefix(200))")
        #expect(try refused.json()["detail"]?.string?.contains("free some space") == true)
        for (id, text) in kept {
            #expect(try await client.get("/studio/readings/\(id)").json()["text"]?.string == text)
        }
        #expect(try await client.get("/studio/library/readings").status == 200)
        try makeRoom()
        for (id, _) in kept.dropFirst(2) {
            let answer = try await client.send("DELETE", "/studio/readings/\(id)", nil, [])
            #expect(answer.status == 204, "\(answer.status) \(answer.text.prefix(200))")
        }
        let again = try await client.post("/studio/readings", ["text": .string(kept[0].text)])
        #expect(again.status == 201, "\(again.status) \(again.text.prefix(200))")
        #expect(try await client.get("/studio/readings/\(kept[1].id)").json()["text"]?.string == kept[1].text)
    }
}

/// The real `nla studio` on the bundled models, with a given library.
private struct Program {
    let program: RunningProgram
    let client: Client

    init(_ library: URL) async throws {
        program = try RunningProgram(
            builtExecutable().path,
            [
                "studio", "--nla", Bundled.folder.path, "--library", library.path, "--port", "0", "--no-open",
                "--quiet", "--threads", "1",
            ])
        client = Client(port: try await program.port { $0.contains("http://") })
    }
}

/// A file system of a few megabytes.
private final class SmallDisk {
    let url: URL

    static var isPossible: Bool {
        guard geteuid() == 0 else { return false }
        // A container's superuser may not be allowed to.
        return (try? SmallDisk(bytes: 1 << 20)) != nil
    }

    init(bytes: Int) throws {
        url = FileManager.default.temporaryDirectory.appending(path: "nla-disk-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        guard SmallDisk.run(["mount", "-t", "tmpfs", "-o", "size=\(bytes)", "tmpfs", url.path]) else {
            try? FileManager.default.removeItem(at: url)
            throw CancellationError()
        }
    }

    deinit {
        _ = SmallDisk.run(["umount", url.path])
        try? FileManager.default.removeItem(at: url)
    }

    private static func run(_ command: [String]) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
