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
    let options: VectorAttackOptions
    let falsePositives: [(detector: String, title: String, share: Share, level: Double)]
    /// The denominator of fractions of variance.
    let variance: Double

    init(
        _ records: [AttackRecord], _ levels: DetectorThresholds, _ detectors: [Detector], variance: Double,
        _ options: VectorAttackOptions
    ) {
        self.options = options
        self.variance = variance
        parts = options.goals.map { goal in
            Part(goal: goal, records: records.filter { $0.goal == goal.rawValue })
        }
        falsePositives = detectors.map { detector in
            (
                detector.key, detector.title, levels.falsePositives[detector] ?? Share(),
                levels.levels[detector] ?? .infinity
            )
        }
    }

    /// Of some attacks, without what noticed them.
    package init(_ records: [AttackRecord], variance: Double, _ options: VectorAttackOptions) {
        self.init(records, DetectorThresholds([:]), [.residual, .distance], variance: variance, options)
    }

    // MARK: Numbers

    /// A measured share under its name.
    struct Line {
        let key: String
        let title: String
        let share: Share
    }

    /// Success, and the baselines without which it would say nothing.
    func attackLines(_ part: Part) -> [Line] {
        let budget = options.budget
        return [
            Line(key: "success", title: "the attack succeeds within the budget", share: part.success),
            Line(
                key: "success_unsure", title: "it does where the target gives its first choice less than 90%",
                share: Share(part.records.filter(\.isUnsure).map(\.isSuccess))),
            Line(
                key: "success_unsure_thousandth", title: "the same within a thousandth of a nat",
                share: Share(
                    part.records.filter(\.isUnsure).map { $0.budget.map { $0 <= 0.001 } ?? false })),
            Line(
                key: "random", title: "a random vector as far away does, within the budget",
                share: part.randomSuccess(within: budget)),
            Line(
                key: "random_any_kl", title: "the same at whatever KL",
                share: Share(part.records.map(\.random.isAchieved))),
            Line(
                key: "unchanged", title: "the activation itself does",
                share: Share(part.records.map(\.clean.isAchieved))),
        ]
    }

    /// What notices an attack that succeeded: detectors, probes, other readers.
    func noticeLines(_ part: Part) -> [Line] {
        falsePositives.flatMap { detector, title, _, level in
            [
                Line(
                    key: "alarm_\(detector)", title: "detector: \(title)",
                    share: flagged(part, detector, above: level, \.attacked)),
                Line(
                    key: "alarm_\(detector)_untouched", title: "the same at the activation itself: \(title)",
                    share: flagged(part, detector, above: level, \.clean)),
            ]
        }
    }

    /// The share of the successful attacks that a detector flags.
    private func flagged(
        _ part: Part, _ detector: String, above level: Double, _ trial: (AttackRecord) -> AttackRecord.Trial
    ) -> Share {
        Share(part.successes.map { (trial($0).scores[detector] ?? 0) > level })
    }

    /// The detector that flags the most of the attacks that succeeded.
    func bestDetector(_ part: Part) -> (title: String, share: Share)? {
        falsePositives.map { ($0.title, flagged(part, $0.detector, above: $0.level, \.attacked)) }
            .max { ($0.1.estimate?.value ?? 0) < ($1.1.estimate?.value ?? 0) }
    }

    /// Whether the true fact can still be read where the attack succeeded; before it and after it.
    func readingLines(_ part: Part) -> [(title: String, key: String, before: Share, after: Share)] {
        let found = part.successes
        func share(_ trial: (AttackRecord) -> AttackRecord.Trial, _ read: (AttackRecord.Trial) -> Bool?) -> Share {
            Share(found.compactMap { read(trial($0)) })
        }
        var lines = [
            (
                title: "linear probes read the true fact", key: "probe_reads_truth",
                before: share(\.clean, \.probeReadsTruth), after: share(\.attacked, \.probeReadsTruth)
            )
        ]
        for name in NamedReader.names(options.readers) {
            lines.append(
                (
                    title: "the reader \(name) says the true fact", key: "reader_\(name)_says_truth",
                    before: share(\.clean) { $0.readersSayTruth[name] },
                    after: share(\.attacked) { $0.readersSayTruth[name] }
                ))
            guard part.goal == .lie else { continue }
            lines.append(
                (
                    title: "the reader \(name) says the false one", key: "reader_\(name)_says_lie",
                    before: share(\.clean) { $0.readersSayLie[name] },
                    after: share(\.attacked) { $0.readersSayLie[name] }
                ))
        }
        return lines
    }

    /// Medians over attacks that succeeded, and fractions of variance explained.
    func sizeLines(_ part: Part) -> [(title: String, key: String, value: Double?)] {
        let found = part.successes
        func explained(_ trial: (AttackRecord) -> AttackRecord.Trial) -> Double? {
            guard !found.isEmpty, variance > 0 else { return nil }
            return 1 - found.reduce(0) { $0 + trial($1).meanSquaredError } / Double(found.count) / variance
        }
        return [
            ("largest KL of a prediction, nats (median)", "median_kl", median(found.map(\.attacked.divergence))),
            ("KL of the token's own prediction (median)", "median_own_kl", median(found.map(\.attacked.ownDivergence))),
            (
                "KL with a random vector as far away (median)", "median_random_kl",
                median(found.map(\.random.divergence))
            ),
            (
                "distance as a share of the activation's norm (median)", "median_length",
                median(found.map(\.attacked.length))
            ),
            ("cosine to the activation (median)", "median_cosine", median(found.map(\.attacked.cosine))),
            ("variance explained of the activation itself", "fve_before", explained(\.clean)),
            ("variance explained of the attacked vector", "fve_after", explained(\.attacked)),
            ("variance explained of the random vector", "fve_random", explained(\.random)),
        ]
    }

    /// Success by what is attacked.
    func questions(_ part: Part) -> [(question: Question, share: Share)] {
        Dictionary(grouping: part.records, by: \.question).sorted { $0.key < $1.key }
            .map { ($0.key, Share($0.value.map(\.isSuccess))) }
    }

    /// Success by seed.
    func seeds(_ part: Part) -> [(seed: UInt64, share: Share)] {
        Dictionary(grouping: part.records, by: \.seed).sorted { $0.key < $1.key }
            .map { ($0.key, Share($0.value.map(\.isSuccess))) }
    }

    /// The share that succeeds within each budget, and the KL that it takes.
    func curve(_ part: Part) -> [(budget: Double, share: Share)] {
        options.budgets.map { budget in
            (budget, Share(part.records.map { record in record.budget.map { $0 <= budget } ?? false }))
        }
    }

    // MARK: For a program

    /// Everything but the cases.
    public var json: JSONValue {
        var object = JSONObject([
            ("experiment", .string(VectorAttackOptions.stage)), ("pair", .string(options.pair)),
            ("budget_nats", .number(options.budget)), ("reach", .integer(options.reach)),
            ("seeds", .array(options.seed.consecutive(options.seeds).map { .integer(Int(truncatingIfNeeded: $0)) })),
            ("intervals", "95%, Wilson; cases are of different documents"),
            (
                "false_alarms",
                .object(
                    JSONObject(
                        falsePositives.map { detector in
                            (
                                detector.detector,
                                .object(JSONObject(detector.share.members + [("level", .number(detector.level))]))
                            )
                        }))
            ),
        ])
        for part in parts { object[part.goal.rawValue] = json(part) }
        return .object(object)
    }

    private func json(_ part: Part) -> JSONValue {
        func shares(_ lines: [(String, Share)]) -> JSONValue {
            .object(JSONObject(lines.map { ($0.0, .object(JSONObject($0.1.members))) }))
        }
        return [
            "attack": shares(attackLines(part).map { ($0.key, $0.share) }),
            "by_budget": shares(curve(part).map { ("\($0.budget)", $0.share) }),
            "by_question": shares(questions(part).map { ($0.question.description, $0.share) }),
            "by_seed": shares(seeds(part).map { ("\($0.seed)", $0.share) }),
            "sizes": .object(JSONObject(sizeLines(part).map { ($0.key, $0.value.map { .number($0) } ?? .null) })),
            "noticed": shares(noticeLines(part).map { ($0.key, $0.share) }),
            "still_read": shares(
                readingLines(part).flatMap { [("\($0.key)_before", $0.before), ("\($0.key)_after", $0.after)] }),
        ]
    }
}

extension Share {
    /// `value`, `low`, `high`, `count`; of several seeds `lowest` and `highest`, too.
    var members: [(String, JSONValue)] {
        let seeds = parts.map { [("lowest", JSONValue.number($0.lowerBound)), ("highest", .number($0.upperBound))] }
        return (estimate?.members ?? [("value", .null)]) + [("count", .integer(count))] + (seeds ?? [])
    }

    /// For a person. Where several seeds found the same, they are not named.
    var text: String {
        guard let estimate else { return "–" }
        let own = estimate.text(.percent)
        guard let parts, parts.lowerBound < parts.upperBound else { return own }
        return own + String(format: ", seeds %.1f to %.1f%%", 100 * parts.lowerBound, 100 * parts.upperBound)
    }
}
