import Claims
import Tensors

/// One probe of a set as a differentiable reader of vectors: a loss over activations may go through it.
package struct LinearReader: Sendable {
    /// The answers it knows.
    package let values: [String]
    /// [values, d] and [values]: of vectors scaled to norm √d.
    private let weights: Tensor
    private let bias: Tensor

    /// The probe of a question; nil if the set has none.
    package init?(_ set: ProbeSet, _ question: Question) {
        guard let place = set.place(of: question) else { return nil }
        let probe = set.probes[place], features = set.features, d = set.hiddenSize
        let table = probe.weights.floats()
        values = probe.values
        var weights = [Float](repeating: 0, count: values.count * d), bias = [Float](repeating: 0, count: values.count)
        for row in values.indices {
            // w · (x − m)/s + c, with the standardization folded into the weights.
            bias[row] = table[row * features.width + d]
            for column in 0..<d {
                let weight = table[row * features.width + column] * features.inverseDeviation[column]
                weights[row * d + column] = weight
                bias[row] -= weight * features.mean[column]
            }
        }
        self.weights = Tensor(weights, shape: [values.count, d])
        self.bias = Tensor(bias, shape: [values.count])
    }

    /// log P(answer) of each vector [n, d], float32; a value that the probe does not know is an error of the programmer. The tape
    /// computes in float32.
    package func logProbabilities(of answers: [String], _ vectors: Variable, tape: Tape) -> Variable {
        let targets = answers.map { answer -> Int32 in
            guard let place = values.firstIndex(of: answer) else { trap("the probe knows no \(answer)") }
            return Int32(place)
        }
        let scaled = tape.scaledRows(vectors, toNorm: Double(vectors.value.width).squareRoot())
        let logits = tape.linear(
            scaled,
            LinearOperand(weight: Parameter(name: "probe", weights), bias: Parameter(name: "probe's constants", bias)))
        // The logits themselves are what the softmax is of.
        var identity = [Float](repeating: 0, count: values.count * values.count)
        for place in values.indices { identity[place * values.count + place] = 1 }
        let table = Parameter(name: "identity", Tensor(identity, shape: [values.count, values.count]))
        return tape.tokenLogProbabilities(logits, table: table, targets: targets)
    }
}
