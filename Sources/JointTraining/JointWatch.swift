import Foundation
import Runs

/// Watches a joint run for the known ways in which it goes wrong (docs/method.md §4.3), and names the knob that answers each.
///
/// What it says follows from the metrics alone, so a report made from the file of a run says the same as the run did.
public struct JointWatch: Sendable {
    /// What goes wrong.
    public enum Failure: String, Sendable, CaseIterable {
        /// Explanations grow.
        case lengthCreep = "length creep"
        /// The verbalizer writes the same whatever it is asked to draw.
        case entropyCollapse = "entropy collapse"
        /// The same words are said twice in one explanation.
        case repetition
        /// Explanations turn to the marker or its script.
        case markerScript = "marker script"
        /// Explanations are cut off or have no tags.
        case extraction = "extraction rate"
        /// Claims become false while more variance is explained.
        case falling = "falling precision"
    }

    /// Something that begins to go wrong.
    public struct Warning: Sendable, Equatable {
        /// The step.
        public let step: Int
        /// What it is.
        public let failure: Failure
        /// What was measured, and what to change.
        public let message: String

        /// In one line.
        public var line: String { "step \(step): \(failure.rawValue): \(message)" }
    }

    /// Steps whose mean is looked at.
    static let window = 20

    private let options: JointOptions
    /// The last steps' numbers, by name.
    private var recent: [String: [Double]] = [:]
    /// Means over the first steps.
    private var beginning: [String: Double] = [:]
    private var firstEvaluation: Metrics?
    /// What has been warned of and has not passed.
    private var active: Set<Failure> = []

    /// A watch over a run with these options, from its first step.
    public init(_ options: JointOptions) { self.options = options }

    private static let watched = [
        "completion_tokens", "entropy", "repetition", "marker_script_share", "extraction_rate", "truncated_share",
    ]

    /// Looks at a step's numbers, with its evaluation's if there was one.
    ///
    /// - Returns: what has just begun; a failure that has passed and comes back is told again.
    public mutating func look(step: Int, _ metrics: Metrics) -> [Warning] {
        for name in JointWatch.watched {
            guard let value = metrics[name] else { continue }
            recent[name, default: []].append(value)
            if recent[name, default: []].count > JointWatch.window { recent[name]?.removeFirst() }
            if beginning[name] == nil, recent[name]?.count == JointWatch.window { beginning[name] = mean(name) }
        }
        return Failure.allCases.compactMap { failure in
            switch state(failure, metrics) {
            case .unknown: return nil
            case .absent:
                active.remove(failure)
                return nil
            case .present(let message):
                return active.insert(failure).inserted ? Warning(step: step, failure: failure, message: message) : nil
            }
        }
    }

    /// The mean over the window; nil until it is full.
    private func mean(_ name: String) -> Double? {
        guard let values = recent[name], values.count == JointWatch.window else { return nil }
        return values.reduce(0, +) / Double(values.count)
    }

    private enum State {
        /// This step says nothing about it.
        case unknown
        case absent
        case present(String)
    }

    private mutating func state(_ failure: Failure, _ metrics: Metrics) -> State {
        switch failure {
        case .lengthCreep:
            guard let now = mean("completion_tokens"), let first = beginning["completion_tokens"] else {
                return .unknown
            }
            return verdict(
                now > 1.3 * first && now > first + 3,
                "explanations have grown from \(number(first)) to \(number(now)) tokens; raise length_penalty (now \(number(options.lengthPenalty)))"
            )
        case .entropyCollapse:
            guard let now = mean("entropy"), let first = beginning["entropy"] else { return .unknown }
            return verdict(
                now < 0.3 * first,
                "entropy has fallen from \(number(first)) to \(number(now)) nats per token; raise entropy_bonus (now \(number(options.entropyBonus))) or beta, or lower learning_rate"
            )
        case .repetition:
            guard let now = mean("repetition"), let first = beginning["repetition"] else { return .unknown }
            return verdict(
                now > first + 0.05,
                "\(percent(now)) of the sequences of four words repeat another of the same explanation, \(percent(first)) at first; raise beta (now \(number(options.beta))) or length_penalty"
            )
        case .markerScript:
            guard let now = mean("marker_script_share") else { return .unknown }
            return verdict(
                now > 0.01,
                "\(percent(now)) of the explanations hold characters of the marker's script; injection fails or the policy drifts: check nla explain on the warm start, raise beta (now \(number(options.beta)))"
            )
        case .extraction:
            guard let now = mean("extraction_rate") else { return .unknown }
            let cut = mean("truncated_share") ?? 0
            let knob =
                cut > (1 - now) / 2
                ? "most are cut off: raise max_completion_length (now \(options.maximumLength)) or length_penalty"
                : "raise beta (now \(number(options.beta))) or lower learning_rate"
            return verdict(now < 0.97, "only \(percent(now)) of the explanations are complete; \(knob)")
        case .falling:
            guard let precision = metrics["precision"], let explained = metrics["fve"] else { return .unknown }
            guard let first = firstEvaluation, let atFirst = first["precision"], let explainedAtFirst = first["fve"]
            else {
                firstEvaluation = metrics
                return .unknown
            }
            return verdict(
                precision < atFirst - 0.02 && explained > explainedAtFirst,
                "\(percent(precision)) of the claims are true, \(percent(atFirst)) at first, while variance explained rose from \(number(explainedAtFirst)) to \(number(explained)); raise beta (now \(number(options.beta))) with kl_on: claims, or set probes, second_reader, agreement_bonus or claim_dropout"
            )
        }
    }

    private func verdict(_ isPresent: Bool, _ message: @autoclosure () -> String) -> State {
        isPresent ? .present(message()) : .absent
    }

    private func number(_ value: Double) -> String {
        value == 0 ? "0" : String(format: abs(value) < 10 ? "%.3g" : "%.0f", value)
    }

    private func percent(_ value: Double) -> String { String(format: "%.1f%%", 100 * value) }
}
