/// Work waiting in turn: each request has its own line, and the request that holds least is served next. So a request for five
/// hundred explanations and a request for one that comes after it get their first answers at about the same time.
struct FairQueue<Work> {
    private struct Line {
        let ticket: Ticket
        var waiting: [Work]
        var next = 0
        /// Work of this request that was taken and has not been given back.
        var held = 0
        /// When it was last served; 0 for never.
        var served = 0

        var isEmpty: Bool { next == waiting.count }
    }

    private var lines: [Line] = []
    private var turns = 0

    /// Whether nothing waits.
    var isEmpty: Bool { lines.allSatisfy(\.isEmpty) }
    /// What waits.
    var count: Int { lines.reduce(0) { $0 + $1.waiting.count - $1.next } }
    /// The tickets of what waits.
    var tickets: [Ticket] { lines.filter { !$0.isEmpty }.map(\.ticket) }

    /// Puts work at the end of its request's line.
    mutating func append(_ work: Work, of ticket: Ticket) {
        if let index = lines.firstIndex(where: { $0.ticket === ticket }) {
            lines[index].waiting.append(work)
        } else {
            lines.append(Line(ticket: ticket, waiting: [work]))
        }
    }

    /// What is next in turn, and how much its request holds; nil if nothing waits.
    var first: (work: Work, held: Int)? {
        nextLine.map { (lines[$0].waiting[lines[$0].next], lines[$0].held) }
    }

    /// Takes what is next in turn. Its request holds it until `giveBack`.
    mutating func takeFirst() -> Work? {
        guard let index = nextLine else { return nil }
        turns += 1
        let work = lines[index].waiting[lines[index].next]
        lines[index].next += 1
        lines[index].held += 1
        lines[index].served = turns
        return work
    }

    /// Some work of a request has ended.
    mutating func giveBack(of ticket: Ticket) {
        guard let index = lines.firstIndex(where: { $0.ticket === ticket }) else { return }
        lines[index].held -= 1
        if lines[index].held == 0, lines[index].isEmpty { lines.remove(at: index) }
    }

    /// Removes what waits for a request.
    mutating func removeAll(of ticket: Ticket) -> [Work] {
        guard let index = lines.firstIndex(where: { $0.ticket === ticket }) else { return [] }
        let rest = Array(lines[index].waiting[lines[index].next...])
        lines[index].next = lines[index].waiting.count
        if lines[index].held == 0 { lines.remove(at: index) }
        return rest
    }

    private var nextLine: Int? {
        lines.indices.filter { !lines[$0].isEmpty }.min {
            (lines[$0].held, lines[$0].served) < (lines[$1].held, lines[$1].served)
        }
    }
}
