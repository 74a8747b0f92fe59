import CKernels

/// Which keys each query row sees: the shape of a token tree, as the attention kernel wants it.
public struct AttentionLayout: Sendable {
    fileprivate var tasks: [ck_attention_task] = []
    fileprivate var spans: [ck_attention_span] = []
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

    /// Whether every span lies within as many key rows.
    func fits(keyRows: Int) -> Bool { spans.allSatisfy { $0.row >= 0 && $0.row + $0.count <= keyRows } }

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

/// One attention over a token tree, for both passes.
struct AttentionInputs {
    /// [query rows, heads · headWidth], [key rows, keyValueHeads · headWidth] twice; float32.
    let queries, keys, values: Tensor
    let shape: AttentionShape
    let layout: AttentionLayout
    /// Whether the operands of the products are rounded to bfloat16.
    let roundsOperands: Bool
}

extension Kernels {
    /// out [query rows, heads · headWidth]; the logarithms of the sums of the softmax, [query rows, heads], are kept where they are wanted.
    static func attention(_ inputs: AttentionInputs, to out: Tensor, logSumExp: Tensor?) {
        withKernel(inputs) { ck_attention_forward($0, out.address, out.kernelType, logSumExp?.floatAddress) }
    }

    /// dq is written, dk and dv are added to.
    static func attentionBackward(
        _ inputs: AttentionInputs, out: Tensor, logSumExp: Tensor, dout: Tensor, dq: Tensor, dk: Tensor, dv: Tensor
    ) {
        withKernel(inputs) {
            ck_attention_backward(
                $0, out.address, out.kernelType, logSumExp.floatAddress, dout.floatAddress, dq.floatAddress,
                dk.floatAddress, dv.floatAddress)
        }
    }

    private static func withKernel(_ inputs: AttentionInputs, _ body: (UnsafePointer<ck_attention>) -> Void) {
        let (q, k, v, shape) = (inputs.queries, inputs.keys, inputs.values, inputs.shape)
        inputs.layout.tasks.withUnsafeBufferPointer { tasks in
            inputs.layout.spans.withUnsafeBufferPointer { spans in
                var description = ck_attention(
                    q: q.floatAddress, k: k.floatAddress, v: v.floatAddress, heads: shape.heads,
                    kv_heads: shape.keyValueHeads, width: shape.headWidth, scale: shape.scale,
                    window: shape.window ?? 0, tasks: tasks.baseAddress, task_count: tasks.count,
                    spans: spans.baseAddress, query_rows: q.rows, key_rows: k.rows, pairs: inputs.roundsOperands)
                withExtendedLifetime(inputs) { body(&description) }
            }
        }
    }
}
