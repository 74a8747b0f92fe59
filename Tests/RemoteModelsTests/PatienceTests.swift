import Foundation
import ScriptedServer
import Synchronization
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

import RemoteModels

@Suite struct PatienceTests {
    @Test func waitsDoubleUpToALimitAndSpreadBetweenHalfAndAll() {
        var policy = RetryPolicy()
        policy.firstDelay = .seconds(1)
        policy.longestDelay = .seconds(10)
        policy.jitter = { 0 }
        #expect((1...6).map { policy.delay(afterFailure: $0) } == [0.5, 1, 2, 4, 5, 5].map { .seconds($0) })
        policy.jitter = { 1 }
        #expect(policy.delay(afterFailure: 3) == .seconds(4))
        #expect(policy.delay(afterFailure: 1000) == .seconds(10))
    }

    @Test func aServersWaitIsSecondsMillisecondsOrADate() {
        let now = Date(timeIntervalSince1970: 1_445_412_470)
        func wait(_ after: String?, _ milliseconds: String? = nil) -> Duration? {
            RetryPolicy.wait(milliseconds: milliseconds, retryAfter: after, now: now)
        }
        #expect(wait("7") == .seconds(7) && wait("9", "1500") == .seconds(1.5))
        #expect(wait("Wed, 21 Oct 2015 07:28:00 GMT") == .seconds(10))
        #expect(wait("Wed, 21 Oct 2015 07:00:00 GMT") == .zero)
        #expect(wait("soon") == nil && wait("nan") == nil && wait(nil) == nil && wait("1e300") == .seconds(1e9))
    }

    /// The server that these tests ask must not wait for tests that compute.
    @Test func theServerAnswersWhileEveryThreadOfTheRuntimeIsBusy() async throws {
        let elapsed = Mutex<Duration?>(nil)
        try await ScriptedServer.run({ _ in .answer("here") }) { server in
            let address = try #require(URL(string: server.address))
            let busy = (0..<2 * ProcessInfo.processInfo.activeProcessorCount).map { _ in
                Task { _ = usleep(2_000_000) }
            }
            let client = Thread {
                Thread.sleep(forTimeInterval: 0.2)
                let start = ContinuousClock.now
                guard (try? Data(contentsOf: address)) == Data("here".utf8) else { return }
                elapsed.withLock { $0 = ContinuousClock.now - start }
            }
            client.start()
            for task in busy { await task.value }
        }
        #expect(try #require(elapsed.withLock { $0 }) < .seconds(1.5))
    }

    @Test func neverMoreAtOnceThanAllowed() async throws {
        try await ScriptedServer.run({ _ in
            try? await Task.sleep(for: .milliseconds(3))
            return .message("Hi.")
        }) { server in
            try await RemoteModel.connect(settings(server) { $0.concurrency = 3 }) { model in
                try await withThrowingTaskGroup(of: Completion.self) { group in
                    for _ in 0..<40 { group.addTask { try await model.complete(user: "?", maxTokens: 1) } }
                    try await group.waitForAll()
                }
                let usage = model.usage
                #expect(usage.requests == 40 && usage.inputTokens == 440 && usage.outputTokens == 280)
            }
            #expect(server.peak <= 3 && server.peak > 1 && server.requests.count == 40)
        }
    }

    @Test func overloadHalvesTheLimitOnceForRequestsThatWereTogether() async throws {
        let gate = RequestGate(most: 8)
        let (start, _) = try await gate.pass {}
        await gate.overloaded(start, wait: nil)
        await gate.overloaded(start, wait: nil)
        #expect(await gate.currentLimit == 4)
        for _ in 0..<100 { await gate.succeeded() }
        #expect(await gate.currentLimit == 8)
        for _ in 0..<10 {
            let (again, _) = try await gate.pass {}
            await gate.overloaded(again, wait: nil)
        }
        #expect(await gate.currentLimit == 1)
    }

    @Test func everybodyWaitsWhenTheServerAsksOne() async throws {
        let gate = RequestGate(most: 4)
        let (start, _) = try await gate.pass {}
        await gate.overloaded(start, wait: .milliseconds(80))
        let (next, _) = try await gate.pass {}
        #expect(next - start >= .milliseconds(80))
    }
}
