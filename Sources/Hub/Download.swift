import Foundation
import Synchronization

/// Fetches the files of one commit over a limited number of connections. Each connection takes the next piece of a file that is open,
/// and opens the next file where there is none.
actor Download {
    private enum Job {
        case open(FileFetch)
        case piece(FileFetch, Range<Int>)
    }
    private let settings: HubSettings
    private var unopened: ArraySlice<FileFetch>
    private var open: [FileFetch] = []
    private var running = 0
    private var isStopped = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    private init(_ files: [FileFetch], _ settings: HubSettings) {
        unopened = files[...]
        self.settings = settings
    }

    /// Fetches files until all are here.
    ///
    /// - Throws: the first error; the parts of the others are left to be resumed.
    static func run(_ files: [FileFetch], _ settings: HubSettings) async throws {
        let download = Download(files, settings)
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<max(1, settings.connections) { group.addTask { try await download.work() } }
                try await group.waitForAll()
            }
        } catch {
            for file in files { file.abandon() }
            throw error
        }
    }

    private nonisolated func work() async throws {
        do {
            while let job = await next() {
                switch job {
                case .open(let file):
                    let isToBeFetched = try await file.open()
                    await opened(file, isToBeFetched)
                case .piece(let file, let range):
                    if try await file.fetch(range) {
                        await closed(file)
                        if try await !file.finish() { await reopened(file) }
                    }
                    await ended()
                }
            }
        } catch {
            // The others are in the middle of something, which the group cancels, or waiting for work.
            await stop()
            throw error
        }
    }

    private func next() async -> Job? {
        while !isStopped {
            for file in open {
                if let range = file.take() {
                    running += 1
                    return .piece(file, range)
                }
            }
            if let file = unopened.popFirst() {
                running += 1
                return .open(file)
            }
            // A piece that is being fetched may be given back, and a file that is being opened has pieces.
            guard running > 0 else { return nil }
            await withCheckedContinuation { waiters.append($0) }
        }
        return nil
    }

    private func opened(_ file: FileFetch, _ isToBeFetched: Bool) {
        if isToBeFetched { open.append(file) }
        ended()
    }

    private func reopened(_ file: FileFetch) { open.append(file) }

    private func closed(_ file: FileFetch) { open.removeAll { $0 === file } }

    private func ended() {
        running -= 1
        wake()
    }

    private func stop() {
        isStopped = true
        wake()
    }

    private func wake() {
        let all = waiters
        waiters = []
        for waiter in all { waiter.resume() }
    }
}
