import Synchronization

/// Where the models' thread leaves what a request waits for.
///
/// Events come out in the order in which they were posted. One posted under a key takes the place of an unread one with that
/// key, so a client that reads slowly gets fewer updates rather than a growing queue of them.
final class Mailbox<Event: Sendable>: Sendable {
    private struct State {
        var unread: [Event] = []
        /// Where in `unread` the event of a key stands.
        var places: [Int: Int] = [:]
        var end: Result<Void, any Error>?
        var reader: CheckedContinuation<[Event]?, any Error>?
    }

    private let state = Mutex(State())

    /// Leaves an event.
    func post(_ event: Event, replacing key: Int? = nil) {
        wake { state in
            if let key, let place = state.places[key] {
                state.unread[place] = event
            } else {
                if let key { state.places[key] = state.unread.count }
                state.unread.append(event)
            }
        }
    }

    /// The last word, after which nothing is taken.
    func finish(throwing error: (any Error)? = nil) {
        wake { state in
            if state.end == nil { state.end = error.map { .failure($0) } ?? .success(()) }
        }
    }

    /// All events since the last call, at least one; nil behind the last. One task reads at a time.
    func next() async throws -> [Event]? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome: Result<[Event]?, any Error>? = state.withLock { state in
                    if let outcome = Mailbox.take(&state) { return outcome }
                    state.reader = continuation
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            finish(throwing: CancellationError())
        }
    }

    /// The first event. Throws if there is none.
    func first() async throws -> Event {
        guard let event = try await next()?.first else { throw CancellationError() }
        return event
    }

    private func wake(_ change: (inout State) -> Void) {
        let (reader, outcome) = state.withLock {
            state -> (CheckedContinuation<[Event]?, any Error>?, Result<[Event]?, any Error>?) in
            guard state.end == nil else { return (nil, nil) }
            change(&state)
            guard let reader = state.reader else { return (nil, nil) }
            state.reader = nil
            return (reader, Mailbox.take(&state))
        }
        if let outcome { reader?.resume(with: outcome) }
    }

    /// What there is to read; nil if nothing yet. An error waits until everything before it has been read.
    private static func take(_ state: inout State) -> Result<[Event]?, any Error>? {
        guard state.unread.isEmpty else {
            defer {
                state.unread = []
                state.places = [:]
            }
            return .success(state.unread)
        }
        return state.end.map { $0.map { nil } }
    }
}
