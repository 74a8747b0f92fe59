import CKernels

/// Which keys each query row sees: the shape of a token tree, as the attention kernel wants it.
public struct AttentionLayout: Sendable {
    var tasks: [ck_attention_task] = []
    var spans: [ck_attention_span] = []
    /// Query rows described so far.
    public private(set) var queryRows = 0

    /// No queries.
    public init() {}

    /// Appends a run of query rows.
    ///
    /// - Parameters:
    ///   - count: number of rows.
    ///   - firstVisible: how many keys the first of them sees; each next one sees one more.
    ///   - path: the key rows on the path from the root to the last query, in order. There must be
    ///     `firstVisible + count - 1` of them or more.
    public mutating func append(count: Int, firstVisible: Int, spans path: [Range<Int>]) {
        let keys = path.reduce(0) { $0 + $1.count }
        require(count > 0 && firstVisible > 0 && keys >= firstVisible + count - 1, "\(count) queries for \(keys) keys")
        tasks.append(
            ck_attention_task(
                query_row: queryRows, query_count: count, first_visible: firstVisible, span_begin: spans.count,
                span_count: path.count))
        for range in path { spans.append(ck_attention_span(row: range.lowerBound, count: range.count)) }
        queryRows += count
    }

    /// What some consecutive query rows see, as a layout of their own.
    package func rows(_ range: Range<Int>) -> AttentionLayout {
        var part = AttentionLayout()
        for task in tasks {
            let own = range.clamped(to: task.query_row..<task.query_row + task.query_count)
            guard !own.isEmpty else { continue }
            part.tasks.append(
                ck_attention_task(
                    query_row: part.queryRows, query_count: own.count,
                    first_visible: task.first_visible + own.lowerBound - task.query_row,
                    span_begin: part.spans.count, span_count: task.span_count))
            part.spans += spans[task.span_begin..<task.span_begin + task.span_count]
            part.queryRows += own.count
        }
        return part
    }
}

/// The numbers of an attention layer.
public struct AttentionShape: Sendable {
    /// Query heads.
    public var heads: Int
    /// Key and value heads; each serves heads / keyValueHeads query heads.
    public var keyValueHeads: Int
    /// Width of one head.
    public var headWidth: Int
    /// Factor of the scores.
    public var scale: Float
    /// Keys a query sees at most, itself included; nil for all.
    public var window: Int?

    /// An attention layer's numbers.
    public init(heads: Int, keyValueHeads: Int, headWidth: Int, scale: Float, window: Int? = nil) {
        self.heads = heads
        self.keyValueHeads = keyValueHeads
        self.headWidth = headWidth
        self.scale = scale
        self.window = window
    }
}

/// The cosines and sines of rotary positions: [positions, headWidth / 2] each, float32.
public struct RotaryTable: Sendable {
    let cosine: Tensor
    let sine: Tensor

    /// Computed elsewhere, row by row.
    public init(cosine: Tensor, sine: Tensor) {
        require(cosine.shape == sine.shape && cosine.shape.count == 2, "cosines \(cosine.shape), sines \(sine.shape)")
        self.cosine = cosine
        self.sine = sine
    }

    /// Positions it holds.
    public var positions: Int { cosine.rows }
}

extension Tape {
    /// Rotary position embedding (Su et al. 2021) of each head, pairs (i, i + width/2). Writes over x, which nothing else may
    /// have used.
    ///
    /// - Parameters:
    ///   - x: [rows, heads · headWidth], float32.
    ///   - positions: one per row.
    public func rotary(_ x: Variable, positions: [Int32], table: RotaryTable) -> Variable {
        let half = table.cosine.width, rows = x.value.rows
        require(half > 0 && x.value.width % (2 * half) == 0, "heads of \(2 * half) in rows of \(x.value.width)")
        require(positions.count == rows, "\(positions.count) positions for \(rows) rows")
        require(positions.allSatisfy { $0 >= 0 && Int($0) < table.positions }, "a position beyond the rotary table")
        let heads = x.value.width / (2 * half)
        func rotate(_ tensor: Tensor, _ direction: Int32) {
            ck_rotate(
                tensor.floatAddress, positions, table.cosine.floatAddress, table.sine.floatAddress, rows, heads,
                2 * half,
                direction)
        }
        rotate(x.value, 1)
        return result(x.value, from: [x]) { gradient in
            rotate(gradient, -1)
            x.receive(gradient)
        }
    }

