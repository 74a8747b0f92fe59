/// Whether to begin a pass now or to wait for company.
///
/// A pass costs much the same for one request as for several, above all on small models. Where other work goes on meanwhile, a few
/// rounds' wait lets those that come one after another go together.
struct Patience {
    /// How many are worth a pass at once, and how many rounds fewer wait at most.
    private let company: Int, rounds: Int
    private var waited = 0

    init(company: Int, rounds: Int) {
        self.company = company
        self.rounds = rounds
    }

    /// Asked once in every round in which `count` wait, at least one.
    ///
    /// - Parameter isBusy: whether other work goes on, beside which nobody notices the wait.
    mutating func isOver(_ count: Int, isBusy: Bool) -> Bool {
        waited += 1
        guard !isBusy || count >= company || waited > rounds else { return false }
        waited = 0
        return true
    }
}
