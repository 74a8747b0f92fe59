extension Parameter {
    /// What training needs, beside the optimizer's count of steps, to go on from here to the last bit.
    public struct TrainingState: Sendable {
        /// The weight with all its digits, float32.
        public var master: Tensor
        /// AdamW's mean of the gradient, float32, of the weight's shape.
        public var firstMoment: Tensor
        /// AdamW's uncentred variance of the gradient, float32, of the weight's shape.
        public var secondMoment: Tensor

        /// A state; the three have one shape.
        public init(master: Tensor, firstMoment: Tensor, secondMoment: Tensor) {
            self.master = master
            self.firstMoment = firstMoment
            self.secondMoment = secondMoment
        }
    }

    /// The state of a trainable weight to be written, part by part, in the order of ``TrainingState``: nothing is copied before its turn
    /// comes. Nil for a frozen weight.
    public func stateSources(
        _ names: (master: String, firstMoment: String, secondMoment: String)
    )
        -> [SafetensorsFile.Source]?
    {
        moments.map {
            [
                .init(names.master, masterOf: self), .init(names.firstMoment, $0.first),
                .init(names.secondMoment, $0.second),
            ]
        }
    }

    /// The state of a trainable weight, nil for a frozen one. The moments share memory with the parameter: write or copy them
    /// before the next optimizer step.
    public var trainingState: TrainingState? {
        guard let moments else { return nil }
        return TrainingState(master: master, firstMoment: moments.first, secondMoment: moments.second)
    }

    /// Makes the weight trainable, in the state that another one of its shape was in.
    public func restore(_ state: TrainingState, precision: Precision) {
        for tensor in [state.master, state.firstMoment, state.secondMoment] {
            require(
                tensor.shape == value.shape && tensor.elementType == .float32,
                "\(name) is \(value.shape), its state \(tensor.elementType) \(tensor.shape)")
        }
        clearGradient()
        set(master: state.master, precision: precision)
        restoreMoments(state.firstMoment.copy(), state.secondMoment.copy())
    }
}
