import Autoencoder
import Faithfulness
import Foundation
import LanguageModel
import Tensors

extension Scheduler {
    /// What the reconstructor makes of some texts, a vector of width d each. The server must have a reconstructor.
    func reconstructions(_ texts: [String], _ ticket: Ticket) async throws -> [[Float]] {
        let mailbox = Mailbox<(index: Int, vector: [Float])>()
        let count = texts.count
        submit { work in
            guard let lane = work.reconstruction else {
                trap("a reconstruction asked of a server without a reconstructor")
            }
            for (index, text) in texts.enumerated() {
                lane.append(
                    ReconstructionLane.Rebuilding(ticket: ticket, text: text) { result in
                        switch result {
                        case .success(let vector): mailbox.post((index, vector.floats()))
                        case .failure(let error): mailbox.finish(throwing: error)
                        }
                    })
            }
        }
        var vectors = [[Float]](repeating: [], count: count), left = count
        while left > 0, let news = try await mailbox.next() {
            for (index, vector) in news { vectors[index] = vector }
            left -= news.count
        }
        return vectors
    }

    /// An explanation's sentences with the confidence in each; nil on a server without one.
    ///
    /// - Parameter neighbours: the activations of the tokens around, and whether each stands behind the token.
    func sentences(
        of explanation: Explanation, activation: [Float], neighbours: [(vector: [Float], isLater: Bool)], key: UInt64,
        _ ticket: Ticket
    ) async throws -> [ConfidenceReader.Sentence]? {
        let mailbox = Mailbox<[ConfidenceReader.Sentence]?>()
        submit { work in
            guard let lane = work.believing else { return mailbox.post(nil) }
            lane.append(
                ConfidenceLane.Question(
                    ticket: ticket, explanation: explanation, activation: activation, neighbours: neighbours, key: key
                ) { result in
                    switch result {
                    case .success(let sentences): mailbox.post(sentences)
                    case .failure(let error): mailbox.finish(throwing: error)
                    }
                })
        }
        return try await mailbox.first()
    }
}

// MARK: - Steering

extension Scheduler {
    /// A text's end with several vectors in its activation's place.
    struct Steering: Sendable {
        /// The text up to the token, that token included.
        var ids: [Int32]
        /// K
        var layer: Int
        /// What stands at the output of block K of the last token, width d each; nil for what stands there anyway. The first is nil.
        var vectors: [[Float]?]
        var sampling: Sampling
        /// Tokens of each continuation.
        var maximumTokens: Int
        var stopTokens: Set<Int32>
        var seed: UInt64
    }

    /// What the target expects next.
    struct NextTokens: Sendable {
        /// The most probable tokens with their probabilities.
        let likeliest: [(id: Int32, probability: Double)]
        /// KL of the first branch's distribution from this one, in nats.
        let divergence: Double
    }

    /// What is heard of a steering.
    enum SteeringEvent: Sendable {
        /// Before anything is written: what each branch expects.
        case expected([NextTokens])
        /// The text of a branch so far; what was posted before and has not been read is forgotten.
        case written(branch: Int, text: String, isDone: Bool)
    }

    /// Continues a text with each vector, all on one tree. The mailbox ends when all have ended.
    func steer(_ steering: Steering, _ ticket: Ticket) -> Mailbox<SteeringEvent> {
        let mailbox = Mailbox<SteeringEvent>()
        submit { work in
            do { try work.steer(steering, ticket, mailbox) } catch { mailbox.finish(throwing: error) }
        }
        return mailbox
    }
}

extension ModelWork {
    fileprivate func steer(
        _ steering: Scheduler.Steering, _ ticket: Ticket, _ mailbox: Mailbox<Scheduler.SteeringEvent>
    ) throws {
        guard let lane = continuing, let tokenizer = targetTokenizer else {
            trap("a server without a target was to steer")
        }
        let branches = try lane.branches(
            steering.ids, layer: steering.layer,
            vectors: steering.vectors.map { $0.map { Tensor($0, shape: [1, $0.count]) } },
            newTokens: steering.maximumTokens)
        let distributions: [NextTokenDistribution]
        do { distributions = try branches.map { try NextTokenDistribution(checking: $0.logits.floats()) } } catch {
            lane.abandon(branches.map { $0.prompt }, newTokens: steering.maximumTokens)
            throw error
        }
        mailbox.post(
            .expected(
                distributions.map {
                    Scheduler.NextTokens(
                        likeliest: $0.likeliest(10), divergence: distributions[0].divergence(to: $0))
                }))
        let left = Countdown(branches.count) { mailbox.finish() }
        for (index, branch) in branches.enumerated() {
            var text = WrittenText(tokenizer, .init())
            lane.append(
                Continuation(
                    ticket, branch.prompt,
                    .init(
                        sampling: steering.sampling, maximumTokens: steering.maximumTokens,
                        stopTokens: steering.stopTokens),
                    // The same for all: what differs between them is not chance.
                    seed: steering.seed,
                    take: { event in
                        _ = text.append(event)
                        let isDone = text.end != nil
                        mailbox.post(
                            .written(branch: index, text: text.text, isDone: isDone), replacing: isDone ? nil : index)
                        if isDone { left.step() }
                        return isDone
                    },
                    fail: { mailbox.finish(throwing: $0) }))
        }
    }
}
