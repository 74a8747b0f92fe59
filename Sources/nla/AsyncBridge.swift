import Dispatch
import Foundation
import Synchronization

/// Runs asynchronous work from a command and waits for it. An interrupt (Ctrl-C) cancels it; a second one ends the process.
func waitFor<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) throws -> Value {
    let outcome = Outcome<Value>()
    let end = DispatchSemaphore(value: 0)
    let task = Task.detached {
        let result: Result<Value, any Error>
        do { result = .success(try await work()) } catch { result = .failure(error) }
        outcome.result.withLock { $0 = result }
        end.signal()
    }
    signal(SIGINT, SIG_IGN)
    let interrupt = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
    interrupt.setEventHandler {
        if task.isCancelled { exit(130) }
        task.cancel()
    }
    interrupt.resume()
    end.wait()
    interrupt.cancel()
    signal(SIGINT, SIG_DFL)
    guard let result = outcome.result.withLock({ $0 }) else { throw CancellationError() }
    return try result.get()
}

/// Runs a service and waits for its end. An interrupt (Ctrl-C) or a request to terminate asks it to end; a second one ends the
/// process.
func waitFor(
    _ work: @escaping @Sendable () async throws -> Void, onInterrupt stop: @escaping @Sendable () async -> Void
) throws {
    let outcome = Outcome<Void>()
    let end = DispatchSemaphore(value: 0)
    Task.detached {
        let result: Result<Void, any Error>
        do { result = .success(try await work()) } catch { result = .failure(error) }
        outcome.result.withLock { $0 = result }
        end.signal()
    }
    let interrupts = Mutex(0)
    let sources = [SIGINT, SIGTERM].map { number in
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
            let count = interrupts.withLock { count in
                count += 1
                return count
            }
            if count > 1 { exit(128 + number) }
            Task { await stop() }
        }
        source.resume()
        return source
    }
    end.wait()
    sources.forEach { $0.cancel() }
    try outcome.result.withLock { $0 }?.get()
}

private final class Outcome<Value: Sendable>: Sendable {
    let result = Mutex<Result<Value, any Error>?>(nil)
}
