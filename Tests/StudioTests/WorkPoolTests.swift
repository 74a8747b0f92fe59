import Dispatch
import Foundation
import JSON
import Studio
import Synchronization
import Testing

// Long work, and who waits for it.
extension FaultTests {
    /// A pool whose only thread is taken until `free` is called.
    private final class Blocked: Sendable {
        let pool = WorkPool(threads: 1, limit: 3)
        private let gate = DispatchSemaphore(value: 0)
        private let blocker: Task<Void, any Error>

        init() async {
            let (started, starts) = AsyncStream.makeStream(of: Void.self)
            blocker = Task { [pool, gate] in
                try await pool.run(size: .max) {
                    starts.finish()
                    gate.wait()
                }
            }
            for await _ in started {}
        }

        func free() async throws {
            gate.signal()
            try await blocker.value
        }
    }

    /// Whether something has happened.
    private final class Flag: Sendable {
        private let state = Mutex(false)

        var isSet: Bool { state.withLock { $0 } }

        func set() { state.withLock { $0 = true } }
    }

    @Test("Small work is done beside long work, long work waits for a thread, and too much of it is refused")
    func longWork() async throws {
        let blocked = await Blocked()
        #expect(try await blocked.pool.run(size: WorkPool.smallSize) { 3 } == 3)
        let done = Flag()
        // Of four that ask for the two places that are left, two are refused, and no others.
        let outcomes = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    do {
                        try await blocked.pool.run(size: WorkPool.smallSize + 1) { done.set() }
                        return true
                    } catch {
                        return false
                    }
                }
            }
            var outcomes: [Bool] = []
            while outcomes.count < 2, let next = try await group.next() { outcomes.append(next) }
            #expect(outcomes == [false, false] && !done.isSet)
            try await blocked.free()
            while let next = try await group.next() { outcomes.append(next) }
            return outcomes
        }
        #expect(outcomes == [false, false, true, true])
    }

    @Test("Requests with long texts hold up neither those with short ones nor those that are being answered")
    func longTexts() async throws {
        let blocked = await Blocked()
        try await withServer(pool: blocked.pool) { client, _ async throws in
            let text = String(repeating: "Cyril and Rosa lived near the market. ", count: 300)
            let answered = Flag()
            let long = ["/tokenize", "/extract"].map { path in
                Task {
                    let status = try await client.post(path, ["text": .string(text)]).status
                    answered.set()
                    return status
                }
            }
            #expect(try await client.post("/tokenize", ["text": "Rosa"]).status == 200)
            let explained = try await client.frames(
                "/explain", ["text": "Rosa took a saddle.", "positions": [-1], "stream": true, "max_new_tokens": 8])
            #expect(explained.isDone)
            #expect(
                try await client.post(
                    "/v1/chat/completions", ["messages": [["role": "user", "content": "Hi"]], "max_tokens": 2]
                ).status == 200)
            #expect(!answered.isSet)
            try await blocked.free()
            for task in long { #expect(try await task.value == 200) }
        }
    }
}
