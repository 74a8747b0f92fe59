import Foundation
import Synchronization

/// Threads for long work that needs no model: reading large bodies, tokenizing long texts, writing large answers.
///
/// Requests are answered on a few threads that all of them share, and the models have theirs. Work that takes long on either would hold
/// up everybody. So what is small is done where it is asked for, and what is not waits here for a thread, in the order of asking, a
/// piece at a time: a request hands in its next piece when it has the last one's result. A piece is bounded by the limits of a request.
package final class WorkPool: Sendable {
    private let queue = OperationQueue()
    private let limit: Int
    private let waiting = Atomic<Int>(0)

    /// Bytes up to which work is done at once: a millisecond of tokenizing.
    package static let smallSize = 4096

    /// - Parameters:
    ///   - threads: pieces worked on at once.
    ///   - limit: pieces that are worked on or wait; further ones are refused.
    package init(
        threads: Int = max(2, ProcessInfo.processInfo.activeProcessorCount / 2), limit: Int = 256
    ) {
        self.limit = limit
        queue.maxConcurrentOperationCount = max(1, threads)
        queue.qualityOfService = .utility
        queue.name = "long work"
    }

    /// Does work of a size in bytes, and waits for its result. Throws what it throws, and 429 where too much waits already.
    package func run<Result: Sendable>(
        size: Int, _ work: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        guard size > WorkPool.smallSize else { return try work() }
        guard waiting.add(1, ordering: .relaxed).newValue <= limit else {
            waiting.subtract(1, ordering: .relaxed)
            throw ErrorReply.busy("long", limit: limit)
        }
        return try await withCheckedThrowingContinuation { continuation in
            queue.addOperation { [self] in
                defer { waiting.subtract(1, ordering: .relaxed) }
                continuation.resume(with: Swift.Result { try work() })
            }
        }
    }
}
