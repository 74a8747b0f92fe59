import Autoencoder
import Claims
import Evaluation
import Foundation
import LanguageModel
import Runs
import Tensors

/// The policy that the KL divergence is taken from: the warm start, frozen.
public enum ReferencePolicy {
    /// A model of its own, whose weights stay mapped.
    case model(Verbalizer)
    /// The verbalizer that learns, without its adapters: no second copy of the weights.
    case withoutAdapters(Verbalizer)

    /// log P of every response token.
    package func logProbabilities(_ batch: VerbalizerBatch, temperature: Float, precision: Precision) -> [Float] {
        let tape = Tape(recording: false, precision: precision)
        func compute(_ verbalizer: Verbalizer) -> [Float] {
            verbalizer.responseLogProbabilities(batch, temperature: temperature, tape: tape).value.floats()
        }
        switch self {
        case .model(let verbalizer): return compute(verbalizer)
        case .withoutAdapters(let verbalizer): return verbalizer.decoder.withoutAdapters { compute(verbalizer) }
        }
    }
}

/// The samples of a step as the verbalizer's update sees them: in passes of a limited size, equal responses to one activation once.
package struct PolicyBatch {
    private let options: JointOptions
    private let rollout: Rollout
    private let passes: [VerbalizerBatch]
    /// For each pass, the samples of each response.
    private let samples: [[[Int]]]
    /// For each sample which of its tokens the KL penalty holds; nil for all.
    private let isHeld: [[Bool]]?
    /// Tokens of all samples.
    private let tokenCount: Int
    /// Responses that differ.
    package let distinctCount: Int

    package init(
        _ rollout: Rollout, _ verbalizer: Verbalizer, _ options: JointOptions, _ grammar: any ClaimGrammar
    ) throws {
        self.options = options
        self.rollout = rollout
        struct Key: Hashable {
            let activation: Int
            let ids: [Int32]
        }
        var places: [Key: Int] = [:], responses: [(response: VerbalizerBatch.Response, samples: [Int])] = []
        for (index, sample) in rollout.samples.enumerated() {
            let key = Key(activation: sample.activation, ids: sample.explanation.ids)
            if let place = places[key] {
                responses[place].samples.append(index)
            } else {
                places[key] = responses.count
                responses.append((.init(activation: key.activation, ids: key.ids), [index]))
            }
        }
        distinctCount = responses.count
        tokenCount = rollout.samples.reduce(0) { $0 + $1.explanation.ids.count }
        let ranges = Passes.split(responses.map(\.response.ids.count), limit: options.tokensPerPass)
        passes = try ranges.map { try verbalizer.batch(rollout.vectors, responses[$0].map(\.response)) }
        samples = ranges.map { responses[$0].map(\.samples) }
        let finder = ClaimTokens(grammar, verbalizer.tokenizer)
        isHeld = options.penaltyOn == .claims ? rollout.samples.map { finder.isValue($0.explanation) } : nil
    }

    /// log P of every token under the reference, pass by pass.
    package func referenceLogProbabilities(_ reference: ReferencePolicy, precision: Precision) -> [[Float]] {
        passes.map { reference.logProbabilities($0, temperature: options.temperature, precision: precision) }
    }

    /// Moves the verbalizer, once or `num_iterations` times.
    ///
    /// - Returns: `loss`, `kl`, `entropy`, `clip_share`, `av_gradient_norm`, averaged over the iterations.
    /// - Throws: ``NonFiniteError``.
    package func update(
        _ verbalizer: Verbalizer, _ group: ParameterGroup, _ reference: [[Float]], advantages: [Double], step: Int
    ) throws -> Metrics {
        var loss = PolicyLoss()
        loss.epsilon = options.epsilon
        loss.epsilonHigh = options.epsilonHigh ?? options.epsilon
        loss.beta = options.beta
        loss.entropyBonus = options.entropyBonus
        var old: [[Float]] = []
        var sums = PolicyLoss.Sums(), norms = 0.0
        var baseline = options.entropyBonus == 0 ? 0 : entropyBaseline(verbalizer)
        for iteration in 0..<options.iterations {
            for (index, pass) in passes.enumerated() {
                let tape = Tape(precision: options.precision)
                let variable = verbalizer.responseLogProbabilities(
                    pass, temperature: options.temperature, tape: tape)
                let policy = variable.value.floats()
                if iteration == 0 { old.append(policy) }
                if baseline == nil { baseline = mean([policy]) }
                let slopes = slopes(
                    loss, index, policy: policy, old: old[index], reference: reference[index], advantages,
                    baseline: baseline ?? 0, &sums)
                try group.checkFinite(sums.loss, "the policy loss")
                tape.backward(from: variable, gradient: Tensor(slopes, shape: [slopes.count]))
            }
            norms += try group.update(step: step)
        }
        let tokens = Double(max(1, sums.tokens))
        return [
            "loss": sums.loss / Double(options.iterations), "kl": sums.divergence / tokens,
            "entropy": sums.surprise / tokens, "clip_share": Double(sums.clipped) / tokens,
            "av_gradient_norm": norms / Double(options.iterations),
        ]
    }

    /// The mean log P of the batch's tokens before it moves the verbalizer, each as often as it was drawn. Of one pass it is known where the pass is
    /// computed, and nil here; several are computed once more, so that what a sample counts does not depend on its pass.
    private func entropyBaseline(_ verbalizer: Verbalizer) -> Double? {
        guard passes.count > 1 else { return nil }
        return mean(
            passes.map { pass in
                verbalizer.responseLogProbabilities(
                    pass, temperature: options.temperature, tape: Tape(recording: false, precision: options.precision)
                ).value.floats()
            })
    }

    /// The mean over the tokens of all samples, given those of the responses of all passes.
    private func mean(_ policies: [[Float]]) -> Double {
        var sum = 0.0
        for (index, policy) in policies.enumerated() {
            for (range, samples) in zip(passes[index].ranges, samples[index]) {
                sum += Double(samples.count) * policy[range].reduce(0) { $0 + Double($1) }
            }
        }
        return sum / Double(max(1, tokenCount))
    }

    /// The derivative of the loss by the log-probabilities of a pass, summed over the samples of each response.
    private func slopes(
        _ loss: PolicyLoss, _ index: Int, policy: [Float], old: [Float], reference: [Float], _ advantages: [Double],
        baseline: Double, _ sums: inout PolicyLoss.Sums
    ) -> [Float] {
        var slopes = [Float](repeating: 0, count: policy.count)
        for (range, samples) in zip(passes[index].ranges, samples[index]) {
            for sample in samples {
                let response = PolicyLoss.Response(
                    policy: Array(policy[range]), old: Array(old[range]), reference: Array(reference[range]),
                    advantage: advantages[sample], weight: weight(of: range.count), isHeld: isHeld?[sample])
                for (place, slope) in zip(range, loss.add(response, typicalLogProbability: baseline, to: &sums)) {
                    slopes[place] += slope
                }
            }
        }
        return slopes
    }

    private func weight(of length: Int) -> Double {
        options.lossType.weight(
            tokens: length, samples: rollout.samples.count, allTokens: tokenCount,
            maximumLength: options.maximumLength)
    }
}
