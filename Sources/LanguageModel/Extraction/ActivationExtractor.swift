import Foundation
import Tensors

/// Reads residual streams out of a model: text in, vectors out.
public struct ActivationExtractor {
    /// What to read.
    public struct Request: Sendable {
        /// The blocks to read behind, 0-based, increasing.
        public var layers: [Int]
        /// Positions in every document, negative ones from its end; nil for all.
        public var positions: [Int]?
        /// Whether to compute logits at the same rows.
        public var logits = false

        /// A request.
        public init(layers: [Int], positions: [Int]? = nil, logits: Bool = false) {
            self.layers = layers
            self.positions = positions
            self.logits = logits
        }
    }

    /// What was read. Rows follow the documents in order.
    public struct Result {
        /// Row of each document's first vector; one more at the end.
        public var offsets: [Int] = [0]
        /// Position of each row in its document.
        public var positions: [Int] = []
        /// [rows, d] float32 behind each requested block.
        public var hidden: [Int: Tensor] = [:]
        /// [rows, vocabulary] float32, if asked for.
        public var logits: Tensor?
    }

    private let checkpoint: Checkpoint
    private let decoder: TransformerDecoder
    private let precision: Precision
    /// Tokens of one pass: enough rows for the matrix products to run at full speed, few enough to stay in the caches.
    private let rowsPerPass = 1024

    /// An extractor on a decoder of this checkpoint (with adapters, if it has any).
    public init(_ checkpoint: Checkpoint, _ decoder: TransformerDecoder, precision: Precision) {
        self.checkpoint = checkpoint
        self.decoder = decoder
        self.precision = precision
    }

    /// Reads documents, given as token ids. Throws for a document without tokens, an id outside the vocabulary, a position
    /// outside a document, and for NaN or infinite results, naming the weight if one is at fault.
    ///
    /// - Parameter progress: called with the number of documents done.
    public func extract(
        _ documents: [[Int32]], _ request: Request, progress: (Int) -> Void = { _ in }
    ) throws -> Result {
        try extract(
            documents, at: [[Int]?](repeating: request.positions, count: documents.count), layers: request.layers,
            logits: request.logits, progress: progress)
    }

    /// Reads each document at positions of its own, negative ones from its end; nil for all of them. Throws likewise.
    public func extract(
        _ documents: [[Int32]], at positions: [[Int]?], layers: [Int], logits: Bool = false,
        progress: (Int) -> Void = { _ in }
    ) throws -> Result {
        require(documents.count == positions.count, "positions for each document")
        let request = Request(layers: layers, logits: logits)
        let rows = try documents.indices.map {
            try selectedPositions(documents[$0], positions[$0], document: documents.count > 1 ? $0 : nil)
        }
        var result = Result()
        for selected in rows {
            result.positions += selected
            result.offsets.append(result.positions.count)
        }
        try checkMemory(rows: result.positions.count, request)
        for layer in request.layers {
            result.hidden[layer] = Tensor(zeros: [result.positions.count, decoder.configuration.hiddenSize])
        }
        if request.logits {
            result.logits = Tensor(zeros: [result.positions.count, decoder.configuration.vocabularySize])
        }
        for range in Passes.split(documents.map(\.count), limit: rowsPerPass) {
            try pass(documents[range], rows[range], request, into: result, at: result.offsets[range.lowerBound])
            progress(range.upperBound)
        }
        return result
    }

    /// Refuses what cannot fit before asking for it.
    private func checkMemory(rows: Int, _ request: Request) throws {
        let c = decoder.configuration
        let width = request.layers.count * c.hiddenSize + (request.logits ? c.vocabularySize : 0)
        let bytes = 4 * Double(rows) * Double(width)
        guard bytes < Double(ProcessInfo.processInfo.physicalMemory) else {
            throw ModelError(
                String(
                    format:
                        "%ld rows of %ld numbers take %.0f GiB, more than this machine has; read fewer positions or blocks",
                    rows, width, bytes / 0x1p30))
        }
    }

