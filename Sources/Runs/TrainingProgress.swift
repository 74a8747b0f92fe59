import Foundation

/// Where a run stands after a step.
public struct TrainingProgress: Sendable {
    /// Steps taken.
    public let step: Int
    /// Steps in all.
    public let steps: Int
    /// The step's numbers, and the evaluation's if there was one.
    public let metrics: Metrics
    /// Seconds until the end, at the pace since this process began.
    public let secondsLeft: Double

    package init(step: Int, steps: Int, metrics: Metrics, secondsLeft: Double) {
        self.step = step
        self.steps = steps
        self.metrics = metrics
        self.secondsLeft = secondsLeft
    }

    /// What a person wants to see of it, in one line: `step 120/4000  loss 3.214  …  5.2k tokens/s  12:34 left`.
    public var line: String {
        var parts = ["step \(step)/\(steps)"]
        for (name, value) in metrics.values where !TrainingProgress.isHidden(name) {
            parts.append("\(name.replacing("_", with: " ")) \(TrainingProgress.short(value))")
        }
        if let speed = metrics["tokens_per_second"] { parts.append("\(TrainingProgress.short(speed)) tokens/s") }
        parts.append(TrainingProgress.clock(secondsLeft) + " left")
        return parts.joined(separator: "  ")
    }

    /// Numbers for the metrics file and the report rather than for the eye.
    private static func isHidden(_ name: String) -> Bool {
        hidden.contains(name) || hiddenEndings.contains(where: name.hasSuffix)
    }

    private static let hidden: Set<String> = [
        "tokens", "seconds", "rows", "reward_deviation", "repetition", "held_out_mse", "held_out_tokens",
    ]
    private static let hiddenEndings = [
        "_per_second", "_seconds", "learning_rate", "gradient_norm", "_share", "extraction_rate", "deciding_stated",
        "deciding_latent",
    ]

    static func short(_ value: Double) -> String {
        switch abs(value) {
        case 1000...: String(format: "%.1fk", value / 1000)
        case 100...: String(format: "%.0f", value)
        case 0.01...: String(format: "%.3f", value)
        case 0: "0"
        default: String(format: "%.2g", value)
        }
    }

    /// Hours, minutes and seconds.
    package static func clock(_ seconds: Double) -> String {
        guard (0..<1e8).contains(seconds) else { return "?" }
        let whole = Int(seconds.rounded())
        let tail = String(format: "%02ld:%02ld", whole / 60 % 60, whole % 60)
        return whole >= 3600 ? "\(whole / 3600):\(tail)" : tail
    }
}
