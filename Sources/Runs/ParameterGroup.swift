import Tensors

/// The weights that one optimizer trains, with its schedule: a model, or the adapters of one. A run may have several, each with
/// a gradient norm of its own.
public final class ParameterGroup {
    /// A name of its own within the run, such as `verbalizer`.
    public let name: String
    /// The weights, all trainable, with names of their own within the group.
    public let parameters: [Parameter]
    /// What they compute in.
    public let precision: Precision
    /// The learning rate of each step.
    public let schedule: LearningRateSchedule
    /// The optimizer, with its count of steps.
    public private(set) var optimizer: AdamW
    /// Called before the weights move: whoever reads them still is waited for.
    var beforeMoving: () throws -> Void = {}

    /// A group; frozen weights in it become trainable.
    public init(
        _ name: String, _ parameters: [Parameter], precision: Precision, optimizer: AdamW,
        schedule: LearningRateSchedule
    ) {
        require(Set(parameters.map(\.name)).count == parameters.count, "two parameters of \(name) have one name")
        self.name = name
        self.parameters = parameters
        self.precision = precision
        self.optimizer = optimizer
        self.schedule = schedule
        for parameter in parameters { parameter.makeTrainable(precision: precision) }
    }

    /// Takes one optimizer step with the gradients that the tape has left, at the learning rate of step `index`, counted from 0.
    ///
    /// - Returns: the gradient's norm before clipping.
    /// - Throws: ``NonFiniteError`` that names the tensor, or what became of a checkpoint, and then has changed nothing.
    public func update(step index: Int) throws -> Double {
        try beforeMoving()
        let norm = optimizer.update(parameters, learningRate: schedule.rate(at: index))
        guard norm.isFinite else {
            throw NonFiniteError("the gradient of \(optimizer.nonFiniteGradient ?? "a parameter") (\(name))")
        }
        return norm
    }

    /// A whole step of descent on ± the mean of `values`, [n] float32: backward and update.
    ///
    /// - Parameters:
    ///   - sign: +1 where the values are errors, −1 where they are log-probabilities.
    ///   - index: the step, counted from 0.
    /// - Returns: the loss, and the gradient's norm before clipping.
    /// - Throws: ``NonFiniteError``, and then has changed nothing.
    package func descend(
        _ sign: Float, onMeanOf values: Variable, _ tape: Tape, step index: Int
    ) throws -> (loss: Double, norm: Double) {
        let count = values.value.count
        let loss = Double(sign) * values.value.floats().reduce(0) { $0 + Double($1) } / Double(count)
        try checkFinite(loss)
        tape.backward(
            from: values,
            gradient: Tensor([Float](repeating: sign / Float(count), count: count), shape: [count]))
        return (loss, try update(step: index))
    }

    /// Throws a ``NonFiniteError`` if `loss` is not a number, naming a weight if one is at fault. To be called before `update`.
    public func checkFinite(_ loss: Double, _ lossName: String = "the loss") throws {
        guard !loss.isFinite else { return }
        for parameter in parameters { parameter.clearGradient() }
        let weight = parameters.first { $0.value.firstNonFinite() != nil }
        throw NonFiniteError(lossName + (weight.map { ", for the weight \($0.name) (\(name))," } ?? ""))
    }

    /// Continues where a checkpoint left off.
    func restore(optimizerStep: Int, _ states: [Parameter.TrainingState]) {
        optimizer.step = optimizerStep
        for (parameter, state) in zip(parameters, states) { parameter.restore(state, precision: precision) }
    }
}
