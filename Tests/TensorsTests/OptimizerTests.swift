import Foundation
import Tensors
import Testing

@Suite("AdamW and its schedule")
struct OptimizerTests {
    /// One step on a parameter whose gradient is `gradient` (through a 1-row linear layer with input 1).
    private func step(_ parameter: Parameter, _ optimizer: inout AdamW, gradient: [Float], rate: Float) -> Double {
        let tape = Tape(precision: parameter.value.elementType == .bfloat16 ? .bfloat16 : .float32)
        let one = Variable(Tensor([1], shape: [1, 1]).converted(to: parameter.value.elementType))
        let y = tape.linear(one, LinearOperand(weight: parameter))
        tape.backward(from: y, gradient: Tensor(gradient, shape: [1, gradient.count]))
        return optimizer.update([parameter], learningRate: rate)
    }

    @Test("The first step moves by the learning rate against the gradient's sign, after the decay")
    func firstStep() {
        let parameter = Parameter(name: "w", Tensor([1, -2, 3], shape: [3, 1]))
        parameter.makeTrainable(precision: .float32)
        var optimizer = AdamW()
        _ = step(parameter, &optimizer, gradient: [0.5, -4, 1e-3], rate: 0.1)
        let expected: [Float] = [1 * 0.999 - 0.1, -2 * 0.999 + 0.1, 3 * 0.999 - 0.1]
        #expect(zip(parameter.master.floats(), expected).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    @Test("Clipping scales the gradient to the largest norm allowed, and the norm before it is reported")
    func clipping() {
        let parameter = Parameter(name: "w", Tensor([0, 0], shape: [2, 1]))
        parameter.makeTrainable(precision: .float32)
        var optimizer = AdamW()
        optimizer.maximumGradientNorm = 1
        optimizer.epsilon = 1  // makes the step follow the gradient's size
        optimizer.weightDecay = 0
        let norm = step(parameter, &optimizer, gradient: [3, 4], rate: 1)
        #expect(abs(norm - 5) < 1e-6)
        let expected: [Float] = [-0.6 / 1.6, -0.8 / 1.8]
        #expect(zip(parameter.master.floats(), expected).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    @Test("A gradient that is not finite changes nothing")
    func nonFinite() {
        let parameter = Parameter(name: "w", Tensor([1], shape: [1, 1]))
        parameter.makeTrainable(precision: .float32)
        var optimizer = AdamW()
        #expect(step(parameter, &optimizer, gradient: [.nan], rate: 1).isNaN)
        #expect(parameter.master.floats() == [1])
        #expect(optimizer.step == 0)
        // The next step does not inherit it.
        #expect(step(parameter, &optimizer, gradient: [2], rate: 0.1) == 2)
    }

    @Test("A bfloat16 weight keeps steps too small for bfloat16 in its master")
    func smallSteps() {
        let parameter = Parameter(name: "w", Tensor([1], shape: [1, 1]))
        parameter.makeTrainable(precision: .bfloat16)
        var optimizer = AdamW()
        optimizer.weightDecay = 0
        for _ in 0..<50 { _ = step(parameter, &optimizer, gradient: [1], rate: 1e-4) }
        #expect(abs(parameter.master.floats()[0] - 0.995) < 1e-4)
        #expect(abs(parameter.value.floats()[0] - 0.995) < 4e-3)
    }

    @Test("The parameter whose gradient is not finite is named")
    func nonFiniteName() {
        let parameters = ["a", "b"].map { Parameter(name: $0, Tensor([1], shape: [1, 1])) }
        for parameter in parameters { parameter.makeTrainable(precision: .float32) }
        let tape = Tape()
        let one = Variable(Tensor([1], shape: [1, 1]))
        let y = tape.linear(one, parameters.map { LinearOperand(weight: $0) })
        let gradients = [Float(1), .infinity].map { Tensor([$0], shape: [1, 1]) }
        tape.backward(from: zip(y, gradients).map { ($0, gradient: $1) })
        var optimizer = AdamW()
        optimizer.update(parameters, learningRate: 1)
        #expect(optimizer.nonFiniteGradient == "b")
    }

    @Test("Vectors keep their length where only matrices decay")
    func vectors() {
        let parameter = Parameter(name: "b", Tensor([8], shape: [1]))
        parameter.makeTrainable(precision: .float32)
        let frozen = Parameter(name: "w", Tensor([1], shape: [1, 1]))
        var optimizer = AdamW()
        optimizer.decaysVectors = false
        let tape = Tape()
        let y = tape.linear(Variable(Tensor([1], shape: [1, 1])), LinearOperand(weight: frozen, bias: parameter))
        tape.backward(from: y, gradient: Tensor([0], shape: [1, 1]))
        optimizer.update([parameter], learningRate: 1)
        #expect(parameter.master.floats() == [8])
    }

    @Test(
        "A parameter restored from its state takes the same steps to the last bit",
        arguments: [Precision.float32, .bfloat16])
    func restored(precision: Precision) throws {
        var random = Random(seed: 5)
        let start = Tensor.random([6, 40], deviation: 0.1, using: &random)
        let ids: [[Int32]] = [[0, 3, 3], [1, 3], [5, 0]]
        let gradients = ids.map { Tensor.random([$0.count, 40], using: &random) }
        func step(_ parameter: Parameter, _ optimizer: inout AdamW, _ index: Int) {
            let tape = Tape(precision: precision)
            let x = tape.embedding(ids[index], table: parameter)
            tape.backward(from: x, gradient: gradients[index])
            optimizer.update([parameter], learningRate: 1e-3)
        }
        let whole = Parameter(name: "w", start), resumed = Parameter(name: "w", Tensor(zeros: [6, 40]))
        whole.makeTrainable(precision: precision)
        var optimizer = AdamW()
        step(whole, &optimizer, 0)
        step(whole, &optimizer, 1)
        let state = try #require(whole.trainingState)
        resumed.restore(
            .init(
                master: state.master, firstMoment: state.firstMoment.copy(), secondMoment: state.secondMoment.copy()),
            precision: precision)
        var other = optimizer
        step(whole, &optimizer, 2)
        step(resumed, &other, 2)
        #expect(whole.master.floats().map(\.bitPattern) == resumed.master.floats().map(\.bitPattern))
        #expect(whole.value.floats() == resumed.value.floats())
        let states = try [whole, resumed].map { try #require($0.trainingState) }
        #expect(states[0].secondMoment.floats() == states[1].secondMoment.floats())
    }

    @Test("The schedule warms up, peaks, and falls along a cosine to its last share")
    func schedule() {
        let schedule = LearningRateSchedule(peak: 2, warmUpSteps: 4, totalSteps: 24, finalShare: 0.1)
        #expect(schedule.rate(at: 0) == 0.5)
        #expect(schedule.rate(at: 3) == 2)
        #expect(abs(schedule.rate(at: 14) - 1.1) < 1e-6)
        #expect(abs(schedule.rate(at: 24) - 0.2) < 1e-6)
        #expect(schedule.rate(at: 1000) == schedule.rate(at: 24))
    }
}
