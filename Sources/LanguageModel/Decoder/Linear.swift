import Tensors

/// A weight matrix with an optional bias and an optional low-rank adapter: y = x·Wᵀ + b + s·(x·Aᵀ)·Bᵀ.
public final class Linear {
    /// [out, in] and [out].
    public let operand: LinearOperand
    /// The adapter, once one is attached.
    public internal(set) var adapter: LowRankAdapter?
    /// Sees what goes in, [rows, in]: for calibrating.
    var onInput: ((Tensor) -> Void)?

    init(_ weight: Parameter, bias: Parameter? = nil) { operand = LinearOperand(weight: weight, bias: bias) }

    /// Input width.
    public var inputSize: Int { operand.weight.storage.width }
    /// Output width.
    public var outputSize: Int { operand.weight.storage.rows }

    var parameters: [Parameter] { [operand.weight, operand.bias].compactMap { $0 } }

    /// sum + y, for the residual stream.
    func callAsFunction(_ tape: Tape, _ x: Variable, addedTo sum: Variable) -> Variable {
        onInput?(x.value)
        let y = tape.linear(x, operand, addedTo: sum)
        return adapter.map { $0.add(tape, x, to: y) } ?? y
    }

    /// y for several layers with the same input, in one round of the kernels.
    static func apply(_ layers: [Linear], _ tape: Tape, _ x: Variable, to type: ElementType) -> [Variable] {
        for layer in layers { layer.onInput?(x.value) }
        let outputs = tape.linear(x, layers.map(\.operand), to: type)
        return zip(layers, outputs).map { layer, y in layer.adapter.map { $0.add(tape, x, to: y) } ?? y }
    }
}

/// A low-rank adapter (LoRA; Hu et al. 2021): s·(x·Aᵀ)·Bᵀ with A [rank, in], B [out, rank].
public final class LowRankAdapter {
    /// [rank, in]
    public let down: Parameter
    /// [out, rank]
    public let up: Parameter
    /// s: alpha / rank, or alpha / √rank for rank-stabilized adapters.
    public let scale: Float

    init(down: Parameter, up: Parameter, scale: Float) {
        self.down = down
        self.up = up
        self.scale = scale
    }

    func add(_ tape: Tape, _ x: Variable, to y: Variable) -> Variable {
        tape.linear(narrowed(tape, x), LinearOperand(weight: up), addedTo: y)
    }

    /// s·x·Aᵀ, [rows, rank]
    func narrowed(_ tape: Tape, _ x: Variable) -> Variable {
        tape.scaled(tape.linear(x, LinearOperand(weight: down)), by: scale, to: tape.precision.elementType)
    }
}
