import Autoencoder
import LanguageModel
import Tensors

/// The rebuilding of activations from words, for all requests together.
final class ReconstructionLane {
    /// A text to turn into a vector.
    struct Rebuilding {
        let ticket: Ticket
        let text: String
        /// Takes the reconstruction [1, d], float32.
        let complete: (Result<Tensor, any Error>) -> Void
    }

    /// Texts and characters of one pass, at most; a longer text goes alone.
    private let textsPerPass = 64, charactersPerPass = 4096
    private let reconstructor: Reconstructor
    private var queue = FairQueue<Rebuilding>()
    private var patience = Patience(company: 8, rounds: 3)

    init(_ reconstructor: Reconstructor) { self.reconstructor = reconstructor }

    var isIdle: Bool { queue.isEmpty }

    func append(_ rebuilding: Rebuilding) { queue.append(rebuilding, of: rebuilding.ticket) }

    /// One pass, if there is enough to do, if it has been waited for long enough, or if nothing more comes for now.
    func round(isBusy: Bool) {
        dropLost()
        guard !queue.isEmpty, patience.isOver(queue.count, isBusy: isBusy) else { return }
        var batch: [Rebuilding] = [], characters = 0
        while batch.count < textsPerPass, let next = queue.first?.work {
            let length = next.text.utf8.count
            guard batch.isEmpty || characters + length <= charactersPerPass else { break }
            characters += length
            _ = queue.takeFirst()
            batch.append(next)
        }
        defer { for rebuilding in batch { queue.giveBack(of: rebuilding.ticket) } }
        do {
            let vectors = try reconstructor.reconstruct(batch.map(\.text))
            for (index, rebuilding) in batch.enumerated() {
                rebuilding.complete(.success(vectors.rows(index..<index + 1).copy()))
            }
        } catch {
            for rebuilding in batch { rebuilding.complete(.failure(error)) }
        }
    }

    private func dropLost() {
        let now = ContinuousClock.now
        for ticket in queue.tickets {
            guard let loss = ticket.loss(at: now) else { continue }
            for rebuilding in queue.removeAll(of: ticket) { rebuilding.complete(.failure(loss)) }
        }
    }
}
