import Synchronization

/// One request's claim to the models' time. Its work goes on as long as somebody waits for it: until the request is done, its
/// client has gone, or its time is up.
final class Ticket: Sendable {
    /// Why work was given up.
    enum Loss: Error, Equatable {
        /// Whoever asked no longer listens.
        case clientGone
        /// The request took longer than it may.
        case outOfTime
    }

    /// Distinguishes requests; later ones have larger numbers.
    let number: UInt64
    /// When its time is up.
    let deadline: ContinuousClock.Instant
    private let isConnected: @Sendable () -> Bool
    private let isDone = Atomic<Bool>(false)

    private static let lastNumber = Atomic<UInt64>(0)

    /// - Parameter isConnected: whether the client is there; asked between any two steps of work, from any thread.
    init(timeLimit: Duration, isConnected: @escaping @Sendable () -> Bool = { true }) {
        number = Ticket.lastNumber.add(1, ordering: .relaxed).newValue
        deadline = .now + timeLimit
        self.isConnected = isConnected
    }

    /// Nothing more is wanted. Work in progress is dropped at the next step.
    func finish() { isDone.store(true, ordering: .relaxed) }

    /// Why work on it should stop, or nil if it should go on.
    func loss(at now: ContinuousClock.Instant) -> Loss? {
        if isDone.load(ordering: .relaxed) || !isConnected() { return .clientGone }
        return now >= deadline ? .outOfTime : nil
    }
}
