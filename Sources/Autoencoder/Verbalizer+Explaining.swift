import Foundation
import LanguageModel
import Tensors
import Tokenization

extension Verbalizer {
    /// How explanations are written.
    public struct Options: Sendable {
        /// How tokens are drawn.
        public var sampling: Sampling
        /// Tokens at most.
        public var maximumTokens: Int
        /// Explanations of each activation.
        public var samples: Int
        /// The same seed writes the same explanations.
        public var seed: UInt64
        /// What keys the randomness of each activation, for instance its position in a text, so that an activation gets the same
        /// explanation whichever others are asked for; nil for the row's number.
        public var keys: [UInt64]?
        /// Explanations written at once.
        public var batchSize: Int

        /// Options; temperature 0 always takes the most probable token.
        public init(
            temperature: Float = 0, maximumTokens: Int = 200, samples: Int = 1, seed: UInt64 = 0, keys: [UInt64]? = nil,
            batchSize: Int = 64
        ) {
            sampling = Sampling(temperature: temperature)
            self.maximumTokens = maximumTokens
            self.samples = samples
            self.seed = seed
            self.keys = keys
            self.batchSize = batchSize
        }
    }

    /// A piece of text as it is written, for those who want to watch.
    public struct Piece: Sendable {
        /// The activation's row, and which of its samples.
        public let row: Int, sample: Int
        /// The text that has come, whole characters only.
        public let text: String
        /// The finished explanation, with the last piece.
        public let finished: Explanation?
    }

    /// Explains activations [n, d]: `samples` explanations for each row. Writing stops behind `</explanation>`.
    ///
    /// What stands before the activation in the prompt is computed once; the rest of the prompt once per activation; explanations
    /// are written together, and what one says does not depend on the others (up to the rounding of sums).
    /// Throws for vectors of another width, for NaN or infinity (naming the row), and if the model computes NaN.
    public func explain(
        _ vectors: Tensor, _ options: Options = Options(), onPiece: (Piece) throws -> Void = { _ in }
    ) throws -> [[Explanation]] {
        let prepared = try injection.prepared(checked(vectors))
        require(options.keys.map { $0.count == vectors.rows } ?? true, "a key for each row")
        require(options.samples >= 1 && options.maximumTokens >= 1 && options.batchSize >= 1, "nothing to write")
        var result = [[Explanation]](
            repeating: .init(repeating: Explanation(text: ""), count: options.samples), count: vectors.rows)
        guard vectors.rows > 0 else { return result }
        let batchSize = try affordableBatch(options, vectors.rows)
        let session = DecodingSession(
            decoder, precision: precision,
            expectedRows: prompt.ids.count + batchSize * (options.maximumTokens + prompt.suffix.count))
        let shared = prefillPrefix(session)
        var writers: [DecodingSession.Leaf: Writer] = [:]
        var nodes: [Int: (node: DecodingSession.Node, left: Int)] = [:]
        var waiting: [(row: Int, sample: Int, node: DecodingSession.Node)] = []
        var nextRow = 0
        while nextRow < vectors.rows || !waiting.isEmpty || !session.isIdle {
            let free = batchSize - session.activeCount
            if waiting.isEmpty, nextRow < vectors.rows, free > 0 {
                // Prompts are computed together too, as many as there are places for their samples.
                let rows = nextRow..<min(vectors.rows, nextRow + max(1, free / options.samples))
                for (row, node) in zip(rows, prefill(prepared.rows(rows), after: shared, session)) {
                    nodes[row] = (node, options.samples)
                    waiting += (0..<options.samples).map { (row, $0, node) }
                }
                nextRow = rows.upperBound
            }
            for (row, sample, node) in waiting.prefix(free) {
                let leaf = start(row, sample, after: node, session, options)
                writers[leaf] = Writer(row: row, sample: sample, tokenizer)
            }
            waiting.removeFirst(min(free, waiting.count))
            for event in session.step() {
                guard let writer = writers[event.leaf] else { continue }
                guard !event.logProbability.isNaN else { throw checkpoint.nonFiniteError("in the logits") }
                let isStop = stopTokens.contains(event.token)
                let piece = writer.append(event, isStop: isStop)
                let isFinished = event.end != nil || writer.isClosed
                if isFinished {
                    session.cancel(event.leaf)
                    writers[event.leaf] = nil
                    let explanation = writer.finish()
                    result[writer.row][writer.sample] = explanation
                    if let left = nodes[writer.row]?.left, let node = nodes[writer.row]?.node {
                        nodes[writer.row] = (node, left - 1)
                        if left == 1 { session.release(node) }
                    }
                }
                if isFinished || !piece.isEmpty {
                    try onPiece(
                        Piece(
                            row: writer.row, sample: writer.sample, text: piece,
                            finished: isFinished ? result[writer.row][writer.sample] : nil))
                }
            }
        }
        return result
    }

