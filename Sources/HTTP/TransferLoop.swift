import CCurl
import Foundation
import Synchronization

/// The thread that a client's transfers run on.
final class TransferLoop: Sendable {
    private struct State {
        var new: [Transfer] = []
        var isEnding = false
        var isOver = false
        var closers: [CheckedContinuation<Void, Never>] = []
        /// libcurl's handle of all transfers; nil before the thread begins and after it has ended.
        var multi: Multi?
    }
    /// Used by the thread alone, but for waking it.
    private struct Multi: @unchecked Sendable { let pointer: UnsafeMutableRawPointer }
    private let state = Mutex(State())

    /// Starts the thread, which ends with ``end()`` or ``close()``.
    func start() {
        // Without libcurl every transfer fails before it comes here.
        guard HTTPClient.isAvailable, let pointer = ccurl_multi_new() else {
            return state.withLock { $0.isOver = true }
        }
        let multi = Multi(pointer: pointer)
        state.withLock { $0.multi = multi }
        let thread = Thread { [self] in run(multi.pointer) }
        thread.name = "HTTP"
        thread.start()
    }

    /// Hands a transfer to the thread.
    func begin(_ transfer: Transfer, _ continuation: CheckedContinuation<HTTPHead, any Error>) {
        transfer.continuation = continuation
        let isTaken = state.withLock { state in
            guard !state.isEnding else { return false }
            state.new.append(transfer)
            wake(state)
            return true
        }
        if !isTaken { transfer.end(.failure(CancellationError())) }
    }

    /// Breaks a transfer off, also one that has not begun.
    func cancel(_ transfer: Transfer) {
        transfer.isCancelled.store(true, ordering: .releasing)
        state.withLock { wake($0) }
    }

    /// Lets the thread end, and does not wait for it.
    func end() {
        state.withLock { state in
            state.isEnding = true
            wake(state)
        }
    }

    /// Ends the thread and waits for it.
    func close() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.isOver {
                    state.isEnding = true
                    state.closers.append(continuation)
                    wake(state)
                }
                return state.isOver
            }
            if isOver { continuation.resume() }
        }
    }

    private func wake(_ state: borrowing State) {
        if let multi = state.multi { ccurl_multi_wake(multi.pointer) }
    }

    // MARK: The thread

    private func run(_ multi: UnsafeMutableRawPointer) {
        var running: [UnsafeMutableRawPointer: Transfer] = [:]
        while true {
            let (new, isEnding) = state.withLock { state in
                defer { state.new = [] }
                return (state.new, state.isEnding)
            }
            for transfer in new {
                running[transfer.handle] = transfer
                ccurl_multi_add(multi, transfer.handle)
            }
            for transfer in running.values where isEnding || transfer.isCancelled.load(ordering: .acquiring) {
                end(transfer, &running, multi, .failure(CancellationError()))
            }
            if isEnding { break }
            ccurl_multi_perform(multi)
            var code = CURLE_OK
            while let handle = ccurl_multi_ended(multi, &code) {
                guard let transfer = running.removeValue(forKey: handle) else { continue }
                ccurl_multi_remove(multi, handle)
                transfer.end(code)
            }
            let wait = endSilent(&running, multi)
            ccurl_multi_wait(multi, Int32(wait))
        }
        let closers = state.withLock { state in
            state.multi = nil
            state.isOver = true
            defer { state.closers = [] }
            return state.closers
        }
        ccurl_multi_free(multi)
        for closer in closers { closer.resume() }
    }

    /// Ends transfers whose server has been silent for too long.
    ///
    /// - Returns: the milliseconds until the next might be.
    private func endSilent(
        _ running: inout [UnsafeMutableRawPointer: Transfer], _ multi: UnsafeMutableRawPointer
    ) -> Int {
        let now = ContinuousClock.now
        var wait = 600_000
        for transfer in running.values {
            guard let deadline = transfer.silenceDeadline(now) else { continue }
            if deadline <= now {
                end(transfer, &running, multi, .failure(HTTPFailure.silence))
            } else {
                wait = min(wait, Int((deadline - now) / .milliseconds(1)) + 1)
            }
        }
        return wait
    }

    private func end(
        _ transfer: Transfer, _ running: inout [UnsafeMutableRawPointer: Transfer], _ multi: UnsafeMutableRawPointer,
        _ result: Result<HTTPHead, any Error>
    ) {
        running[transfer.handle] = nil
        ccurl_multi_remove(multi, transfer.handle)
        transfer.end(result)
    }
}
