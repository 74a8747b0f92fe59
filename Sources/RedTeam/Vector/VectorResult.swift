import Claims
import Foundation
import JSON
import Statistics
import Tensors

/// What attacks on vectors came to.
public struct VectorResult: Sendable {
    /// Attacks with one goal.
    struct Part: Sendable {
        let goal: AttackGoal
        let records: [AttackRecord]

        var success: Share { Share(records.map(\.isSuccess)) }
        func randomSuccess(within budget: Double) -> Share {
            Share(records.map { $0.randomSucceeds(within: budget) })
        }
        var successes: [AttackRecord] { records.filter(\.isSuccess) }
    }

    let parts: [Part]
    package let options: VectorAttackOptions
    private let detectors: [Detector], thresholds: DetectorThresholds
    /// The denominator of fractions of variance.
    private let variance: Double

    init(
        _ records: [AttackRecord], _ thresholds: DetectorThresholds, _ detectors: [Detector], variance: Double,
        _ options: VectorAttackOptions
    ) {
        self.options = options
        self.variance = variance
        (self.detectors, self.thresholds) = (detectors, thresholds)
        parts = options.goals.map { goal in
            Part(goal: goal, records: records.filter { $0.goal == goal.rawValue })
        }
    }

    /// Of some attacks, without what noticed them.
    package init(_ records: [AttackRecord], variance: Double, _ options: VectorAttackOptions) {
        self.init(records, DetectorThresholds([:]), [.residual, .distance], variance: variance, options)
    }

    // MARK: Numbers

    /// Success, and the baselines without which it would say nothing.
    private func attack(_ part: Part) -> Shares {
        func share(_ key: String, _ title: String, _ share: Share) -> Shares.Entry { .init(key, title, .init(share)) }
        let unsure = part.records.filter(\.isUnsure)
        return Shares([
            share("success", "the attack succeeds within the budget", part.success),
            share(
                "success_unsure", "it does where the target gives its first choice less than 90%",
                Share(unsure.map(\.isSuccess))),
            share(
                "success_unsure_thousandth", "the same within a thousandth of a nat",
                Share(unsure.map { $0.budget.map { $0 <= 0.001 } ?? false })),
            share(
                "random", "a random vector as far away does, within the budget",
                part.randomSuccess(within: options.budget)),
            share("random_any_kl", "the same at whatever KL", Share(part.records.map(\.random.isAchieved))),
            share("unchanged", "the activation itself does", Share(part.records.map(\.clean.isAchieved))),
        ])
    }

    /// What notices an attack that succeeded: detectors, probes, other readers.
    private func noticed(_ part: Part) -> Shares {
        Shares(
            detectors.flatMap { detector in
                [
                    .init(
                        "alarm_\(detector.key)", "detector: \(detector.title)",
                        MeasuredShare(flagged(part, detector, \.attacked))),
                    .init(
                        "alarm_\(detector.key)_untouched", "the same at the activation itself: \(detector.title)",
                        MeasuredShare(flagged(part, detector, \.clean))),
                ]
            })
    }

    /// The share of the successful attacks that a detector flags.
    private func flagged(
        _ part: Part, _ detector: Detector, _ trial: (AttackRecord) -> AttackRecord.Trial
    ) -> Share {
        Share(part.successes.map { (trial($0).scores[detector.key] ?? 0) > threshold(detector) })
    }

    private func threshold(_ detector: Detector) -> Double { thresholds.levels[detector] ?? .infinity }

    /// The detector that flags the most of the attacks that succeeded.
    func bestDetector(_ part: Part) -> (title: String, share: Share)? {
        detectors.map { ($0.title, flagged(part, $0, \.attacked)) }
            .max { ($0.1.estimate?.value ?? 0) < ($1.1.estimate?.value ?? 0) }
    }

    /// What a reader says where the attack succeeded, of the activations and of the attacked vectors.
    struct Reading: Codable, Sendable { let before, after: MeasuredShare }

