import Dispatch
import Foundation
import JSON
import RemoteModels
import ScriptedServer
import Synchronization
import TestSupport
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

@Suite struct PatienceTests {
    @Test func waitsDoubleUpToALimitAndSpreadBetweenHalfAndAll() {
        var policy = Backoff()
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
            Backoff.wait(milliseconds: milliseconds, retryAfter: after, now: now)
        }
        #expect(wait("7") == .seconds(7) && wait("9", "1500") == .seconds(1.5))
        #expect(wait("Wed, 21 Oct 2015 07:28:00 GMT") == .seconds(10))
        #expect(wait("Wed, 21 Oct 2015 07:00:00 GMT") == .zero)
        #expect(wait("soon") == nil && wait("nan") == nil && wait(nil) == nil && wait("1e300") == .seconds(1e9))
    }

    /// The server that these tests ask must not wait for tests that compute.
    @Test func theServerAnswersWhileEveryThreadOfTheRuntimeIsBusy() async throws {
        let threads = ProcessInfo.processInfo.activeProcessorCount
        let answer = Mutex<Data?>(nil)
        let isHeld = DispatchSemaphore(value: 0), isAnswered = DispatchSemaphore(value: 0)
        try await ScriptedServer.run({ _ in .answer("here") }) { server in
            let address = try #require(URL(string: server.address))
            // Every thread is held until the answer is there: one that needed such a thread would never come.
            let busy = (0..<threads).map { _ in
                Task {
                    isHeld.signal()
                    isAnswered.waitUnlessHung()
                }
            }
            Thread.detachNewThread {
                for _ in 0..<threads { isHeld.waitUnlessHung() }
                let data = try? Data(contentsOf: address)
                answer.withLock { $0 = data }
                for _ in 0..<threads { isAnswered.signal() }
            }
            for task in busy { await task.value }
        }
        #expect(answer.withLock { $0 } == Data("here".utf8))
    }

    @Test func neverMoreAtOnceThanAllowed() async throws {
        // The first three are answered once all of them have come.
        let company = Company(of: 3)
        try await ScriptedServer.run({ _ in
            await company.join()
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
            #expect(server.peak == 3 && server.requests.count == 40)
        }
    }

    /// Lets nobody pass until so many have come; then everybody.
    private actor Company {
        private var missing: Int
        private var waiting: [CheckedContinuation<Void, Never>] = []

        init(of count: Int) { missing = count }

        func join() async {
            missing -= 1
            if missing > 0 { return await withCheckedContinuation { waiting.append($0) } }
            for each in waiting { each.resume() }
            waiting = []
        }
    }

    @Test func overloadHalvesTheLimitOnceForRequestsThatWereTogether() async throws {
        let gate = ConcurrencyLimiter(most: 8)
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
        let gate = ConcurrencyLimiter(most: 4)
        let (start, _) = try await gate.pass {}
        await gate.overloaded(start, wait: .milliseconds(80))
        let (next, _) = try await gate.pass {}
        #expect(next - start >= .milliseconds(80))
    }
}

extension DispatchSemaphore {
    /// Waits, but not for ever: a test that hangs says nothing.
    fileprivate func waitUnlessHung() { _ = wait(timeout: .now() + Patience.seconds) }
}
