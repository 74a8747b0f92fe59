import LanguageModel
import Tensors

/// The reading of activations: texts from all requests together, long ones a piece at a time.
final class ExtractionLane {
    /// A text to read.
    final class Reading {
        let ticket: Ticket
        let ids: [Int32]
        /// Positions whose activations are wanted, each within the text.
        let positions: [Int]
        /// Takes the activations [positions, d], float32.
        let complete: (Result<Tensor, any Error>) -> Void
        fileprivate var nodes: [DecodingSession.Node] = []
        /// The rows that are wanted, as far as they have been computed, and where each stands among them.
        fileprivate var pieces: [Tensor] = []
        fileprivate var places: [Int: (tensor: Int, row: Int)] = [:]
        fileprivate var computed = 0

        init(
            _ ticket: Ticket, _ ids: [Int32], positions: [Int],
            complete: @escaping (Result<Tensor, any Error>) -> Void
        ) {
            self.ticket = ticket
            self.ids = ids
            self.positions = positions
            self.complete = complete
        }
    }

    /// Rows of a round; a longer text is read in pieces of as many.
    private let rowsPerRound = 512
    private let decoder: TransformerDecoder
    private let layer: Int
    private let precision: Precision
    /// Memory for keys and values, which other lanes share, and the bytes of a token's.
    private let budget: CacheBudget, rowBytes: Int
    private var session: DecodingSession?
    private var queue = FairQueue<Reading>()
    /// A long text of which some has been read.
    private var long: Reading?
    private var patience = Patience(company: 4, rounds: 3)

    /// - Parameter decoder: of blocks 0...layer.
    init(_ decoder: TransformerDecoder, layer: Int, precision: Precision, budget: CacheBudget) {
        self.decoder = decoder
        self.layer = layer
        self.precision = precision
        self.budget = budget
        rowBytes = DecodingLane.rowBytes(decoder.configuration)
    }

    var isIdle: Bool { queue.isEmpty && long == nil }

    /// Takes a text to read. One that has no place in memory fails at once.
    func append(_ reading: Reading) {
        let limit = budget.limit / rowBytes
        guard reading.ids.count <= limit else {
            return reading.complete(.failure(Failure.tooLarge(tokens: reading.ids.count, limit: limit)))
        }
        queue.append(reading, of: reading.ticket)
    }

    /// Reads short texts, and a piece of a long one.
    func round(isBusy: Bool) {
        dropLost()
        var batch: [Reading] = [], rows = 0
        let isTime = !queue.isEmpty && patience.isOver(queue.count, isBusy: isBusy)
        while isTime, let next = queue.first?.work {
            if next.ids.count > rowsPerRound {
                guard long == nil, budget.take(next.ids.count * rowBytes, for: self) else { break }
                long = queue.takeFirst()
                continue
            }
            guard rows + next.ids.count <= rowsPerRound, budget.take(next.ids.count * rowBytes, for: self) else {
                break
            }
            _ = queue.takeFirst()
            batch.append(next)
            rows += next.ids.count
        }
        if !batch.isEmpty {
            // A session of its own frees its memory with the round.
            let session = DecodingSession(decoder, precision: precision, expectedRows: rows)
            read(batch.map { ($0, 0..<$0.ids.count) }, in: session)
            budget.give(rows * rowBytes)
        }
        if queue.isEmpty { budget.forget(self) }
        if let reading = long {
            let session =
                self.session ?? DecodingSession(decoder, precision: precision, expectedRows: reading.ids.count)
            self.session = session
            let end = min(reading.ids.count, reading.computed + rowsPerRound)
            read([(reading, reading.computed..<end)], in: session)
            if reading.computed == reading.ids.count { forgetLong() }
        }
    }

    /// Computes stretches of texts, and completes those that are at their end.
    private func read(_ stretches: [(reading: Reading, range: Range<Int>)], in session: DecodingSession) {
        var tree = TokenTree(), wanted: [Int32] = [], firsts: [Int] = []
        for (reading, range) in stretches {
            let segment = tree.append(Array(reading.ids[range])), first = tree.segments[segment].firstRow
            firsts.append(wanted.count)
            // Of a long text, only what was asked for is kept.
            for position in reading.positions where range.contains(position) && reading.places[position] == nil {
                reading.places[position] = (reading.pieces.count, wanted.count - firsts[firsts.count - 1])
                wanted.append(Int32(first + position - range.lowerBound))
            }
        }
        var hidden: Tensor?
        let nodes = session.prefill(tree, after: stretches[0].reading.nodes.last, logitsFor: []) { block, value in
            if block == self.layer { hidden = value.value.gatheringRows(wanted) }
            return value
        }
        guard let hidden else { trap("nothing at the output of block \(layer)") }
        for (index, (reading, range)) in stretches.enumerated() {
            reading.nodes.append(nodes[index])
            let end = index + 1 < firsts.count ? firsts[index + 1] : wanted.count
            reading.pieces.append(hidden.rows(firsts[index]..<end))
            reading.computed = range.upperBound
            guard reading.computed == reading.ids.count else { continue }
            queue.giveBack(of: reading.ticket)
            let places = reading.positions.map { position -> (tensor: Int, row: Int) in
                guard let place = reading.places[position] else { trap("position \(position) was not read") }
                return place
            }
            let result = Tensor.gatheringRows(places, of: reading.pieces, width: hidden.width)
            if result.firstNonFinite() == nil {
                reading.complete(.success(result))
            } else {
                reading.complete(.failure(Failure.notANumber))
            }
        }
    }

    private func forgetLong() {
        if let long { budget.give(long.ids.count * rowBytes) }
        long = nil
        session = nil
    }

    private func dropLost() {
        let now = ContinuousClock.now
        for ticket in queue.tickets {
            guard let loss = ticket.loss(at: now) else { continue }
            for reading in queue.removeAll(of: ticket) { reading.complete(.failure(loss)) }
        }
        if let reading = long, let loss = reading.ticket.loss(at: now) {
            queue.giveBack(of: reading.ticket)
            forgetLong()
            reading.complete(.failure(loss))
        }
    }
}
