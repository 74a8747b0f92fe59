import NIOCore

/// One request while it is answered: its claim to the models, and its place among the requests of its kind. Both end with it,
/// however it ends.
final class Exchange: Sendable {
    let ticket: Ticket
    private let pass: AdmissionLimit.Pass?

    init(_ context: StudioContext, timeLimit: Duration, pass: AdmissionLimit.Pass?) {
        let channel = context.channel
        ticket = Ticket(timeLimit: timeLimit) { channel?.isActive ?? true }
        self.pass = pass
    }

    /// Nothing more is wanted for it.
    func finish() {
        ticket.finish()
        pass?.giveBack()
    }

    deinit { finish() }
}
