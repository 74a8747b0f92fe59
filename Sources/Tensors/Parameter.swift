import CKernels

/// A weight: frozen, as it lies in a checkpoint, or trainable, with its gradient and optimizer state.
///
/// A trainable weight that computes in bfloat16 keeps a float32 master: `value` holds its upper half, rounded, and `low` the
/// 16-bit rest, so that the master costs two bytes more and not four.
public final class Parameter {
    /// The name in the checkpoint's family-independent form, for messages and for saving.
    public let name: String
    /// The weight that operations read.
    public private(set) var value: Tensor
    /// Whether operations compute a gradient for it.
    public var isTrainable: Bool { moments != nil }

    /// The rest of the float32 master when `value` is bfloat16 and trainable.
    private(set) var low: Tensor?
    /// AdamW's moments (m, v), float32.
    private(set) var moments: (first: Tensor, second: Tensor)?
    /// The gradient's memory, kept between steps.
    private var gradientMemory: Tensor?
    /// Whether the memory holds a gradient of this step.
    private var hasGradient = false

    /// A frozen weight.
    public init(name: String, _ value: Tensor) {
        self.name = name
        self.value = value
    }

    /// This step's gradient, float32, or nil if no operation has contributed.
    public var gradient: Tensor? { hasGradient ? gradientMemory : nil }

    /// The weight with all its digits, float32.
    public var master: Tensor {
        guard let low else { return value.converted(to: .float32) }
        let joined = Tensor(uninitialized: value.shape, .float32)
        ck_join_master(
            value.address.assumingMemoryBound(to: UInt16.self), low.address.assumingMemoryBound(to: Int16.self),
            joined.floatAddress, value.count)
        return joined
    }

    /// Makes the weight trainable: a private copy of it, in the type that `precision` computes with, and zero moments.
    public func makeTrainable(precision: Precision) {
        guard moments == nil else { return }
        set(master: value.converted(to: .float32), precision: precision)
        moments = (Tensor(zeros: value.shape), Tensor(zeros: value.shape))
    }

    /// Replaces the weight by a float32 master, keeping the moments.
    public func set(master: Tensor, precision: Precision) {
        require(master.shape == value.shape, "\(name) has shape \(value.shape), not \(master.shape)")
        switch precision {
        case .float32:
            // The master may be somebody else's memory (a mapped file): training writes only to its own.
            value = master.copy()
            low = nil
        case .bfloat16:
            let upper = Tensor(uninitialized: master.shape, .bfloat16)
            let rest = Tensor(uninitialized: master.shape, .int16)
            ck_split_master(
                master.floatAddress, upper.address.assumingMemoryBound(to: UInt16.self),
                rest.address.assumingMemoryBound(to: Int16.self), master.count)
            value = upper
            low = rest
        }
    }

    /// Memory for an operation to write or add its gradient to: `accumulate` says which. Only while trainable.
    func gradientTarget() -> (memory: Tensor, accumulate: Bool) {
        let memory = gradientMemory ?? Tensor(uninitialized: value.shape, .float32)
        gradientMemory = memory
        defer { hasGradient = true }
        return (memory, hasGradient)
    }

    /// The gradient's memory, zeroed if this is the step's first contribution.
    func gradientToAddTo() -> Tensor {
        let (memory, accumulate) = gradientTarget()
        if !accumulate { ck_fill(memory.floatAddress, 0, memory.count) }
        return memory
    }

    /// Forgets this step's gradient.
    public func clearGradient() { hasGradient = false }
}
