import Autoencoder
import Foundation
import LanguageModel
import Tensors

/// What requests ask of the models. Everything in flight is computed together, whatever request it came from; a request's share
/// does not grow with what it asks for.
struct Scheduler: Sendable {
    private let thread: ModelThread
    /// Which of the thread's pairs.
    private let pair: Int

    init(_ thread: ModelThread, pair: Int = 0) {
        self.thread = thread
        self.pair = pair
    }

    /// Hands over work for the pair's models.
    func submit(_ order: @escaping ModelThread.Order) { thread.submit(to: pair, order) }

    /// The activations [positions, d] at the output of block K, a row each. The server must have a target.
    func activations(_ ids: [Int32], at positions: [Int], _ ticket: Ticket) async throws -> [[Float]] {
        let mailbox = Mailbox<[[Float]]>()
        submit { work in
            guard let lane = work.extraction else { trap("activations asked of a server without a target") }
            lane.append(
                ExtractionLane.Reading(ticket, ids, positions: positions) { result in
                    switch result {
                    case .success(let vectors):
                        mailbox.post((0..<vectors.rows).map { vectors.rows($0..<$0 + 1).floats() })
                    case .failure(let error): mailbox.finish(throwing: error)
                    }
                })
        }
        return try await mailbox.first()
    }

    /// How well words fit an activation of width d. The server must have a reconstructor.
    func score(_ text: String, against activation: [Float], _ ticket: Ticket) async throws -> Scores.Row {
        let mailbox = Mailbox<Scores.Row>()
        submit { work in
            guard let lane = work.reconstruction else { trap("a score asked of a server without a reconstructor") }
            lane.append(
                ReconstructionLane.Rebuilding(ticket: ticket, text: text) { result in
                    do {
                        mailbox.post(try Scheduler.score(result.get(), activation))
                    } catch {
                        mailbox.finish(throwing: error)
                    }
                })
        }
        return try await mailbox.first()
    }

    private static func score(_ reconstruction: Tensor, _ activation: [Float]) throws -> Scores.Row {
        try Scores.rows(reconstruction, Tensor(activation, shape: [1, activation.count]))[0]
    }
}

// MARK: - Describing

/// What an activation was put into, and how well that fits it.
struct Description: Sendable {
    let explanation: Explanation
    /// Nil on a server without a reconstructor.
    let score: Scores.Row?
}

extension Scheduler {
    /// How activations are described.
    struct DescribingOptions: Sendable {
        var sampling: Sampling
        /// Tokens of each.
        var maximumTokens: Int
        var seed: UInt64
        /// Keys the randomness of each activation.
        var keys: [UInt64]
        /// Whether to tell what has been written before it is complete.
        var showsProgress: Bool
    }

    /// What is heard of the descriptions of a request.
    enum DescribingEvent: Sendable {
        /// The words so far; what was posted before and has not been read is forgotten.
        case progress(index: Int, text: String)
        case finished(index: Int, Description)
    }

    /// Describes activations of width d, in the order given. The mailbox ends behind the last.
    func describe(
        _ activations: [[Float]], _ options: DescribingOptions, _ ticket: Ticket
    ) -> Mailbox<DescribingEvent> {
        let mailbox = Mailbox<DescribingEvent>()
        submit { work in
            let describing = Describing(activations, options, ticket, mailbox, work)
            do { try describing.begin() } catch { mailbox.finish(throwing: error) }
        }
        return mailbox
    }
}

/// The descriptions of one request, on the models' thread.
private final class Describing {
    private let activations: [[Float]]
    private let options: Scheduler.DescribingOptions
    private let ticket: Ticket
    private let mailbox: Mailbox<Scheduler.DescribingEvent>
    private unowned let work: ModelWork
    private var left: Int

    init(
        _ activations: [[Float]], _ options: Scheduler.DescribingOptions, _ ticket: Ticket,
        _ mailbox: Mailbox<Scheduler.DescribingEvent>, _ work: ModelWork
    ) {
        self.activations = activations
        self.options = options
        self.ticket = ticket
        self.mailbox = mailbox
        self.work = work
        left = activations.count
    }

    func begin() throws {
        guard left > 0 else { return mailbox.finish() }
        let verbalizer = work.verbalizer
        let all = Tensor(activations.flatMap { $0 }, shape: [activations.count, verbalizer.sidecar.width])
        let prepared = try verbalizer.injection.prepared(all)
        for index in activations.indices {
            var text = WrittenText(
                verbalizer.tokenizer, .init(stopStrings: [Explanation.closeTag], keepsStopString: true))
            var random = Random(seed: options.seed, options.keys[index], 0)
            let continuation = Continuation(
                ticket, Prompt(.activation(prepared.rows(index..<index + 1))),
                .init(
                    sampling: options.sampling, maximumTokens: options.maximumTokens, stopTokens: verbalizer.stopTokens),
                seed: random.next(),
                take: { [self] event in
                    let piece = text.append(event)
                    if text.end != nil {
                        rebuild(
                            index, Explanation(text: text.text, ids: text.ids, logProbabilities: text.logProbabilities))
                    } else if options.showsProgress, !piece.isEmpty {
                        let words = Explanation.visible(in: text.text)
                        if !words.isEmpty { mailbox.post(.progress(index: index, text: words), replacing: index) }
                    }
                    return text.end != nil
                },
                fail: { [mailbox] in mailbox.finish(throwing: $0) })
            work.verbalizing.append(continuation)
        }
    }