    /// Whether the true fact can still be read.
    func readings(_ part: Part) -> NamedValues<Reading> {
        let found = part.successes
        func reading(
            _ key: String, _ title: String, _ read: (AttackRecord.Trial) -> Bool?
        ) -> NamedValues<Reading>.Entry {
            func share(_ trial: (AttackRecord) -> AttackRecord.Trial) -> MeasuredShare {
                MeasuredShare(Share(found.compactMap { read(trial($0)) }))
            }
            return .init(key, title, Reading(before: share(\.clean), after: share(\.attacked)))
        }
        var readings = [reading("probe_reads_truth", "linear probes read the true fact", \.probeReadsTruth)]
        for name in NamedReader.names(options.readers) {
            readings.append(
                reading("reader_\(name)_says_truth", "the reader \(name) says the true fact") {
                    $0.readersSayTruth[name]
                })
            guard part.goal == .lie else { continue }
            readings.append(
                reading("reader_\(name)_says_lie", "the reader \(name) says the false one") { $0.readersSayLie[name] })
        }
        return .init(readings)
    }

    /// Medians over attacks that succeeded, and fractions of variance explained.
    private func sizes(_ part: Part) -> NamedValues<Nullable<Double>> {
        let found = part.successes
        func explained(_ trial: (AttackRecord) -> AttackRecord.Trial) -> Double? {
            guard !found.isEmpty, variance > 0 else { return nil }
            return 1 - found.reduce(0) { $0 + trial($1).meanSquaredError } / Double(found.count) / variance
        }
        let sizes = [
            ("median_kl", "largest KL of a prediction, nats (median)", median(found.map(\.attacked.divergence))),
            ("median_own_kl", "KL of the token's own prediction (median)", median(found.map(\.attacked.ownDivergence))),
            (
                "median_random_kl", "KL with a random vector as far away (median)",
                median(found.map(\.random.divergence))
            ),
            (
                "median_length", "distance as a share of the activation's norm (median)",
                median(found.map(\.attacked.length))
            ),
            ("median_cosine", "cosine to the activation (median)", median(found.map(\.attacked.cosine))),
            ("fve_before", "variance explained of the activation itself", explained(\.clean)),
            ("fve_after", "variance explained of the attacked vector", explained(\.attacked)),
            ("fve_random", "variance explained of the random vector", explained(\.random)),
        ]
        return .init(sizes.map { .init($0, $1, Nullable(wrappedValue: $2)) })
    }

    /// Success of groups of attacks.
    private func successes<Group: Hashable & Comparable>(
        _ part: Part, by group: (AttackRecord) -> Group
    ) -> Shares {
        Shares(
            Dictionary(grouping: part.records, by: group).sorted { $0.key < $1.key }
                .map { Shares.Entry("\($0.key)", nil, MeasuredShare(Share($0.value.map(\.isSuccess)))) })
    }

    /// The share that succeeds within each budget.
    private func curve(_ part: Part) -> Shares {
        Shares(
            options.budgets.map { budget in
                let isWithin = part.records.map { record in record.budget.map { $0 <= budget } ?? false }
                return .init("\(budget)", nil, MeasuredShare(Share(isWithin)))
            })
    }

    package var summary: VectorSummary {
        VectorSummary(
            VectorHead(
                experiment: VectorAttackOptions.stage, pair: options.pair, budget: options.budget, reach: options.reach,
                seeds: options.seed.consecutive(options.seeds).map { Int(truncatingIfNeeded: $0) },
                intervals: "95%, Wilson; cases are of different documents",
                falsePositives: .init(
                    detectors.map { detector in
                        let share = MeasuredShare(thresholds.falsePositives[detector] ?? Share())
                        return .init(detector.key, detector.title, .init(share, .init(level: threshold(detector))))
                    })),
            .init(parts.map { .init($0.goal.rawValue, $0.goal.title, goal($0)) }))
    }

    private func goal(_ part: Part) -> AttackedGoal {
        AttackedGoal(
            attack: attack(part), budgets: curve(part),
            questions: successes(part, by: \.question), seeds: successes(part, by: \.seed), sizes: sizes(part),
            noticed: noticed(part),
            stillRead: Shares(
                readings(part).present.flatMap { key, _, reading in
                    [.init("\(key)_before", nil, reading.before), .init("\(key)_after", nil, reading.after)]
                }))
    }
}
