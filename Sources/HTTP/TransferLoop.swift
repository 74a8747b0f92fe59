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
        /// libcurl's handle of all transfers; nil when the thread has ended.
        var multi: Multi?
    }
    /// Used by the thread alone, but for waking it.
    private struct Multi: @unchecked Sendable { let pointer: UnsafeMutableRawPointer }
    private let state = Mutex(State())

    /// Starts the thread, which ends with ``end()`` or ``close()``.
    func start() {
        guard let pointer = curl_multi_init() else { fatalError("libcurl does not start") }
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
        if let multi = state.multi { curl_multi_wakeup(multi.pointer) }
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
                curl_multi_add_handle(multi, transfer.handle)
            }
            for transfer in running.values where isEnding || transfer.isCancelled.load(ordering: .acquiring) {
                end(transfer, &running, multi, .failure(CancellationError()))
            }
            if isEnding { break }
            var count: Int32 = 0
            curl_multi_perform(multi, &count)
            while let message = curl_multi_info_read(multi, &count)?.pointee {
                guard message.msg == CURLMSG_DONE, let transfer = running.removeValue(forKey: message.easy_handle)
                else {
                    continue
                }
                curl_multi_remove_handle(multi, transfer.handle)
                transfer.end(message.data.result)
            }
            let wait = endSilent(&running, multi)
            curl_multi_poll(multi, nil, 0, Int32(wait), nil)
        }
        let closers = state.withLock { state in
            state.multi = nil
            state.isOver = true
            defer { state.closers = [] }
            return state.closers
        }
        curl_multi_cleanup(multi)
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
        curl_multi_remove_handle(multi, transfer.handle)
        transfer.end(result)
    }
}
