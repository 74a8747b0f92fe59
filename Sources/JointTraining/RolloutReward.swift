import Activations
import Autoencoder
import Claims
import Foundation
import Teaching
import Tensors

/// What the explanations of a step earn, from what readers make of them.
public struct RolloutReward {
    private let options: JointOptions
    private let grammar: any ClaimGrammar
    private let second: Reconstructor?
    private let probes: TeacherProbes?

    /// The rewards of these options.
    ///
    /// - Parameters:
    ///   - grammar: how claims are read.
    ///   - second: a reader that does not learn.
    ///   - probes: what claims are held against.
    public init(
        _ options: JointOptions, _ grammar: any ClaimGrammar, second: Reconstructor? = nil, probes: TeacherProbes? = nil
    ) {
        self.options = options
        self.grammar = grammar
        self.second = second
        self.probes = probes
    }

    /// The reward of every sample. A complete explanation never earns less than one without tags: whatever is doubted of it, leaving
    /// out the tags must not pay.
    ///
    /// - Parameters:
    ///   - store: the one that the rollout's rows are from; nil where there is none, and so no probes either.
    ///   - errors: the pair's reconstructor's, for every sample; nil where it was shown nothing.
    public func rewards(_ rollout: Rollout, _ store: ActivationStore?, errors: [Double?]) throws -> [Double] {
        let others = try secondErrors(rollout), agreement = agreement(rollout), doubts = doubts(rollout, store)
        return rollout.samples.indices.map { index in
            let sample = rollout.samples[index]
            let cost = options.lengthPenalty * Double(sample.explanation.ids.count)
            guard let error = errors[index] else { return options.failureReward - cost }
            let own = worth(error)
            let weighed = others[index].map {
                (1 - options.secondReaderWeight) * own + options.secondReaderWeight * worth($0)
            }
            let doubt = options.doubtPenalty * Double(doubts[index])
            let earned = (weighed ?? own) + options.agreementBonus * agreement[index] - doubt
            return earned.atLeast(options.failureReward) - cost
        }
    }

    private func worth(_ error: Double) -> Double {
        // An exact reconstruction would be worth an infinity.
        options.reward == .meanSquaredError ? -error : -log(error.atLeast(1e-4))
    }

    private func secondErrors(_ rollout: Rollout) throws -> [Double?] {
        var result = [Double?](repeating: nil, count: rollout.samples.count)
        guard let second else { return result }
        let valid = rollout.samples.indices.filter { rollout.samples[$0].isValid }
        guard !valid.isEmpty else { return result }
        let rows = try Scores.rows(
            second.reconstruct(valid.map { rollout.samples[$0].shown }), rollout.vectors(of: valid))
        for (index, row) in zip(valid, rows) { result[index] = row.meanSquaredError }
        return result
    }

    /// For each sample, how many of its claims the probes do not bear out: the teacher's rule, by which a claim has more than half
    /// the probability that they give to its question's answers. What no probe reads is not doubted.
    private func doubts(_ rollout: Rollout, _ store: ActivationStore?) -> [Int] {
        guard let probes, let store, options.doubtPenalty > 0 else {
            return [Int](repeating: 0, count: rollout.samples.count)
        }
        let readings = probes.readings(store, rows: rollout.rows)
        return rollout.samples.map { sample in
            grammar.read(sample.explanation.description).claims.count { claim in
                readings[sample.activation].probability(claim).map { $0 <= 0.5 } ?? false
            }
        }
    }

    /// For each sample, the share of the other members of its group that make one of its claims, averaged over its claims.
    private func agreement(_ rollout: Rollout) -> [Double] {
        guard options.agreementBonus > 0 else { return [Double](repeating: 0, count: rollout.samples.count) }
        let claims = rollout.samples.map { Set(grammar.read($0.explanation.description).claims) }
        return claims.indices.map { index in
            let first = index / rollout.groupSize * rollout.groupSize
            let others = claims[first..<first + rollout.groupSize].enumerated().filter { first + $0.offset != index }
            guard !claims[index].isEmpty, !others.isEmpty else { return 0 }
            let shared = claims[index].reduce(0) { sum, claim in sum + others.count { $0.element.contains(claim) } }
            return Double(shared) / Double(claims[index].count * others.count)
        }
    }
}
