import Foundation
import Tensors
import Testing

/// Gradients against central differences of the values, in float32: the one reference that no implementation shares.
@Suite("Tape")
struct TapeTests {
    /// Checks ∂(Σ seed · f(x))/∂x for a few elements of x.
    private func check(
        _ x: Tensor, step: Float = 1e-2, tolerance: Double = 2e-2, _ operation: (Tape, Variable) -> Variable,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var random = Random(seed: 11)
        let tape = Tape()
        let input = Variable(x.copy(), needsGradient: true)
        let result = operation(tape, input)
        let seed = Tensor.random(result.value.shape, using: &random)
        tape.backward(from: result, gradient: seed)
        let gradient = input.gradient?.floats() ?? []
        func value(_ values: [Float]) -> Double {
            let y = operation(Tape(recording: false), Variable(Tensor(values, shape: x.shape))).value.floats()
            return zip(y, seed.floats()).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        #expect(gradient.count == x.count, sourceLocation: sourceLocation)
        let scale = gradient.map { Double(abs($0)) }.max() ?? 0
        for _ in 0..<12 where gradient.count == x.count {
            let index = Int.random(in: 0..<x.count, using: &random)
            var up = x.floats(), down = up
            up[index] += step
            down[index] -= step
            let slope = (value(up) - value(down)) / Double(2 * step)
            #expect(abs(slope - Double(gradient[index])) <= tolerance * (scale + 1e-3), sourceLocation: sourceLocation)
        }
    }

    private func parameter(_ shape: [Int], seed: UInt64, trainable: Bool = false) -> Parameter {
        var random = Random(seed: seed)
        let parameter = Parameter(name: "weight", .random(shape, deviation: 0.5, using: &random))
        if trainable { parameter.makeTrainable(precision: .float32) }
        return parameter
    }

    private func input(_ shape: [Int], seed: UInt64 = 1) -> Tensor {
        var random = Random(seed: seed)
        return .random(shape, using: &random)
    }

    @Test("A linear layer's input gradient is its slope")
    func linear() {
        let weight = parameter([7, 5], seed: 2), bias = parameter([7], seed: 3)
        check(input([4, 5])) { $0.linear($1, LinearOperand(weight: weight, bias: bias)) }
    }

    @Test("Rows scaled to norms of their own have them, and their gradient is its slope")
    func scaledRows() {
        let norms = [3, 0.5, 2, 1]
        check(input([4, 6])) { $0.scaledRows($1, toNorms: norms) }
        let x = Tensor([3, 4, 0, 0], shape: [2, 2])
        let scaled = Tape(recording: false).scaledRows(Variable(x), toNorms: [10, 7]).value
        #expect(scaled.floats() == [6, 8, 0, 0])
    }

    @Test("A linear layer's weight and bias gradients are their slopes")
    func linearWeights() {
        let weight = parameter([6, 5], seed: 2, trainable: true), bias = parameter([6], seed: 3, trainable: true)
        let x = Variable(input([4, 5]))
        let tape = Tape()
        let y = tape.linear(x, LinearOperand(weight: weight, bias: bias))
        tape.backward(from: y, gradient: Tensor([Float](repeating: 1, count: 24), shape: [4, 6]))
        // With a seed of ones, dW[o, i] = Σ_r x[r, i] and db[o] = rows.
        let sums = (0..<5).map { i in (0..<4).reduce(Float(0)) { $0 + x.value.floats()[$1 * 5 + i] } }
        let expected = Tensor((0..<6).flatMap { _ in sums }, shape: [6, 5])
        #expect(weight.gradient.map { $0.relativeError(to: expected) < 1e-6 } == true)
        #expect(bias.gradient?.floats() == [Float](repeating: 4, count: 6))
    }

    @Test("Gradients of a weight that is used twice add up")
    func weightUsedTwice() {
        let weight = parameter([3, 3], seed: 2, trainable: true)
        let x = Variable(input([2, 3]))
        func gradient(_ times: Int) -> [Float] {
            weight.clearGradient()
            let tape = Tape()
            let results = (0..<times).map { _ in tape.linear(x, LinearOperand(weight: weight)) }
            tape.backward(from: results.map { ($0, gradient: Tensor([Float](repeating: 1, count: 6), shape: [2, 3])) })
            return weight.gradient?.floats() ?? []
        }
        #expect(zip(gradient(2), gradient(1).map { $0 * 2 }).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    @Test("The residual sum passes its gradient to both sides")
    func linearAdded() {
        let weight = parameter([5, 5], seed: 2)
        check(input([3, 5])) { tape, x in
            tape.linear(x, LinearOperand(weight: weight), addedTo: tape.scaled(x, by: 2, to: .float32))
        }
    }

    @Test("RMS norm's gradient is its slope", arguments: [Float(0), 1])
    func norm(offset: Float) {
        let weight = parameter([6], seed: 4)
        check(input([5, 6])) { $0.rmsNorm($1, weight: weight, offset: offset, epsilon: 1e-6, to: .float32) }
    }

    @Test("Gated activations' gradients are their slopes", arguments: [Activation.silu, .geluTanh, .gelu])
    func gated(activation: Activation) {
        let up = Variable(input([3, 9], seed: 8)), gate = Variable(input([3, 9], seed: 9))
        check(input([3, 9])) { $0.gated($1, up, activation) }
        check(input([3, 9])) { $0.gated(gate, $1, activation) }
    }

    @Test("Selecting rows sends gradients back to them, twice to a row asked for twice")
    func selecting() {
        check(input([4, 3])) { $0.selecting([2, 0, 2], of: $1) }
    }

    @Test("A replaced row's gradient goes to what replaced it")
    func replacing() {
        let base = input([4, 3])
        check(input([2, 3], seed: 5)) { $0.replacing([1, 3], of: Variable(base.copy()), with: $1) }
        check(base) { tape, x in
            tape.replacing(
                [1], of: tape.scaled(x, by: 1, to: .float32), with: Variable(Tensor([1, 2, 3], shape: [1, 3])))
        }
    }

    @Test("Token log-probabilities' gradient is their slope, kept or computed again", arguments: [1 << 20, 0])
    func logProbabilities(keptBytes: Int) {
        let table = parameter([11, 5], seed: 6)
        check(input([3, 5])) { $0.tokenLogProbabilities($1, table: table, targets: [4, 0, 10], keptBytes: keptBytes) }
    }

    @Test("Logits of several parts send each part its gradient", arguments: [1 << 20, 0])
    func logitParts(keptBytes: Int) {
        let wide = parameter([11, 5], seed: 6), narrow = parameter([11, 2], seed: 7)
        let a = Variable(input([3, 5])), b = Variable(input([3, 2], seed: 9))
        check(a.value) {
            $0.tokenLogProbabilities(
                [LogitPart($1, table: wide), LogitPart(b, table: narrow)], targets: [4, 0, 10], keptBytes: keptBytes)
        }
        check(b.value) {
            $0.tokenLogProbabilities(
                [LogitPart(a, table: wide), LogitPart($1, table: narrow)], targets: [4, 0, 10], keptBytes: keptBytes)
        }
    }

    @Test("Log-probabilities of all tokens sum to one")
    func normalization() {
        let table = parameter([11, 5], seed: 6)
        let x = Variable(input([1, 5]))
        let tape = Tape(recording: false)
        let total = (0..<11).reduce(0.0) { sum, token in
            sum + exp(Double(tape.tokenLogProbabilities(x, table: table, targets: [Int32(token)]).value.floats()[0]))
        }
        #expect(abs(total - 1) < 1e-5)
    }

    @Test("The normalized error's gradient is its slope")
    func normalizedError() {
        let truth = input([3, 8], seed: 7)
        check(input([3, 8])) { $0.normalizedMeanSquaredError($1, truth: truth) }
    }

    @Test("The normalized error is 2(1 − cos)")
    func normalizedErrorValues() {
        let a = Variable(Tensor([1, 0, 0, 2, 3, 0], shape: [3, 2]))
        let truth = Tensor([5, 0, 1, 0, -1, 0], shape: [3, 2])
        let errors = Tape(recording: false).normalizedMeanSquaredError(a, truth: truth).value.floats()
        #expect(errors == [0, 2, 4])
    }

    @Test("Attention's gradients are its slopes", arguments: [nil, 2] as [Int?])
    func attention(window: Int?) {
        // Two answers share a prompt.
        var layout = AttentionLayout()
        layout.append(count: 3, firstVisible: 1, spans: [0..<3])
        layout.append(count: 2, firstVisible: 4, spans: [0..<3, 3..<5])
        layout.append(count: 1, firstVisible: 4, spans: [0..<3, 5..<6])
        let shape = AttentionShape(heads: 2, keyValueHeads: 1, headWidth: 4, scale: 0.5, window: window)
        let q = Variable(input([6, 8], seed: 20)), k = Variable(input([6, 4], seed: 21)),
            v = Variable(input([6, 4], seed: 22))
        check(q.value) { $0.attention(queries: $1, keys: k, values: v, shape: shape, layout: layout) }
        check(k.value) { $0.attention(queries: q, keys: $1, values: v, shape: shape, layout: layout) }
        check(v.value) { $0.attention(queries: q, keys: k, values: $1, shape: shape, layout: layout) }
    }

    @Test("Rotation is undone by its own backward pass")
    func rotary() {
        let angles: [Float] = [0, 0.3, 1, 2]
        let table = RotaryTable(
            cosine: Tensor(angles.map { cos($0) }, shape: [2, 2]), sine: Tensor(angles.map { sin($0) }, shape: [2, 2]))
        check(input([2, 8])) { tape, x in
            tape.rotary(tape.scaled(x, by: 1, to: .float32), positions: [1, 0], table: table)
        }
    }

    @Test("A tape that does not record leaves no gradients")
    func notRecording() {
        let weight = parameter([3, 3], seed: 1, trainable: true)
        let tape = Tape(recording: false)
        let y = tape.linear(Variable(input([2, 3]), needsGradient: true), LinearOperand(weight: weight))
        tape.backward(from: y, gradient: Tensor(zeros: [2, 3]))
        #expect(weight.gradient == nil)
    }
}
