import Autoencoder
import Claims
import Evaluation
import Foundation
import JSON
import JointTraining
import LanguageModel
import Tensors
import TestSupport
import Testing
import TinyWorld
import Tokenization

@Suite("The arithmetic of joint training")
struct JointMathTests {
    @Test("Advantages are rewards relative to their group, over its deviation if asked")
    func advantages() {
        let rewards = [1.0, 2, 3, -5, -5, -5]
        let scaled = GroupAdvantages.compute(rewards, groupsOf: 3, scale: .group)
        let expected = [-1 / 1.0001, 0, 1 / 1.0001, 0, 0, 0]
        for (a, b) in zip(scaled, expected) { #expect(abs(a - b) < 1e-12) }
        #expect(GroupAdvantages.compute(rewards, groupsOf: 3, scale: .none) == [-1, 0, 1, 0, 0, 0])
    }

    @Test(
        "Loss, KL and the gradient through the whole verbalizer are those of PyTorch's autograd",
        arguments: ["grpo", "dapo", "dr_grpo"])
    func golden(name: String) throws {
        let folder = goldens.appending(path: "pairs/qwen2")
        let json = try JSONValue.parse(Data(contentsOf: folder.appending(path: "joint.json")))
        let tensors = try SafetensorsFile(folder.appending(path: "joint.safetensors"))
        let settings = try #require(json["cases"]?[name]), size = try #require(json["group"]?.int)
        let rewards = try #require(json["rewards"]?.array).compactMap(\.double)
        let advantages = GroupAdvantages.compute(
            rewards, groupsOf: size, scale: try #require(RewardScale(rawValue: settings["scale_rewards"]?.string ?? ""))
        )
        for (a, b) in zip(advantages, try tensors.requiredTensor("\(name).advantages").floats()) {
            #expect(abs(a - Double(b)) < 1e-6)
        }
        let verbalizer = try Verbalizer(folder: folder.appending(path: "av"), precision: .float32)
        verbalizer.makeTrainable(precision: .float32)
        let responses = try #require(json["responses"]?.array).map {
            VerbalizerBatch.Response(
                activation: $0["activation"]?.int ?? 0,
                ids: ($0["ids"]?.array ?? []).compactMap { $0.int.map(Int32.init) })
        }
        let batch = try verbalizer.batch(tensors.requiredTensor("activations"), responses)
        let tape = Tape(precision: .float32)
        let policy = verbalizer.responseLogProbabilities(batch, tape: tape), values = policy.value.floats()
        let old = try tensors.requiredTensor("old").floats()
        let reference = try tensors.requiredTensor("reference").floats()
        var loss = PolicyLoss()
        loss.epsilon = settings["epsilon"]?.double ?? .nan
        loss.epsilonHigh = settings["epsilon_high"]?.double ?? .nan
        loss.beta = settings["beta"]?.double ?? .nan
        var sums = PolicyLoss.Sums(), slopes: [Float] = []
        for (range, advantage) in zip(batch.ranges, advantages) {
            let weight = try #require(LossNormalization(rawValue: name)).weight(
                tokens: range.count, samples: responses.count, allTokens: batch.tokenCount,
                maximumLength: settings["max_completion_length"]?.int ?? 1)
            slopes += loss.add(
                .init(
                    policy: Array(values[range]), old: Array(old[range]), reference: Array(reference[range]),
                    advantage: advantage, weight: weight), to: &sums)
        }
        #expect(abs(sums.loss - Double(try tensors.requiredTensor("\(name).loss").floats()[0])) < 2e-5)
        let divergence = Double(try tensors.requiredTensor("\(name).divergence").floats()[0])
        #expect(abs(sums.divergence / Double(sums.tokens) - divergence) < 2e-5)
        tape.backward(from: policy, gradient: Tensor(slopes, shape: [slopes.count]))
        var compared = 0
        for stored in tensors.names where stored.hasPrefix("\(name).grad.") {
            let canonical = try #require(Checkpoint.canonicalName(String(stored.dropFirst(name.count + 6))))
            let parameter = try #require(verbalizer.parameters.first { $0.name == canonical })
            #expect(
                try #require(parameter.gradient).relativeError(to: tensors.requiredTensor(stored)) < 2e-4, "\(stored)")
            compared += 1
        }
        #expect(compared == 4)
    }

    /// A choice among a few things with learnable log-odds.
    private struct Choice {
        var odds: [Double]

        var logProbabilities: [Double] {
            let top = odds.max() ?? 0, sum = log(odds.reduce(0) { $0 + exp($1 - top) }) + top
            return odds.map { $0 - sum }
        }

        func draw(_ random: inout Random) -> Int {
            var rest = Double(random.uniform())
            for (index, value) in logProbabilities.enumerated() {
                rest -= exp(value)
                if rest < 0 { return index }
            }
            return odds.count - 1
        }

        /// Moves against a derivative by the log-probability of one thing.
        mutating func move(_ index: Int, _ slope: Double, rate: Double) {
            let probabilities = logProbabilities.map(exp)
            for other in odds.indices {
                odds[other] -= rate * slope * ((other == index ? 1 : 0) - probabilities[other])
            }
        }
    }

    @Test("The entropy's derivative has the right mean, whatever the baseline", arguments: [0.0, -1.3])
    func entropy(baseline: Double) {
        let choice = Choice(odds: [0.3, -1, 1.2, 0.1]), logs = choice.logProbabilities, probabilities = logs.map(exp)
        var loss = PolicyLoss()
        loss.entropyBonus = 0.7
        var mean = [Double](repeating: 0, count: 4)
        for (index, log) in logs.enumerated() {
            var sums = PolicyLoss.Sums()
            let slope = loss.add(
                .init(policy: [Float(log)], old: [Float(log)], reference: [Float(log)], advantage: 0, weight: 1),
                typicalLogProbability: baseline, to: &sums)[0]
            for other in mean.indices {
                mean[other] += probabilities[index] * Double(slope) * ((other == index ? 1 : 0) - probabilities[other])
            }
        }
        let entropy = -zip(probabilities, logs).reduce(0) { $0 + $1.0 * $1.1 }
        for (index, value) in mean.enumerated() {
            // ∂H/∂odds = −p (log p + H); the loss has −0.7 H.
            #expect(abs(value - 0.7 * probabilities[index] * (logs[index] + entropy)) < 1e-6)
        }
    }

    /// Plays a bandit with groups of 16, and averages the policy over the last half.
    private func play(_ rewards: [Double], beta: Double, scale: RewardScale, iterations: Int) -> [Double] {
        var choice = Choice(odds: [Double](repeating: 0, count: rewards.count)), random = Random(seed: 3)
        let reference = Float(log(1 / Double(rewards.count)))
        var loss = PolicyLoss(), average = [Double](repeating: 0, count: rewards.count)
        loss.beta = beta
        let steps = 3000
        for step in 0..<steps {
            let drawn = (0..<16).map { _ in choice.draw(&random) }
            let advantages = GroupAdvantages.compute(drawn.map { rewards[$0] }, groupsOf: 16, scale: scale)
            let old = choice.logProbabilities
            for _ in 0..<iterations {
                let now = choice.logProbabilities
                var sums = PolicyLoss.Sums()
                let slopes = zip(drawn, advantages).map { arm, advantage in
                    loss.add(
                        .init(
                            policy: [Float(now[arm])], old: [Float(old[arm])], reference: [reference],
                            advantage: advantage, weight: 1.0 / 16), to: &sums)[0]
                }
                for (arm, slope) in zip(drawn, slopes) { choice.move(arm, Double(slope), rate: 0.1) }
            }
            guard step >= steps / 2 else { continue }
            for (index, value) in choice.logProbabilities.enumerated() {
                average[index] += exp(value) * 2 / Double(steps)
            }
        }
        return average
    }

    @Test(
        "A bandit is solved: the best arm alone without a penalty, in one update per batch or four", arguments: [1, 4])
    func bandit(iterations: Int) {
        let policy = play([-1, -0.2, -0.6, -2], beta: 0, scale: .group, iterations: iterations)
        #expect(policy[1] > 0.98, "\(policy)")
    }

    @Test("With the penalty a bandit ends where reward and divergence balance")
    func balancedBandit() {
        let rewards = [-1, -0.2, -0.6, -2], beta = 0.8
        let policy = play(rewards, beta: beta, scale: .none, iterations: 1)
        // Each sample is in the mean that is taken off it, so that rewards count 15/16.
        let felt = rewards.map { $0 * 15 / 16 }
        // Where the mean derivative vanishes, p = β q / (β + E r − r), with E r such that the sum is 1.
        var low = -2.0, high = -0.1
        func balance(_ mean: Double) -> [Double] { felt.map { beta * 0.25 / max(1e-9, beta + mean - $0) } }
        for _ in 0..<100 {
            let middle = (low + high) / 2
            if balance(middle).reduce(0, +) > 1 { low = middle } else { high = middle }
        }
        for (a, b) in zip(policy, balance(low)) { #expect(abs(a - b) < 0.03, "\(policy) \(balance(low))") }
    }

    @Test("The values of claims are found among the tokens, tags and other words are not")
    func claimTokens() throws {
        var trainer = try BytePairTrainer(
            .init(vocabularySize: 300, extraTokens: [.text("<explanation>"), .text("</explanation>")]))
        let text = "<explanation>The hero is greedy. Who knows? The object looks old.</explanation>"
        trainer.add(text)
        let tokenizer = try trainer.train().tokenizer()
        let ids = tokenizer.encode(text, addSpecialTokens: false)
        let flags = ClaimTokens(TinyWorldGrammar(), tokenizer).isValue(Explanation(text: text, ids: ids))
        let held = zip(ids, flags).filter(\.1).map { tokenizer.decode([$0.0]) }.joined()
        #expect(held.replacingOccurrences(of: " ", with: "").replacingOccurrences(of: ".", with: "") == "greedyold")
        #expect(flags.first == false && flags.last == false)
    }

    @Test("Withheld sentences are drawn, and one always stays")
    func thinning() {
        var random = Random(seed: 1)
        let text = "One is. Two is. Three is."
        let drawn = (0..<200).map { _ in Rollout.thinned(text, 0.5, &random) }
        #expect(drawn.allSatisfy { !$0.isEmpty } && Set(drawn).count == 7)
        #expect(Rollout.thinned(text, 0, &random) == text)
    }
}
