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
        Kernels.rotate(x.value, positions: positions, table, direction: 1)
        return result(x.value, from: [x]) { gradient in
            Kernels.rotate(gradient, positions: positions, table, direction: -1)
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
        require(layout.fits(keyRows: k.rows), "a span beyond the keys")
        let output = Tensor(uninitialized: q.shape, precision.elementType)
        let records = isRecording && (queries.needsGradient || keys.needsGradient || values.needsGradient)
        let logSumExp = records ? Tensor(uninitialized: [q.rows, shape.heads], .float32) : nil
        let inputs = AttentionInputs(
            queries: q, keys: k, values: v, shape: shape, layout: layout,
            roundsOperands: precision == .bfloat16 && isRecording)
        Kernels.attention(inputs, to: output, logSumExp: logSumExp)
        return result(output, from: [queries, keys, values]) { gradient in
            guard let logSumExp else { return }
            let dq = Tensor(uninitialized: q.shape, .float32)
            Kernels.attentionBackward(
                inputs, out: output, logSumExp: logSumExp, dout: gradient, dq: dq, dk: keys.gradientToAddTo(),
                dv: values.gradientToAddTo())
            queries.receive(dq)
        }
    }

    /// Copies rows into a larger tensor of the same width, in place: how keys and values enter a cache. No gradient.
    public func store(_ x: Tensor, in target: Tensor, rows: [Range<Int>]) {
        require(x.width == target.width && x.elementType == target.elementType, "rows of another kind")
        require(
            rows.allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= target.rows }
                && rows.reduce(0) { $0 + $1.count } <= x.rows, "rows outside the cache")
        Kernels.storeRows(x, in: target, rows)
    }
}
