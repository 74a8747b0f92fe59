/// A weight: frozen, as it lies in a checkpoint, or trainable, with its gradient and optimizer state.
///
/// A trainable weight that computes in bfloat16 keeps a float32 master: `value` holds its upper half, rounded, and `low` the
/// 16-bit rest, so that the master costs two bytes more and not four.
public final class Parameter {
    /// The name in the checkpoint's family-independent form, for messages and for saving.
    public let name: String
    /// The weight that operations read, as it lies in memory.
    public private(set) var storage: WeightStorage
    /// The weight as numbers: what operations read, or, of a weight that is stored otherwise, float32 in memory of its own.
    public var value: Tensor { storage.unpacked() }
    /// Whether operations compute a gradient for it.
    public var isTrainable: Bool { moments != nil }

    /// The rest of the float32 master when `value` is bfloat16 and trainable.
    private(set) var low: Tensor?
    /// AdamW's moments (m, v), float32.
    private(set) var moments: (first: Tensor, second: Tensor)?
    /// The gradient's memory, kept between steps unless the optimizer says otherwise.
    private var gradientMemory: Tensor?
    /// Whether the memory holds a gradient of this step.
    private var hasGradient = false
    /// A gradient of this step that has few rows, in place of one in the memory.
    private(set) var rowGradient: RowGradient?
    /// Rows whose moments may differ from zero, one byte each; all of them once the whole gradient has been used.
    var touchedRows: [UInt8] = []

    /// The gradient of a table of which few rows were looked up; zero elsewhere.
    struct RowGradient {
        /// For each row of the table the row of `values`, or −1.
        var slots: [Int32]
        /// [rows looked up, width] float32
        var values: Tensor
    }

    /// A frozen weight.
    public convenience init(name: String, _ value: Tensor) { self.init(name: name, .dense(value)) }

    /// A frozen weight as a file stores it.
    public init(name: String, _ storage: WeightStorage) {
        self.name = name
        self.storage = storage
    }

    /// This step's gradient, float32, or nil if no operation has contributed.
    public var gradient: Tensor? {
        if rowGradient != nil { return gradientTarget().memory }
        return hasGradient ? gradientMemory : nil
    }

    /// The weight with all its digits, float32.
    public var master: Tensor { masterElements(0..<storage.count).reshaped(storage.shape) }

    /// Gives some elements of the master, counted in row-major order, as [n] float32. The parameter itself is not touched, so that another
    /// thread may ask while this one computes with it.
    var masterElements: (Range<Int>) -> Tensor {
        let upper = value.reshaped([storage.count]), lower = low?.reshaped([storage.count])
        return { range in
            let part = upper.rows(range)
            guard let rest = lower?.rows(range) else { return part.converted(to: .float32) }
            let joined = Tensor(uninitialized: [range.count], .float32)
            Kernels.join(upper: part, low: rest, master: joined)
            return joined
        }
    }

    /// Makes the weight trainable: a private copy of it, in the type that `precision` computes with, and zero moments.
    public func makeTrainable(precision: Precision) {
        guard moments == nil else { return }
        set(master: value.converted(to: .float32), precision: precision)
        moments = (Tensor(zeros: storage.shape), Tensor(zeros: storage.shape))
        touchedRows = [UInt8](repeating: 0, count: storage.rows)
    }

    /// Takes over saved moments. A row whose moments are zero is one that no step has touched, or one that goes on as if none had.
    func restoreMoments(_ first: Tensor, _ second: Tensor) {
        moments = (first, second)
        touchedRows = Kernels.nonzeroRows(first, second)
    }

    /// Replaces the weight by a float32 master, keeping the moments.
    public func set(master: Tensor, precision: Precision) {
        require(master.shape == storage.shape, "\(name) has shape \(storage.shape), not \(master.shape)")
        switch precision {
        case .float32:
            // The master may be somebody else's memory (a mapped file): training writes only to its own.
            storage = .dense(master.copy())
            low = nil
        case .bfloat16:
            let upper = Tensor(uninitialized: master.shape, .bfloat16)
            let rest = Tensor(uninitialized: master.shape, .int16)
            Kernels.split(master: master, upper: upper, low: rest)
            storage = .dense(upper)
            low = rest
        }
    }

    /// Gives a frozen weight another value of its shape.
    package func replace(by other: Tensor) { replace(by: .dense(other)) }

    /// The same of one that may be stored in another way.
    package func replace(by other: WeightStorage) {
        require(!isTrainable, "\(name) learns")
        require(other.shape == storage.shape, "\(name) has shape \(storage.shape), not \(other.shape)")
        storage = other
        low = nil
    }

    /// Memory for an operation to write or add its gradient to: `accumulate` says which. Only while trainable.
    func gradientTarget() -> (memory: Tensor, accumulate: Bool) {
        let memory = gradientMemory ?? Tensor(uninitialized: storage.shape, .float32)
        gradientMemory = memory
        if let rows = rowGradient {
            // Something else contributes too: the rows move into the whole gradient.
            rowGradient = nil
            Kernels.clear(memory)
            var places = [Range<Int>](repeating: 0..<0, count: rows.values.rows)
            for (row, slot) in rows.slots.enumerated() where slot >= 0 { places[Int(slot)] = row..<row + 1 }
            Kernels.storeRows(rows.values, in: memory, places)
            hasGradient = true
        }
        defer { hasGradient = true }
        return (memory, hasGradient)
    }

    /// Adds the gradient of looked-up rows, [ids, width] float32; equal ids add up.
    func addGradient(ofRows ids: [Int32], _ gradient: Tensor) {
        guard !hasGradient, rowGradient == nil else {
            let memory = gradientToAddTo()
            Kernels.addRows(gradient, to: memory, rows: ids)
            return
        }
        var slots = [Int32](repeating: -1, count: storage.rows)
        var used: Int32 = 0
        let places = ids.map { id in
            if slots[Int(id)] < 0 {
                slots[Int(id)] = used
                used += 1
            }
            return slots[Int(id)]
        }
        let values = Tensor(zeros: [Int(used), storage.width])
        Kernels.addRows(gradient, to: values, rows: places)
        rowGradient = RowGradient(slots: slots, values: values)
    }

    /// The gradient's memory, zeroed if this is the step's first contribution.
    func gradientToAddTo() -> Tensor {
        let (memory, accumulate) = gradientTarget()
        if !accumulate { Kernels.clear(memory) }
        return memory
    }

    func markAllRowsTouched() {
        if touchedRows.first(where: { $0 == 0 }) != nil { touchedRows = [UInt8](repeating: 1, count: storage.rows) }
    }

    /// Forgets this step's gradient, and gives its memory away unless the next step is to find it here.
    public func clearGradient(keepingMemory: Bool = true) {
        hasGradient = false
        rowGradient = nil
        if !keepingMemory { gradientMemory = nil }
    }
}
