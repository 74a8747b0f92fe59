import NIOCore
import Synchronization

/// The open connections of a server, and what each is doing.
///
/// A connection costs its client nothing, so somebody may open more than there are places. Then those make room that nobody is
/// being answered on: first those that have not sent a whole request head, next those that wait for a further request, next those
/// whose body is still arriving; of the client that has most of them, the oldest. Only where all are being answered is a new one
/// turned away.
final class Connections: Sendable {
    /// What a connection is doing, what is given up first standing first.
    enum Activity: Int, Sendable, Comparable {
        /// Nothing has come, or a part of a request's head.
        case opening
        /// Its requests have been answered; it waits for another.
        case idle
        /// A head has come, and some of a body.
        case receiving
        /// A request is being answered.
        case answering

        static func < (left: Activity, right: Activity) -> Bool { left.rawValue < right.rawValue }
    }

    private struct Connection {
        let channel: any Channel
        let client: String
        var activity = Activity.opening
    }

    private struct State {
        /// By number; larger ones were opened later.
        var open: [Int: Connection] = [:]
        var last = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: connections at once.
    init(limit: Int) { self.limit = max(1, limit) }

    /// Takes a new connection; returns its number, or nil if it must be turned away. Another is closed if there are too many.
    func open(_ channel: any Channel, from client: String) -> Int? {
        let (number, victim) = state.withLock { state -> (Int?, (any Channel)?) in
            var victim: (any Channel)?
            if state.open.count >= limit {
                guard let number = Connections.leastNeeded(state.open) else { return (nil, nil) }
                victim = state.open.removeValue(forKey: number)?.channel
            }
            state.last += 1
            state.open[state.last] = Connection(channel: channel, client: client)
            return (state.last, victim)
        }
        victim?.close(promise: nil)
        return number
    }

    /// A connection does something else.
    func set(_ number: Int, _ activity: Activity) { state.withLock { $0.open[number]?.activity = activity } }

    /// A connection was closed.
    func closed(_ number: Int) { state.withLock { _ = $0.open.removeValue(forKey: number) } }

    private static func leastNeeded(_ open: [Int: Connection]) -> Int? {
        guard let least = open.values.map(\.activity).min(), least < .answering else { return nil }
        let candidates = open.filter { $0.value.activity == least }
        var counts: [String: Int] = [:]
        for connection in candidates.values { counts[connection.client, default: 0] += 1 }
        let most = counts.values.max() ?? 0
        return candidates.filter { counts[$0.value.client] == most }.keys.min()
    }
}
