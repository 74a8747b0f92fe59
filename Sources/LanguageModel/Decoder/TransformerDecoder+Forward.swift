import Tensors

/// Sees, and may replace, the residual stream at the output of a block. The value must be copied to be kept when the tape does not record.
public typealias BlockObserver = (_ block: Int, _ hidden: Variable) -> Variable

extension TransformerDecoder {
    /// The residual stream at the output of block `through` (0-based; all blocks by default), before any final norm.
    ///
    /// - Parameters:
    ///   - tree: the tokens.
    ///   - vectors: [injected, d] float32, replacing the embeddings of the tree's injected rows after the embedding's scaling.
    ///   - rows: the rows to read, increasing within a segment; nil for all. The last block computes queries and its MLP for
    ///     these only.
    ///   - observer: called at the output of every block; the last block's rows are those read.
    /// - Returns: [rows, d] float32.
    public func hidden(
        _ tree: TokenTree, vectors: Variable? = nil, through last: Int? = nil, rows: [Int32]? = nil, tape: Tape,
        observer: BlockObserver? = nil
    ) -> Variable {
        let last = last ?? blocks.count - 1
        require(last >= 0 && last < blocks.count, "block \(last) of \(blocks.count)")
        require(tree.rowCount > 0 && rows?.isEmpty != true, "nothing to compute: an empty tree, or no rows")
        require(
            vectors?.value.rows ?? 0 == tree.injectedRows.count,
            "\(tree.injectedRows.count) injected rows want as many vectors")
        return run(
            Pass(tree), vectors: vectors, through: last, read: Pass.read(rows, tree), tape: tape, observer: observer)
    }

    /// The residual stream at the output of the last block, going on from the output of block `block`: what a target makes of activations
    /// that something else has changed. Equal to ``hidden(_:vectors:through:rows:tape:observer:)`` from there on.
    ///
    /// - Parameters:
    ///   - tree: the tokens that the stream is of.
    ///   - stream: [tokens, d] float32. Nothing else may have used it.
    ///   - rows: the rows to read, increasing within a segment; nil for all.
    /// - Returns: [rows, d] float32.
    public func hidden(
        _ tree: TokenTree, behind block: Int, stream: Variable, rows: [Int32]? = nil, tape: Tape
    ) -> Variable {
        require(blocks.indices.contains(block), "block \(block) of \(blocks.count)")
        require(stream.value.rows == tree.rowCount && rows?.isEmpty != true, "a stream of other rows, or none to read")
        guard block + 1 < blocks.count else { return rows.map { tape.selecting($0, of: stream) } ?? stream }
        return run(Pass(tree), blocks: block + 1...blocks.count - 1, stream, read: Pass.read(rows, tree), tape: tape)
    }

    /// Rows to compute, in the terms of the kernels.
    struct Pass {
        var tokens: [Int32]
        var positions: [Int32]
        var injected: [Int32] = []
        var layout: AttentionLayout
        /// Positions are below this.
        var depth: Int
        /// Cache rows that take this pass's keys and values, in row order.
        var cached: (cache: KeyValueCache, rows: [Range<Int>])?
        /// Rows to read of the last block, with their positions and the layout of them as queries.
        typealias Read = (rows: [Int32], positions: [Int32], layout: AttentionLayout)
    }

    func run(
        _ pass: Pass, vectors: Variable?, through last: Int,
        read: Pass.Read? = nil, tape: Tape, observer: BlockObserver? = nil
    ) -> Variable {
        var x = tape.embedding(pass.tokens, table: embedding, scale: embeddingScale(tape.precision))
        if let vectors, !pass.injected.isEmpty { x = tape.replacing(pass.injected, of: x, with: vectors) }
        return run(pass, blocks: 0...last, x, read: read, tape: tape, observer: observer)
    }

    /// Some blocks over a stream, which they may write over.
    func run(
        _ pass: Pass, blocks range: ClosedRange<Int>, _ stream: Variable, read: Pass.Read? = nil, tape: Tape,
        observer: BlockObserver? = nil
    ) -> Variable {
        var x = stream
        for index in range {
            var rows = Block.Rows(positions: pass.positions, layout: pass.layout)
            if index == range.upperBound { rows.read = read }
            if let (cache, destination) = pass.cached {
                rows.cache = (cache.keys[index], cache.values[index], destination)
            }
            let table = rotaryTable(blocks[index].rotary, positions: pass.depth)
            x =
                tape.isRecording || x.value.rows <= rowsAtOnce
                ? blocks[index](tape, x, rows, table) : inStretches(blocks[index], tape, x, rows, table)
            if let observer { x = observer(index, x) }
        }
        return x
    }