    private func rebuild(_ index: Int, _ explanation: Explanation) {
        guard let lane = work.reconstruction else {
            return finish(index, Description(explanation: explanation, score: nil))
        }
        lane.append(
            ReconstructionLane.Rebuilding(ticket: ticket, text: explanation.description) { [self] result in
                do {
                    let activation = Tensor(activations[index], shape: [1, activations[index].count])
                    let score = try Scores.rows(result.get(), activation)[0]
                    finish(index, Description(explanation: explanation, score: score))
                } catch {
                    mailbox.finish(throwing: error)
                }
            })
    }

    private func finish(_ index: Int, _ description: Description) {
        mailbox.post(.finished(index: index, description))
        left -= 1
        if left == 0 { mailbox.finish() }
    }
}

extension Explanation {
    /// What can be shown of an explanation that is being written: the words behind its open tag, and nothing of a tag that is
    /// itself still being written.
    static func visible(in text: String) -> String {
        let begun = text.trimmingCharacters(in: .whitespacesAndNewlines)
        return openTag.hasPrefix(begun) ? "" : Explanation(text: text).description
    }
}

// MARK: - Writing

extension Scheduler {
    /// Texts to be written after one prompt.
    struct Writing: Sendable {
        enum Model: Sendable { case verbalizer, target }
        enum Input: Sendable {
            case tokens([Int32])
            /// Rows of width d, in place of embedded tokens.
            case embeddings([[Float]])

            /// Tokens of the prompt.
            var count: Int {
                switch self {
                case .tokens(let ids): ids.count
                case .embeddings(let rows): rows.count
                }
            }
        }

        var model: Model
        var input: Input
        var sampling: Sampling
        /// What changes the logits before a token is drawn.
        var rules = LogitRules()
        /// The most probable tokens that are told beside each token.
        var alternatives = 0
        /// Tokens of each text.
        var maximumTokens: Int
        var stopTokens: Set<Int32>
        var text: WrittenText.Options
        /// A text for each.
        var seeds: [UInt64]
    }

    /// A token of one of the texts.
    struct WritingEvent: Sendable {
        /// Which text, counted through all that were asked for.
        let index: Int
        let id: Int32
        let logProbability: Float
        /// The most probable tokens in its place, if they were asked for.
        let alternatives: [(token: Int32, logProbability: Float)]
        /// The text that it makes certain, often its own, sometimes none.
        let piece: String
        /// Why the text ends with it, if it does.
        let end: WrittenText.End?
    }

    /// Writes texts. The mailbox ends when all have ended.
    func write(_ writings: [Writing], _ ticket: Ticket) -> Mailbox<WritingEvent> {
        let mailbox = Mailbox<WritingEvent>()
        submit { work in
            let left = Countdown(writings.reduce(0) { $0 + $1.seeds.count }) { mailbox.finish() }
            var first = 0
            for writing in writings {
                work.begin(writing, first: first, ticket, mailbox, left)
                first += writing.seeds.count
            }
        }
        return mailbox
    }
}

/// Does something once so many things have happened. Belongs to one thread.
final class Countdown {
    private var left: Int
    private let end: () -> Void

    init(_ count: Int, end: @escaping () -> Void) {
        left = count
        self.end = end
        if count == 0 { end() }
    }

    func step() {
        left -= 1
        if left == 0 { end() }
    }
}

extension ModelWork {
    /// Puts the texts of one prompt into their model's lane.
    fileprivate func begin(
        _ writing: Scheduler.Writing, first: Int, _ ticket: Ticket, _ mailbox: Mailbox<Scheduler.WritingEvent>,
        _ left: Countdown
    ) {
        let lane = writing.model == .verbalizer ? verbalizing : continuing
        let tokenizer = writing.model == .verbalizer ? verbalizer.tokenizer : targetTokenizer
        guard let lane, let tokenizer else { trap("a text asked of a server without a target") }
        let prompt: Prompt
        switch writing.input {
        case .tokens(let ids): prompt = Prompt(.tokens(ids))
        case .embeddings(let rows):
            prompt = Prompt(.embeddings(Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count])))
        }
        for (index, seed) in writing.seeds.enumerated() {
            var text = WrittenText(tokenizer, writing.text)
            var options = DecodingSession.Options(
                sampling: writing.sampling, maximumTokens: writing.maximumTokens, stopTokens: writing.stopTokens)
            options.rules = writing.rules
            options.alternatives = writing.alternatives
            if case .tokens(let ids) = writing.input, writing.rules.repetitionPenalty != 1 { options.history = ids }
            lane.append(
                Continuation(
                    ticket, prompt, options, seed: seed,
                    take: { event in
                        let piece = text.append(event)
                        mailbox.post(
                            Scheduler.WritingEvent(
                                index: first + index, id: event.token, logProbability: event.logProbability,
                                alternatives: event.alternatives, piece: piece, end: text.end))
                        if text.end != nil { left.step() }
                        return text.end != nil
                    },
                    fail: { mailbox.finish(throwing: $0) }))
        }
    }
}
