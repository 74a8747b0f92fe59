/// A value in a computation, with the gradient that comes back to it.
public final class Variable {
    /// The value.
    public let value: Tensor
    /// ∂loss/∂value, once the tape has been played back; float32 but where an operation says otherwise.
    public internal(set) var gradient: Tensor?
    /// Whether a gradient is wanted.
    let needsGradient: Bool

    /// A constant, or, with `needsGradient`, an input whose gradient is asked for.
    public init(_ value: Tensor, needsGradient: Bool = false) {
        self.value = value
        self.needsGradient = needsGradient
    }

    /// Takes over `gradient`'s memory, or adds it to what has come back already. Float32.
    func receive(_ gradient: Tensor) {
        guard needsGradient else { return }
        if let known = self.gradient {
            Kernels.add(gradient, to: known)
        } else {
            self.gradient = gradient
        }
    }

    /// Memory to write a gradient to, or, where `accumulate` is true, to add it to. Float32.
    func gradientTarget() -> (memory: Tensor, accumulate: Bool) {
        if let gradient { return (gradient, true) }
        let memory = Tensor(uninitialized: value.shape, .float32)
        gradient = memory
        return (memory, false)
    }

    /// The gradient's memory, zeroed if nothing has come back yet.
    func gradientToAddTo() -> Tensor {
        let (memory, accumulate) = gradientTarget()
        if !accumulate { Kernels.clear(memory) }
        return memory
    }
}

/// Reverse-mode differentiation: operations are methods of a tape, which remembers how to go back.
///
/// A tape that does not record computes the same values, keeps nothing, and lets operations reuse the memory of their inputs.
///
///     let tape = Tape()
///     let y = tape.rmsNorm(x, weight: weight, epsilon: 1e-6, to: .float32)
///     tape.backward(from: y, gradient: dy)
///     x.gradient
public final class Tape {
    /// Whether operations are remembered.
    public let isRecording: Bool
    /// What matrix products compute with.
    public let precision: Precision
    private var steps: [() -> Void] = []

    /// An empty tape.
    public init(recording: Bool = true, precision: Precision = .float32) {
        isRecording = recording
        self.precision = precision
    }

    /// The result of an operation. `backward` is remembered if the tape records and something upstream wants a gradient; it
    /// finds the result's gradient complete, and runs once.
    func result(
        _ value: Tensor, from inputs: [Variable] = [], parameters: [Parameter?] = [],
        backward: @escaping (_ gradient: Tensor) -> Void
    ) -> Variable {
        let needed =
            isRecording && (inputs.contains { $0.needsGradient } || parameters.contains { $0?.isTrainable ?? false })
        let result = Variable(value, needsGradient: needed)
        if needed {
            steps.append {
                // Nothing flows back to what did not matter.
                guard let gradient = result.gradient else { return }
                result.gradient = nil
                backward(gradient)
            }
        }
        return result
    }

    /// Plays the tape back from one or several results with their gradients, then is empty. Gradients of parameters add up
    /// until an optimizer takes them; what each operation had kept is freed on the way.
    public func backward(from seeds: [(Variable, gradient: Tensor)]) {
        for (variable, gradient) in seeds where variable.needsGradient {
            require(
                gradient.shape == variable.value.shape && gradient.elementType == .float32,
                "a gradient of shape \(gradient.shape) for a value of shape \(variable.value.shape)")
            variable.receive(gradient.copy())
        }
        while let step = steps.popLast() { step() }
    }

    /// Plays the tape back from one result.
    public func backward(from variable: Variable, gradient: Tensor) { backward(from: [(variable, gradient: gradient)]) }
}