    /// A block over many rows, without a gradient: keys and values of all of them first, then attention and MLP of a stretch at a time. What
    /// a long text takes beside its stream is then its keys and values in one block, and the rest of a stretch. Writes over `x`.
    private func inStretches(
        _ block: Block, _ tape: Tape, _ x: Variable, _ rows: Block.Rows, _ table: RotaryTable
    ) -> Variable {
        let count = x.value.rows, width = block.attention.keyValueHeads * block.attention.headWidth
        let cache =
            rows.cache
            ?? (
                Tensor(uninitialized: [count, width], .float32), Tensor(uninitialized: [count, width], .float32),
                [0..<count]
            )
        func stretches(_ count: Int) -> [Range<Int>] {
            stride(from: 0, to: count, by: rowsAtOnce).map { $0..<min(count, $0 + rowsAtOnce) }
        }
        for range in stretches(count) {
            block.remember(
                tape, Variable(x.value.rows(range)), positions: Array(rows.positions[range]), table,
                in: (cache.keys, cache.values, TransformerDecoder.part(range, of: cache.rows)))
        }
        func behind(_ stream: Variable, _ positions: ArraySlice<Int32>, _ layout: AttentionLayout) -> Tensor {
            block(
                tape, stream, positions: Array(positions), layout: layout, table, knowing: (cache.keys, cache.values)
            ).value
        }
        guard let read = rows.read else {
            for range in stretches(count) {
                let stream = Variable(x.value.rows(range).copy())
                tape.store(behind(stream, rows.positions[range], rows.layout.rows(range)), in: x.value, rows: [range])
            }
            return x
        }
        let result = Tensor(uninitialized: [read.rows.count, x.value.width], .float32)
        for range in stretches(read.rows.count) {
            let stream = tape.selecting(Array(read.rows[range]), of: x)
            tape.store(behind(stream, read.positions[range], read.layout.rows(range)), in: result, rows: [range])
        }
        return Variable(result)
    }

    /// Where some rows lie, given where all lie, in order.
    private static func part(_ range: Range<Int>, of places: [Range<Int>]) -> [Range<Int>] {
        var first = 0
        return places.compactMap { place in
            let own = range.clamped(to: first..<first + place.count)
            defer { first += place.count }
            guard !own.isEmpty else { return nil }
            let begin = place.lowerBound + own.lowerBound - first
            return begin..<begin + own.count
        }
    }

    /// KL(clean ‖ model) in nats of the next token, for hidden rows [rows, d] at the output of the last block; the result is [rows], float32.
    public func divergences(from clean: TokenDistributions, _ hidden: Variable, tape: Tape) -> Variable {
        tape.divergences(logitParts(hidden, tape: tape), from: clean)
    }

    /// The next token's distribution for hidden rows [rows, d] at the output of the last block. No gradient.
    public func distributions(_ hidden: Variable, tape: Tape) -> TokenDistributions {
        tape.distributions(logitParts(hidden, tape: tape))
    }

    /// The final norm, in the type that the output matrix takes.
    public func normalized(_ hidden: Variable, tape: Tape) -> Variable {
        guard let finalNorm else { trap("a decoder cut before its final norm has no logits") }
        return tape.rmsNorm(
            hidden, weight: finalNorm, offset: configuration.normOffset, epsilon: configuration.normEpsilon,
            to: tape.precision.elementType)
    }

    /// Logits [rows, vocabulary], float32, of hidden rows [rows, d] at the output of the last block. No gradient.
    public func logits(_ hidden: Variable, tape: Tape) -> Tensor { tape.logits(logitParts(hidden, tape: tape)) }

    /// log P(target) for hidden rows [rows, d] at the output of the last block; the result is [rows], float32.
    ///
    /// - Parameter temperature: of the distribution, above 0.
    public func logProbabilities(
        of targets: [Int32], _ hidden: Variable, temperature: Float = 1, tape: Tape
    ) -> Variable {
        tape.tokenLogProbabilities(logitParts(hidden, temperature: temperature, tape: tape), targets: targets)
    }

    private func logitParts(_ hidden: Variable, temperature: Float = 1, tape: Tape) -> [LogitPart] {
        guard let output else { trap("a decoder without its output matrix has no logits") }
        var x = normalized(hidden, tape: tape)
        // Logits are linear in x.
        if temperature != 1 { x = tape.scaled(x, by: 1 / temperature, to: tape.precision.elementType) }
        let matrix = LogitPart(x, table: output.operand.weight)
        guard let adapter = output.adapter else { return [matrix] }
        return [matrix, LogitPart(adapter.narrowed(tape, x), table: adapter.up)]
    }
}

extension TransformerDecoder.Pass {
    /// All rows of a tree.
    init(_ tree: TokenTree) {
        self.init(
            tokens: tree.tokens, positions: tree.positions, injected: tree.injectedRows, layout: tree.layout(),
            depth: tree.depth)
    }

    /// Some rows of a tree to read; nil for all.
    static func read(_ rows: [Int32]?, _ tree: TokenTree) -> Read? {
        rows.map { rows in (rows, rows.map { tree.positions[Int($0)] }, tree.layout(of: rows)) }
    }
}