    /// Softmax attention over a token tree.
    ///
    /// A tape that records in bfloat16 rounds the operands of attention's products, too; one that does not leaves them in float32,
    /// which costs little there and keeps what is read more exact.
    ///
    /// - Parameters:
    ///   - queries: [query rows, heads · headWidth], float32.
    ///   - keys: [key rows, keyValueHeads · headWidth], float32.
    ///   - values: as keys.
    ///   - layout: which keys each query sees.
    /// - Returns: [query rows, heads · headWidth] in the tape's precision.
    public func attention(
        queries: Variable, keys: Variable, values: Variable, shape: AttentionShape, layout: AttentionLayout
    ) -> Variable {
        let q = queries.value, k = keys.value, v = values.value
        require(layout.queryRows == q.rows, "a layout of \(layout.queryRows) queries for \(q.rows)")
        require(
            q.width == shape.heads * shape.headWidth && k.width == shape.keyValueHeads * shape.headWidth, "head widths")
        require(k.shape == v.shape && shape.heads % shape.keyValueHeads == 0, "keys \(k.shape), values \(v.shape)")
        require(layout.spans.allSatisfy { $0.row >= 0 && $0.row + $0.count <= k.rows }, "a span beyond the keys")
        let output = Tensor(uninitialized: q.shape, precision.elementType)
        let records = isRecording && (queries.needsGradient || keys.needsGradient || values.needsGradient)
        let logSumExp = records ? Tensor(uninitialized: [q.rows, shape.heads], .float32) : nil
        func withKernel(_ body: (UnsafePointer<ck_attention>) -> Void) {
            layout.tasks.withUnsafeBufferPointer { tasks in
                layout.spans.withUnsafeBufferPointer { spans in
                    var description = ck_attention(
                        q: q.floatAddress, k: k.floatAddress, v: v.floatAddress, heads: shape.heads,
                        kv_heads: shape.keyValueHeads, width: shape.headWidth, scale: shape.scale,
                        window: shape.window ?? 0, tasks: tasks.baseAddress, task_count: tasks.count,
                        spans: spans.baseAddress, query_rows: q.rows, key_rows: k.rows,
                        pairs: precision == .bfloat16 && isRecording)
                    withExtendedLifetime((q, k, v)) { body(&description) }
                }
            }
        }
        withKernel { ck_attention_forward($0, output.address, output.kernelType, logSumExp?.floatAddress) }
        return result(output, from: [queries, keys, values]) { gradient in
            guard let logSumExp else { return }
            let dq = Tensor(uninitialized: q.shape, .float32)
            let dk = keys.gradientToAddTo(), dv = values.gradientToAddTo()
            withKernel {
                ck_attention_backward(
                    $0, output.address, output.kernelType, logSumExp.floatAddress, gradient.floatAddress,
                    dq.floatAddress,
                    dk.floatAddress, dv.floatAddress)
            }
            queries.receive(dq)
        }
    }

    /// Copies rows into a larger tensor of the same width, in place: how keys and values enter a cache. No gradient.
    public func store(_ x: Tensor, in target: Tensor, rows: [Range<Int>]) {
        require(x.width == target.width && x.elementType == target.elementType, "rows of another kind")
        let bytes = x.width * x.elementType.byteCount
        var next = 0
        for range in rows {
            require(
                range.lowerBound >= 0 && range.upperBound <= target.rows && next + range.count <= x.rows,
                "rows outside the cache")
            (target.address + range.lowerBound * bytes).copyMemory(
                from: x.address + next * bytes, byteCount: range.count * bytes)
            next += range.count
        }
    }
}
