import Tensors

/// How well a model predicts a text: the mean of −log P(token) over its tokens, in nats.
///
/// The text is read in windows. Each token is predicted from those before it in its window, and counted once. With an overlap every window
/// but the first begins with tokens of the one before it, which are read and not counted again. The first token of a text is not counted, and
/// without an overlap neither is that of any window: nothing is before it.
public struct TextLoss: Sendable, Equatable {
    /// How a text is cut.
    public struct Windows: Sendable, Equatable {
        /// Tokens of a window at most.
        public let length: Int
        /// Tokens that a window shares with the one before it.
        public let overlap: Int

        /// Windows of at least two tokens that share fewer than a window's. Traps otherwise.
        public init(length: Int = 1024, overlap: Int = 0) {
            require(length >= 2 && (0..<length).contains(overlap), "windows of \(length) that share \(overlap)")
            (self.length, self.overlap) = (length, overlap)
        }

        /// The windows of a text, with the places in it of the tokens that are counted in each.
        public func of(_ count: Int) -> [(tokens: Range<Int>, counted: Range<Int>)] {
            var result: [(tokens: Range<Int>, counted: Range<Int>)] = []
            var begin = 0, end = 0
            while end < count {
                let next = min(count, begin + length), first = max(begin + 1, end)
                if first < next { result.append((begin..<next, first..<next)) }
                end = next
                begin = end - overlap
            }
            return result
        }
    }

    /// Σ −log P(token) over the counted tokens, in nats.
    public let sum: Double
    /// Tokens counted.
    public let counted: Int
    /// Tokens of the text.
    public let tokens: Int
    /// Windows read.
    public let windowCount: Int

    /// Nats per counted token.
    public var mean: Double { sum / Double(max(1, counted)) }

    /// Reads a text, given as token ids. Throws where it has fewer than two, an id outside the vocabulary, and for NaN.
    ///
    /// - Parameter progress: called with the share of the windows read.
    public init(
        _ ids: [Int32], _ checkpoint: Checkpoint, _ decoder: TransformerDecoder, windows: Windows = Windows(),
        precision: Precision, progress: (Double) -> Void = { _ in }
    ) throws {
        guard ids.count >= 2 else {
            throw ModelError("the text has \(ids.count) tokens; a loss needs at least two")
        }
        let vocabulary = decoder.configuration.vocabularySize
        if let id = ids.first(where: { $0 < 0 || Int($0) >= vocabulary }) {
            throw ModelError("the token id \(id) is outside the model's vocabulary of \(vocabulary)")
        }
        let all = windows.of(ids.count)
        var sum = 0.0
        for range in Passes.split(all.map(\.tokens.count), limit: 4096) {
            var tree = TokenTree()
            var rows: [Int32] = [], targets: [Int32] = []
            for (tokens, counted) in all[range] {
                let segment = tree.append(Array(ids[tokens]))
                let first = tree.segments[segment].firstRow - tokens.lowerBound
                // A token is predicted by the row before it.
                rows += counted.map { Int32(first + $0 - 1) }
                targets += ids[counted]
            }
            let tape = Tape(recording: false, precision: precision)
            let hidden = decoder.hidden(tree, rows: rows, tape: tape)
            let logProbabilities = decoder.logProbabilities(of: targets, hidden, tape: tape).value.floats()
            sum -= logProbabilities.reduce(0.0) { $0 + Double($1) }
            guard sum.isFinite else { throw checkpoint.nonFiniteError("in the loss") }
            progress(Double(range.upperBound) / Double(all.count))
        }
        self.sum = sum
        counted = all.reduce(0) { $0 + $1.counted.count }
        tokens = ids.count
        windowCount = all.count
    }
}
