/// The last steps of a run in one line: means of what is noisy, and what the last evaluation said.
public struct ProgressSummary: Sendable {
    private static let window = 20
    private static let averaged = ["reward", "loss", "mse", "kl", "entropy", "completion_tokens"]
    private static let evaluated = [
        "fve", "fve_shuffled", "fve_other", "fve_empty", "precision", "recall_latent", "held_out_loss",
    ]
    private var recent: [Metrics] = []
    private var evaluation = Metrics()
    private var end = ""

    /// Nothing yet.
    public init() {}

    /// Adds a step.
    public mutating func add(_ progress: TrainingProgress) {
        for name in ProgressSummary.evaluated {
            if let value = progress.metrics[name] { evaluation[name] = value }
        }
        end = "\(TrainingProgress.clock(progress.secondsLeft)) left"
        guard progress.step > 0 else { return }
        recent.append(progress.metrics)
        if recent.count > ProgressSummary.window { recent.removeFirst() }
    }

    /// The line.
    public var line: String {
        func part(_ name: String, _ value: Double) -> String {
            "\(name.replacing("_", with: " ")) \(TrainingProgress.short(value))"
        }
        let means = ProgressSummary.averaged.compactMap { name -> String? in
            let values = recent.compactMap { $0[name] }
            return values.isEmpty ? nil : part(name, values.reduce(0, +) / Double(values.count))
        }
        let held = evaluation.values.map { part($0.name, $0.value) }
        let last = recent.isEmpty ? [] : ["last \(recent.count) steps: " + means.joined(separator: "  ")]
        return (last + (held.isEmpty ? [] : ["held out: " + held.joined(separator: "  ")]) + [end]).joined(
            separator: " | ")
    }
}
