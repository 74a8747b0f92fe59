import Synchronization

/// So many requests of a kind at once; the next is turned away rather than made to wait.
final class AdmissionLimit: Sendable {
    /// Leave to be answered, until it is given back or forgotten.
    final class Pass: Sendable {
        private let gate: AdmissionLimit
        private let isGivenBack = Atomic<Bool>(false)

        fileprivate init(_ gate: AdmissionLimit) { self.gate = gate }

        /// Makes room for the next request.
        func giveBack() {
            if !isGivenBack.exchange(true, ordering: .relaxed) { gate.inside.subtract(1, ordering: .relaxed) }
        }

        deinit { giveBack() }
    }

    private let name: String
    private let limit: Int
    private let inside = Atomic<Int>(0)

    /// - Parameter name: what the refusal calls the requests.
    init(_ name: String, limit: Int) {
        self.name = name
        self.limit = limit
    }

    /// Requests being answered.
    var count: Int { inside.load(ordering: .relaxed) }

    /// Lets a request in. Throws `ErrorReply` 429 if there is no place.
    func enter() throws -> Pass {
        guard inside.add(1, ordering: .relaxed).newValue <= limit else {
            inside.subtract(1, ordering: .relaxed)
            throw ErrorReply.busy(name, limit: limit)
        }
        return Pass(self)
    }
}
