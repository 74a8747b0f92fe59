import Tensors

/// One transformer block: attention, then a gated MLP, each behind a norm and added to the residual stream.
final class Block {
    let inputNorm: Parameter
    let query: Linear
    let key: Linear
    let value: Linear
    let output: Linear
    let queryNorm: Parameter?
    let keyNorm: Parameter?
    /// Gemma: the norm of the attention's output.
    let attentionOutputNorm: Parameter?
    let mlpNorm: Parameter
    let gate: Linear
    let up: Linear
    let down: Linear
    /// Gemma: the norm of the MLP's output.
    let mlpOutputNorm: Parameter?
    let attention: AttentionShape
    let rotary: Int
    private let configuration: DecoderConfiguration

    /// Builds block `index` from `weight(name, shape)`.
    init(
        _ index: Int, _ configuration: DecoderConfiguration,
        weight: (_ name: String, _ shape: [Int]) throws -> Parameter
    ) rethrows {
        let c = configuration
        let prefix = "layers.\(index)."
        func linear(_ name: String, _ output: Int, _ input: Int, bias: Bool) throws -> Linear {
            Linear(
                try weight("\(prefix)\(name).weight", [output, input]),
                bias: bias ? try weight("\(prefix)\(name).bias", [output]) : nil)
        }
        func norm(_ name: String, _ size: Int? = nil) throws -> Parameter {
            try weight("\(prefix)\(name).weight", [size ?? c.hiddenSize])
        }
        self.configuration = c
        let queries = c.headCount * c.headWidth, keys = c.keyValueHeadCount * c.headWidth
        inputNorm = try norm("input_layernorm")
        query = try linear("self_attn.q_proj", queries, c.hiddenSize, bias: c.queryKeyValueBias)
        key = try linear("self_attn.k_proj", keys, c.hiddenSize, bias: c.queryKeyValueBias)
        value = try linear("self_attn.v_proj", keys, c.hiddenSize, bias: c.queryKeyValueBias)
        output = try linear("self_attn.o_proj", c.hiddenSize, queries, bias: c.outputBias)
        queryNorm = c.normalizesQueriesAndKeys ? try norm("self_attn.q_norm", c.headWidth) : nil
        keyNorm = c.normalizesQueriesAndKeys ? try norm("self_attn.k_norm", c.headWidth) : nil
        if c.normalizesOutputs {
            attentionOutputNorm = try norm("post_attention_layernorm")
            mlpNorm = try norm("pre_feedforward_layernorm")
            mlpOutputNorm = try norm("post_feedforward_layernorm")
        } else {
            attentionOutputNorm = nil
            mlpNorm = try norm("post_attention_layernorm")
            mlpOutputNorm = nil
        }
        gate = try linear("mlp.gate_proj", c.intermediateSize, c.hiddenSize, bias: c.mlpBias)
        up = try linear("mlp.up_proj", c.intermediateSize, c.hiddenSize, bias: c.mlpBias)
        down = try linear("mlp.down_proj", c.hiddenSize, c.intermediateSize, bias: c.mlpBias)
        let kind = c.blocks[index]
        rotary = kind.rotary
        attention = AttentionShape(
            heads: c.headCount, keyValueHeads: c.keyValueHeadCount, headWidth: c.headWidth, scale: c.attentionScale,
            window: kind.window)
    }

    /// The linear layers by the last part of their name in checkpoints.
    var linears: [(name: String, layer: Linear)] {
        [
            ("self_attn.q_proj", query), ("self_attn.k_proj", key), ("self_attn.v_proj", value),
            ("self_attn.o_proj", output),
            ("mlp.gate_proj", gate), ("mlp.up_proj", up), ("mlp.down_proj", down),
        ]
    }

    var parameters: [Parameter] {
        let norms = [inputNorm, queryNorm, keyNorm, attentionOutputNorm, mlpNorm, mlpOutputNorm].compactMap { $0 }
        return norms + linears.flatMap(\.layer.parameters)
    }

    /// The block's rows of one pass.
    struct Rows {
        /// All rows: their positions, and the layout of all of them as queries.
        let positions: [Int32]
        let layout: AttentionLayout
        /// Only these rows go on after the keys and values are made; nil for all.
        var read: (rows: [Int32], positions: [Int32], layout: AttentionLayout)?
        /// Where keys and values of earlier passes lie, and where this pass's go.
        var cache: (keys: Tensor, values: Tensor, rows: [Range<Int>])?
    }