    private func selectedPositions(_ ids: [Int32], _ wanted: [Int]?, document: Int?) throws -> [Int] {
        let name = document.map { "document \($0 + 1)" } ?? "the text"
        guard !ids.isEmpty else { throw ModelError("\(name) has no tokens; give at least one") }
        let vocabulary = decoder.configuration.vocabularySize
        if let id = ids.first(where: { $0 < 0 || Int($0) >= vocabulary }) {
            throw ModelError(
                "\(name): id \(id) is outside the vocabulary of \(vocabulary); the ids must come from this model's tokenizer"
            )
        }
        guard let wanted else { return Array(ids.indices) }
        return try wanted.map { position in
            let index = position < 0 ? ids.count + position : position
            guard ids.indices.contains(index) else {
                throw ModelError("position \(position) is outside \(name), which has \(ids.count) tokens")
            }
            return index
        }
    }

    private func pass(
        _ documents: ArraySlice<[Int32]>, _ rows: ArraySlice<[Int]>, _ request: Request, into result: Result,
        at offset: Int
    ) throws {
        var tree = TokenTree()
        var wanted: [Int32] = []
        for (ids, selected) in zip(documents, rows) {
            // What follows the last position does not matter to it.
            let segment = tree.append(Array(ids.prefix((selected.max() ?? -1) + 1)))
            wanted += selected.map { Int32(tree.segments[segment].firstRow + $0) }
        }
        guard !wanted.isEmpty else { return }
        let tape = Tape(recording: false, precision: precision)
        let count = wanted.count, all = count == tree.rowCount && wanted.elementsEqual(0..<Int32(count))
        let last = request.logits ? decoder.configuration.blockCount - 1 : request.layers.max() ?? 0
        // The last block's rows may come in any order, but the kernel wants each once and increasing.
        let unique = Array(Set(wanted)).sorted()
        func place(_ row: Int) -> String {
            let segment = tree.segments.lastIndex { $0.firstRow <= row && $0.count > 0 } ?? 0
            let position = "position \(row - tree.segments[segment].firstRow)"
            return result.offsets.count > 2 ? "\(position) of document \(documents.startIndex + segment + 1)" : position
        }
        var failure: ModelError?
        let behindLast = decoder.hidden(tree, through: last, rows: all ? nil : unique, tape: tape) { block, hidden in
            guard failure == nil else { return hidden }
            if let bad = hidden.value.firstNonFinite() {
                let row = bad / hidden.value.width
                let treeRow = all || block < last ? row : Int(unique[row])
                failure = checkpoint.nonFiniteError("at the output of block \(block) at \(place(treeRow))")
            } else if let target = result.hidden[block] {
                let picked =
                    all
                    ? hidden.value
                    : hidden.value.gatheringRows(block == last ? wanted.map { position(of: $0, in: unique) } : wanted)
                tape.store(picked, in: target, rows: [offset..<offset + count])
            }
            return hidden
        }
        if let failure { throw failure }
        if let logits = result.logits {
            let ordered =
                all ? behindLast : Variable(behindLast.value.gatheringRows(wanted.map { position(of: $0, in: unique) }))
            for begin in stride(from: 0, to: count, by: rowsPerPass) {
                let some = begin..<min(count, begin + rowsPerPass)
                let computed = decoder.logits(Variable(ordered.value.rows(some)), tape: tape)
                if let bad = computed.firstNonFinite() {
                    throw checkpoint.nonFiniteError(
                        "in the logits at \(place(Int(wanted[begin + bad / computed.width])))")
                }
                tape.store(computed, in: logits, rows: [offset + begin..<offset + some.upperBound])
            }
        }
    }

    private func position(of row: Int32, in sorted: [Int32]) -> Int32 {
        var low = 0, high = sorted.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if sorted[middle] <= row { low = middle } else { high = middle }
        }
        return Int32(low)
    }
}
