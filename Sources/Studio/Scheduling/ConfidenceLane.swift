import Autoencoder
import Faithfulness
import Tensors

/// How far to believe explanations: one after the other, the requests in turn.
///
/// Each takes samples and the words of its neighbours, so it costs as much as a dozen explanations. One of them a round leaves
/// everybody else their turn.
final class ConfidenceLane {
    /// An explanation to be believed or doubted.
    struct Question {
        let ticket: Ticket
        let explanation: Explanation
        /// What it is about, width d.
        let activation: [Float]
        /// The activations of the tokens around, and whether each stands behind.
        let neighbours: [(vector: [Float], isLater: Bool)]
        /// Keys the samples.
        let key: UInt64
        let complete: (Result<[ConfidenceReader.Sentence], any Error>) -> Void
    }

    private let reader: ConfidenceReader
    private var queue = FairQueue<Question>()

    init(_ reader: ConfidenceReader) { self.reader = reader }

    var isIdle: Bool { queue.isEmpty }

    func append(_ question: Question) { queue.append(question, of: question.ticket) }

    /// One question.
    func round() {
        guard let question = queue.takeFirst() else { return }
        defer { queue.giveBack(of: question.ticket) }
        if let loss = question.ticket.loss(at: .now) { return question.complete(.failure(loss)) }
        question.complete(Result { try answer(question) })
    }

    private func answer(_ question: Question) throws -> [ConfidenceReader.Sentence] {
        let width = question.activation.count, neighbours = question.neighbours
        return try reader.read(
            question.explanation, of: Tensor(question.activation, shape: [1, width]),
            neighbours: Neighbours(
                Tensor(neighbours.flatMap(\.vector), shape: [neighbours.count, width]),
                owners: neighbours.map { _ in 0 }, isLater: neighbours.map(\.isLater)),
            key: question.key)
    }
}