    /// x [rows, d] float32 ↦ the residual stream at the output of the block, for all rows or for those read.
    func callAsFunction(_ tape: Tape, _ x: Variable, _ rows: Rows, _ table: RotaryTable) -> Variable {
        let normed = norm(tape, x, inputNorm, to: tape.precision.elementType)
        var stream = x, q: Variable, k: Variable, v: Variable, positions = rows.positions, layout = rows.layout
        if let read = rows.read {
            stream = tape.selecting(read.rows, of: x)
            q = Linear.apply([query], tape, tape.selecting(read.rows, of: normed), to: .float32)[0]
            let all = Linear.apply([key, value], tape, normed, to: .float32)
            (k, v) = (all[0], all[1])
            (positions, layout) = (read.positions, read.layout)
        } else {
            let all = Linear.apply([query, key, value], tape, normed, to: .float32)
            (q, k, v) = (all[0], all[1], all[2])
        }
        k = turned(tape, k, keyNorm, positions: rows.positions, table)
        if let cache = rows.cache {
            tape.store(k.value, in: cache.keys, rows: cache.rows)
            tape.store(v.value, in: cache.values, rows: cache.rows)
            (k, v) = (Variable(cache.keys), Variable(cache.values))
        }
        q = turned(tape, q, queryNorm, positions: positions, table)
        return behind(tape, stream, q, k, v, layout)
    }

    /// Makes the keys and values of x [rows, d] and puts them where queries will look for them: the first half of a block that goes over
    /// its rows in stretches. No gradient.
    func remember(
        _ tape: Tape, _ x: Variable, positions: [Int32], _ table: RotaryTable,
        in cache: (keys: Tensor, values: Tensor, rows: [Range<Int>])
    ) {
        let normed = norm(tape, x, inputNorm, to: tape.precision.elementType)
        let all = Linear.apply([key, value], tape, normed, to: .float32)
        tape.store(
            turned(tape, all[0], keyNorm, positions: positions, table).value, in: cache.keys, rows: cache.rows)
        tape.store(all[1].value, in: cache.values, rows: cache.rows)
    }

    /// The residual stream at the output of the block for rows whose keys and values, and those of all they see, are known: the second half.
    func callAsFunction(
        _ tape: Tape, _ x: Variable, positions: [Int32], layout: AttentionLayout, _ table: RotaryTable,
        knowing cache: (keys: Tensor, values: Tensor)
    ) -> Variable {
        let normed = norm(tape, x, inputNorm, to: tape.precision.elementType)
        let q = turned(
            tape, Linear.apply([query], tape, normed, to: .float32)[0], queryNorm, positions: positions, table)
        return behind(tape, x, q, Variable(cache.keys), Variable(cache.values), layout)
    }

    /// Queries or keys, normalized where the model does so, and turned to their positions.
    private func turned(
        _ tape: Tape, _ x: Variable, _ weight: Parameter?, positions: [Int32], _ table: RotaryTable
    ) -> Variable {
        tape.rotary(
            weight.map { norm(tape, x, $0, to: .float32) } ?? x, positions: positions, table: table)
    }

    /// Attention and MLP, each added to the stream.
    private func behind(
        _ tape: Tape, _ stream: Variable, _ q: Variable, _ k: Variable, _ v: Variable, _ layout: AttentionLayout
    ) -> Variable {
        let mixed = tape.attention(queries: q, keys: k, values: v, shape: attention, layout: layout)
        let behindAttention = add(tape, output, mixed, to: stream, outputNorm: attentionOutputNorm)
        let normed = norm(tape, behindAttention, mlpNorm, to: tape.precision.elementType)
        let halves = Linear.apply([gate, up], tape, normed, to: tape.precision.elementType)
        let hidden = tape.gated(halves[0], halves[1], configuration.activation)
        return add(tape, down, hidden, to: behindAttention, outputNorm: mlpOutputNorm)
    }

    private func norm(_ tape: Tape, _ x: Variable, _ weight: Parameter, to type: ElementType) -> Variable {
        tape.rmsNorm(x, weight: weight, offset: configuration.normOffset, epsilon: configuration.normEpsilon, to: type)
    }

    private func add(
        _ tape: Tape, _ layer: Linear, _ x: Variable, to stream: Variable, outputNorm: Parameter?
    ) -> Variable {
        guard let outputNorm else { return layer(tape, x, addedTo: stream) }
        let y = Linear.apply([layer], tape, x, to: .float32)[0]
        return tape.sum(stream, norm(tape, y, outputNorm, to: .float32))
    }
}
