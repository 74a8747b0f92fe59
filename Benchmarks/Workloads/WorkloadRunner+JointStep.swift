import LanguageModel
import Tensors
import Training

extension WorkloadRunner {
    /// What one joint step works on.
    private struct JointModels {
        let policy: Decoder
        let reference: Decoder
        let reader: Decoder
        let head: Parameter
        var policyOptimizer = AdamW()
        var readerOptimizer = AdamW()
    }

    /// Seconds of a whole step, the second of two: the first one touches the optimizers' memory.
    func jointStep(_ parts: inout [(key: String, seconds: Double)]) -> Double {
        let d = configuration.hiddenSize
        var models = JointModels(
            policy: decoder(), reference: decoder(), reader: decoder(blockCount: layer + 1),
            head: Parameter(name: "head", .uniform([d, d], precision.elementType, deviation: 0.02, seed: seed &+ 99)))
        models.policy.makeTrainable(precision: precision)
        models.reader.makeTrainable(precision: precision)
        models.head.makeTrainable(precision: precision)
        for round in 0..<2 {
            var random = Random(seed: seed, 7, UInt64(round))
            parts = jointStep(&models, &random)
        }
        return parts.reduce(0) { $0 + $1.seconds }
    }

    private func jointStep(
        _ models: inout JointModels, _ random: inout Random
    ) -> [(key: String, seconds: Double)] {
        let prompt = promptTree(activations, &random)
        let truth = Tensor.random([activations, configuration.hiddenSize], using: &random)
        let before = ids(5, &random), behind = ids(5, &random)
        var parts: [(key: String, seconds: Double)] = []
        func timed(_ name: String, _ body: () -> Void) { parts.append(("rl_step_\(name)_s", seconds(body))) }

        var responses: [[Int32]] = []
        timed("sampling") { responses = sampled(models.policy, prompt) }

        // The reader's forward pass is both the reward and the first half of its own step.
        let count = responses.count, readerTape = Tape(precision: precision)
        var errors = Variable(Tensor(zeros: [1])), advantages: [Double] = []
        timed("reward") {
            var tree = TokenTree()
            let shared = tree.append(before)
            let lasts = responses.map { response in
                let segment = tree.append(response + behind, after: shared)
                return Int32(tree.segments[segment].rows.upperBound - 1)
            }
            let hidden = models.reader.hidden(tree, through: layer, rows: lasts, tape: readerTape)
            let vectors = readerTape.linear(
                readerTape.scaled(hidden, by: 1, to: precision.elementType), LinearOperand(weight: models.head))
            errors = readerTape.normalizedMeanSquaredError(
                vectors, truth: truth.gatheringRows((0..<count).map { Int32($0 / samples) }))
            advantages = GroupAdvantages.compute(
                errors.value.floats().map { -Double($0) }, groupsOf: samples, scale: .group)
        }

        var known: [Float] = []
        timed("reference") {
            known = logProbabilities(models.reference, prompt, responses, Tape(recording: false, precision: precision))
                .value.floats()
        }

        timed("av") {
            let tape = Tape(precision: precision)
            let variable = logProbabilities(models.policy, prompt, responses, tape), policy = variable.value.floats()
            var loss = PolicyLoss(), sums = PolicyLoss.Sums()
            loss.beta = 0.02
            let slopes = (0..<count).flatMap { index in
                let range = index * newTokens..<(index + 1) * newTokens
                let response = PolicyLoss.Response(
                    policy: Array(policy[range]), old: Array(policy[range]), reference: Array(known[range]),
                    advantage: advantages[index], weight: 1 / Double(policy.count))
                return loss.add(response, to: &sums)
            }
            tape.backward(from: variable, gradient: Tensor(slopes, shape: [slopes.count]))
            models.policyOptimizer.update(models.policy.parameters, learningRate: 1e-5)
        }

        timed("ar") {
            let share = [Float](repeating: 1 / Float(count), count: count)
            readerTape.backward(from: errors, gradient: Tensor(share, shape: [count]))
            models.readerOptimizer.update(models.reader.parameters + [models.head], learningRate: 1e-5)
        }
        return parts
    }

    private typealias Prompt = (tree: TokenTree, ends: [Int], vectors: Tensor)

    /// Responses at temperature 1, those to the first activation first.
    private func sampled(_ decoder: Decoder, _ prompt: Prompt) -> [[Int32]] {
        let session = DecodingSession(
            decoder, precision: precision,
            expectedRows: prompt.tree.rowCount + activations * samples * newTokens)
        let nodes = session.prefill(prompt.tree, vectors: prompt.vectors)
        var responses: [DecodingSession.Leaf: [Int32]] = [:]
        let leaves = prompt.ends.enumerated().flatMap { index, end in
            (0..<samples).map { sample in
                session.start(
                    after: nodes[end], .init(maximumTokens: newTokens), seed: seed &+ UInt64(index * samples + sample))
            }
        }
        while !session.isIdle { for event in session.step() { responses[event.leaf, default: []].append(event.token) } }
        return leaves.compactMap { responses[$0] }
    }

    /// log P of every token of the responses, on one tree.
    private func logProbabilities(
        _ decoder: Decoder, _ prompt: Prompt, _ responses: [[Int32]], _ tape: Tape
    ) -> Variable {
        var tree = prompt.tree, rows: [Int32] = prompt.ends.map { Int32(tree.segments[$0].rows.upperBound - 1) }
        var predicting: [Int32] = []
        for (index, response) in responses.enumerated() {
            predicting.append(Int32(index / samples))
            guard response.count > 1 else { continue }
            let segment = tree.append(Array(response.dropLast()), after: prompt.ends[index / samples])
            for row in tree.segments[segment].rows {
                predicting.append(Int32(rows.count))
                rows.append(Int32(row))
            }
        }
        let hidden = decoder.hidden(tree, vectors: Variable(prompt.vectors), rows: rows, tape: tape)
        return decoder.logProbabilities(
            of: responses.flatMap(\.self), tape.selecting(predicting, of: hidden), tape: tape)
    }
}
