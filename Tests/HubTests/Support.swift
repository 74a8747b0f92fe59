import Foundation
import Hub
import JSON
import ScriptedHub
import Synchronization
import TestSupport
import Testing

/// A hub to ask, a cache of its own, and what the observer was told.
final class Bench: Sendable {
    let server: ScriptedHub
    let home: URL
    let environment: [String: String]
    /// Waits that the program asked for; none of them takes time.
    let waits = Mutex<[Duration]>([])
    private let time = Mutex(Duration.zero)
    let notes = Mutex<[String]>([])
    let plans = Mutex<[HubPlan]>([])
    let progress = Mutex<[HubProgress]>([])

    init(_ server: ScriptedHub, _ more: [String: String] = [:]) throws {
        self.server = server
        home = FileManager.default.temporaryDirectory.appending(path: "hub-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
        environment = ["HF_HOME": home.path, "HF_ENDPOINT": server.endpoint].merging(more) { $1 }
    }

    deinit { try? FileManager.default.removeItem(at: home) }

    var cache: URL { home.appending(path: "hub") }

    /// A hub whose waits are only noted, and whose pieces are small.
    func hub(_ more: [String: String] = [:], _ change: (inout HubSettings) -> Void = { _ in }) throws -> Hub {
        var hub = try Hub(environment: environment.merging(more) { $1 })
        hub.settings.pieceSize = 64 << 10
        hub.settings.cellSize = 8 << 10
        hub.settings.isDurable = false
        hub.settings.readTimeout = .seconds(600)
        hub.settings.patience.jitter = { 0 }
        hub.settings.clock = HubClock(
            // A tenth of a second passes between any two looks at it: everything is told.
            now: { [self] in
                time.withLock {
                    $0 += .milliseconds(100)
                    return $0
                }
            },
            sleep: { [self] duration in
                waits.withLock { $0.append(duration) }
                await Task.yield()
                try Task.checkCancellation()
            })
        change(&hub.settings)
        return hub
    }

    var observer: HubObserver {
        HubObserver(
            approve: { [self] plan in
                plans.withLock { $0.append(plan) }
                return true
            }, progress: { [self] progress in self.progress.withLock { $0.append(progress) } },
            note: { [self] note in notes.withLock { $0.append(note) } })
    }

    /// Begins a pull, lets so many bytes arrive, and cancels it.
    func breakOff(after count: Int) async throws {
        let hub = try hub(), observer = observer
        // What is sent is on its way for some time.
        server.limit(2 * count)
        let task = Task { try await hub.resolve(HubReference("org/name"), observer: observer) }
        try await wait(until: "so much has come") { progress.withLock { $0.last?.received ?? 0 } >= count }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        server.behave()
    }

    /// Fetches, and returns the error where there is one.
    func failure(
        _ name: String = "org/name", _ hub: Hub? = nil, files: FileSelection = .everything
    ) async throws -> HubError? {
        do {
            _ = try await (hub ?? self.hub()).resolve(
                HubReference(name), files: files, freshness: .latest, observer: observer)
            return nil
        } catch let error as HubError { return error }
    }

    func pull(
        _ name: String = "org/name", files: FileSelection = .everything,
        _ change: (inout HubSettings) -> Void = { _ in }
    ) async throws -> Hub.Snapshot {
        try await hub([:], change).resolve(HubReference(name), files: files, freshness: .latest, observer: observer)
    }

    /// Paths below the cache, with what links lead to behind an arrow.
    func contents(_ folder: String = "") throws -> [String] {
        let top = cache.appending(path: folder)
        let paths = FileManager.default.enumerator(atPath: top.path)?.compactMap { $0 as? String } ?? []
        return paths.filter { path in
            let kind = try? FileManager.default.attributesOfItem(atPath: top.appending(path: path).path)[.type]
            return kind as? FileAttributeType != .typeDirectory
        }.map { path in
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: top.appending(path: path).path)
            return path + (target.map { " -> \($0)" } ?? "")
        }.sorted()
    }
}

/// A repository with a small file, one in a folder, and one on the storage host that is fetched in several pieces.
func repository(_ id: String = "org/name", large: Int = 300_000) -> Repository {
    Repository(
        id,
        [
            Repository.File("config.json", "{\"model_type\": \"llama\"}"),
            Repository.File("tokenizer.json", "{}"),
            Repository.File("extra/notes.txt", "some notes\n"),
            Repository.File("model.safetensors", Repository.bytes(large, seed: 7), isLarge: true),
        ])
}

/// Runs a body with a hub that has the usual repository.
func withBench(
    _ repositories: [Repository] = [repository()], _ more: [String: String] = [:],
    _ body: (Bench) async throws -> Void
) async throws {
    try await ScriptedHub.run { server in
        for repository in repositories { server.add(repository) }
        try await body(Bench(server, more))
    }
}

/// Whether a snapshot is a repository, byte for byte.
func isWhole(_ folder: URL, _ repository: Repository, revision: String = "main") throws -> Bool {
    for file in repository.commits[repository.refs[revision] ?? revision] ?? [] {
        guard case .bytes(let bytes, _) = file.content else { continue }
        guard try Array(Data(contentsOf: folder.appending(path: file.path))) == bytes else { return false }
    }
    return true
}