    /// Explanations that may be written at once: no more than are asked for, nor than keys and values find room for.
    private func affordableBatch(_ options: Options, _ rows: Int) throws -> Int {
        let c = decoder.configuration
        let bytes = 8 * Double(c.blockCount * c.keyValueHeadCount * c.headWidth) * Double(options.maximumTokens)
        let room = Double(ProcessInfo.processInfo.physicalMemory) / 4
        guard bytes <= room else {
            throw ModelError(
                "keys and values of \(options.maximumTokens) tokens do not fit this machine's memory; ask for fewer")
        }
        return min(options.batchSize, rows * options.samples, max(1, Int(room / bytes)))
    }

    private func start(
        _ row: Int, _ sample: Int, after node: DecodingSession.Node, _ session: DecodingSession, _ options: Options
    ) -> DecodingSession.Leaf {
        var random = Random(seed: options.seed, options.keys?[row] ?? UInt64(row), UInt64(sample))
        let settings = DecodingSession.Options(
            sampling: options.sampling, maximumTokens: options.maximumTokens, stopTokens: stopTokens)
        return session.start(after: node, settings, seed: random.next())
    }

    /// The part of the prompt before the activation, or nil if there is none.
    package func prefillPrefix(_ session: DecodingSession) -> DecodingSession.Node? {
        guard !prompt.prefix.isEmpty else { return nil }
        var tree = TokenTree()
        tree.append(prompt.prefix)
        return session.prefill(tree, logitsFor: [])[0]
    }

    /// The rest of the prompt with each of the prepared vectors.
    package func prefill(
        _ prepared: Tensor, after shared: DecodingSession.Node?, _ session: DecodingSession
    ) -> [DecodingSession.Node] {
        var tree = TokenTree()
        let segments = (0..<prepared.rows).map { _ in tree.append(prompt.suffix) }
        let tape = Tape(recording: false, precision: precision)
        let place = injection.place(Variable(prepared), in: &tree, segments: segments, tape: tape)
        return session.prefill(tree, vectors: place.vectors?.value, after: shared, observer: place.observer)
    }
}

/// One explanation as it is written.
private final class Writer {
    let row: Int, sample: Int
    private var explanation = Explanation(text: "")
    private var decoder: StreamingDecoder
    /// Whether the close tag has come.
    private(set) var isClosed = false

    init(row: Int, sample: Int, _ tokenizer: Tokenizer) {
        self.row = row
        self.sample = sample
        decoder = tokenizer.streamingDecoder()
    }

    /// Takes a token; returns the text it completes.
    func append(_ event: DecodingSession.Event, isStop: Bool) -> String {
        explanation.ids.append(event.token)
        explanation.logProbabilities.append(event.logProbability)
        let piece = isStop ? "" : decoder.append(event.token)
        guard !piece.isEmpty else { return "" }
        // The tag may be spread over several pieces; only the end of the text can have become one.
        let tail = explanation.text.unicodeScalars.suffix(Explanation.closeTag.count)
        explanation.text += piece
        isClosed = (String(String.UnicodeScalarView(tail)) + piece).contains(Explanation.closeTag)
        return piece
    }

    func finish() -> Explanation {
        explanation.text += decoder.finish()
        return explanation
    }
}
