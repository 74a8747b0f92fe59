import Autoencoder
import Foundation
import LanguageModel
import Runs
import Tensors

/// What the reconstructor makes of a step's explanations: the forward half of its own step.
package struct RolloutReading {
    /// The error of every sample; nil where there was nothing to show.
    package private(set) var errors: [Double?]
    /// The mean error over what the reconstructor learns from, the empty explanations included; nil if nothing was read.
    package private(set) var loss: Double?

    /// Reads the valid samples; where the reconstructor learns, leaves its gradients for its group to take. What it says of the
    /// samples is what it says before it moves. An activation with the same text twice is read once and counts twice.
    ///
    /// - Parameters:
    ///   - group: the reconstructor's; nil if it does not learn.
    ///   - index: the step, counted from 0.
    package init(
        _ rollout: Rollout, _ reconstructor: Reconstructor, _ options: JointOptions, learning group: ParameterGroup?,
        step index: Int, _ watch: inout Stopwatch
    ) throws {
        errors = .init(repeating: nil, count: rollout.samples.count)
        var texts = DistinctTexts()
        for (index, sample) in rollout.samples.enumerated() where sample.isValid {
            texts.add(sample.shown, activation: sample.activation, sample: index)
        }
        if group != nil {
            var random = Random(seed: options.seed, Random.key("empty explanations"), UInt64(index))
            let count = Int((options.emptyShare * Double(texts.total)).rounded())
            for _ in 0..<count {
                texts.add("", activation: Int.random(in: 0..<rollout.rows.count, using: &random), sample: nil)
            }
        }
        guard texts.total > 0 else { return }
        let prompts = texts.entries.map { reconstructor.ids(of: $0.text) }
        var loss = 0.0
        for range in Passes.split(prompts.map(\.count), limit: options.tokensPerPass) {
            let tape = Tape(recording: group != nil, precision: options.precision)
            let truth = rollout.vectors.gatheringRows(texts.entries[range].map { Int32($0.activation) })
            let errors = tape.normalizedMeanSquaredError(
                reconstructor.forward(Array(prompts[range]), tape: tape), truth: truth)
            let values = errors.value.floats()
            watch.lap("reward_seconds")
            var slopes: [Float] = []
            for (entry, value) in zip(texts.entries[range], values) {
                for sample in entry.samples { self.errors[sample] = Double(value) }
                loss += Double(value) * Double(entry.count) / Double(texts.total)
                slopes.append(Float(entry.count) / Float(texts.total))
            }
            if let group {
                try group.checkFinite(values.reduce(0) { $0 + Double($1) }, "the reconstructor's loss")
                tape.backward(from: errors, gradient: Tensor(slopes, shape: [slopes.count]))
                watch.lap("ar_seconds")
            } else if values.contains(where: { !$0.isFinite }) {
                throw NonFiniteError("the reconstructor's error")
            }
        }
        self.loss = loss
    }
}

/// Seconds of the parts of a step.
package struct Stopwatch {
    private let clock = ContinuousClock()
    private var start = ContinuousClock().now
    package private(set) var seconds = Metrics()

    /// Starts now.
    package init() {}

    /// Adds the time since the last lap to a part.
    package mutating func lap(_ part: String) {
        let now = clock.now
        seconds[part] = (seconds[part] ?? 0) + (now - start).seconds
        start = now
    }
}

/// Texts to be read, each with an activation to be rebuilt; equal ones once.
private struct DistinctTexts {
    struct Entry {
        let text: String
        let activation: Int
        var samples: [Int] = []
        var count = 0
    }

    private(set) var entries: [Entry] = []
    private(set) var total = 0
    private var known: [Key: Int] = [:]

    private struct Key: Hashable {
        let text: String
        let activation: Int
    }

    mutating func add(_ text: String, activation: Int, sample: Int?) {
        let key = Key(text: text, activation: activation)
        let place = known[key] ?? entries.count
        if place == entries.count {
            known[key] = place
            entries.append(Entry(text: text, activation: activation))
        }
        entries[place].count += 1
        if let sample { entries[place].samples.append(sample) }
        total += 1
    }
}
