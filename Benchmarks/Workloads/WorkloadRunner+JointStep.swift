import JointTraining
import LanguageModel
import Tensors

extension WorkloadRunner {
    /// What one joint step works on.
    private struct JointModels {
        let policy: TransformerDecoder
        let reference: TransformerDecoder
        let reader: TransformerDecoder
        let head: Parameter
        var policyOptimizer = AdamW()
        var readerOptimizer = AdamW()
    }

    /// Seconds of a whole step, the second of two: the first one touches the optimizers' memory.
    func jointStep(_ parts: inout [(key: String, seconds: Double)]) -> Double {
        let d = configuration.hiddenSize
        var models = JointModels(
            policy: decoder(), reference: decoder(), reader: decoder(blockCount: layer + 1),
            head: Parameter(name: "head", .uniform([d, d], .bfloat16, deviation: 0.02, seed: seed &+ 99)))
        models.policy.makeTrainable(precision: precision)
        models.reader.makeTrainable(precision: precision)
        models.head.makeTrainable(precision: precision)
        models.policyOptimizer.keepsGradientMemory = false
        models.readerOptimizer.keepsGradientMemory = false
        for round in 0..<2 {
            var random = Random(seed: seed, 7, UInt64(round))
            meter.reset()
            parts = jointStep(&models, &random)
        }
        return parts.reduce(0) { $0 + $1.seconds }
    }

    private func jointStep(
        _ models: inout JointModels, _ random: inout Random
    ) -> [(key: String, seconds: Double)] {
        let prompt = prompt(activations, &random)
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

        // At once, so that what its tape keeps is gone before the policy's begins.
        timed("ar") {
            let share = [Float](repeating: 1 / Float(count), count: count)
            readerTape.backward(from: errors, gradient: Tensor(share, shape: [count]))
            models.readerOptimizer.update(models.reader.parameters + [models.head], learningRate: 1e-5)
        }

        let passes = passes(prompt, responses)
        var known: [[Float]] = []
        timed("reference") {
            known = passes.map {
                logProbabilities(models.reference, $0, Tape(recording: false, precision: precision)).value.floats()
            }
        }

        timed("av") {
            for (pass, known) in zip(passes, known) { descend(models.policy, pass, known, advantages, of: count) }
            models.policyOptimizer.update(models.policy.parameters, learningRate: 1e-5)
        }
        return parts
    }

    /// Adds the gradient of the policy loss of a pass, of `count` responses in all.
    private func descend(
        _ policy: TransformerDecoder, _ pass: Pass, _ known: [Float], _ advantages: [Double], of count: Int
    ) {
        let tape = Tape(precision: precision)
        let variable = logProbabilities(policy, pass, tape), values = variable.value.floats()
        var loss = PolicyLoss(), sums = PolicyLoss.Sums()
        loss.beta = 0.02
        let slopes = pass.responses.indices.flatMap { index in
            let range = index * newTokens..<(index + 1) * newTokens
            let response = PolicyLoss.Response(
                policy: Array(values[range]), old: Array(values[range]), reference: Array(known[range]),
                advantage: advantages[pass.first + index], weight: 1 / Double(count * newTokens))
            return loss.add(response, to: &sums)
        }
        tape.backward(from: variable, gradient: Tensor(slopes, shape: [slopes.count]))
    }

    /// Some activations with their responses: what one pass through the policy holds.
    private struct Pass {
        let prompt: InjectedPrompt
        let responses: [[Int32]]
        /// The first response's number among all.
        let first: Int
    }

    /// The activations by fours: half the memory of all eight at once, for a few per cent of the time.
    private func passes(_ prompt: InjectedPrompt, _ responses: [[Int32]]) -> [Pass] {
        stride(from: 0, to: activations, by: 4).map { start in
            let range = start..<min(start + 4, activations)
            return Pass(
                prompt: prompt.restricted(to: range),
                responses: Array(responses[range.lowerBound * samples..<range.upperBound * samples]),
                first: range.lowerBound * samples)
        }
    }

    /// Responses at temperature 1, those to the first activation first.
    private func sampled(_ decoder: TransformerDecoder, _ prompt: InjectedPrompt) -> [[Int32]] {
        let (tree, ends, vectors) = prompt.tree()
        let session = DecodingSession(
            decoder, precision: precision,
            expectedRows: tree.rowCount + activations * samples * newTokens)
        let nodes = session.prefill(tree, vectors: vectors)
        var responses: [DecodingSession.Leaf: [Int32]] = [:]
        let leaves = ends.enumerated().flatMap { index, end in
            (0..<samples).map { sample in
                session.start(
                    after: nodes[end], .init(maximumTokens: newTokens), seed: seed &+ UInt64(index * samples + sample))
            }
        }
        while !session.isIdle { for event in session.step() { responses[event.leaf, default: []].append(event.token) } }
        return leaves.compactMap { responses[$0] }
    }

    /// log P of every token of a pass's responses, on one tree.
    private func logProbabilities(_ decoder: TransformerDecoder, _ pass: Pass, _ tape: Tape) -> Variable {
        var (tree, ends, vectors) = pass.prompt.tree()
        let responses = pass.responses
        var rows: [Int32] = ends.map { Int32(tree.segments[$0].rows.upperBound - 1) }
        var predicting: [Int32] = []
        for (index, response) in responses.enumerated() {
            predicting.append(Int32(index / samples))
            guard response.count > 1 else { continue }
            let segment = tree.append(Array(response.dropLast()), after: ends[index / samples])
            for row in tree.segments[segment].rows {
                predicting.append(Int32(rows.count))
                rows.append(Int32(row))
            }
        }
        let hidden = decoder.hidden(tree, vectors: Variable(vectors), rows: rows, tape: tape)
        return decoder.logProbabilities(
            of: responses.flatMap(\.self), tape.selecting(predicting, of: hidden), tape: tape)
    }
}
