import Foundation
import Training

/// Shows how a run goes: on a terminal one line that is written over, elsewhere a line now and then and for every evaluation.
final class ProgressDisplay {
    private let isQuiet: Bool
    private let isTerminal = isatty(2) == 1
    private let clock = ContinuousClock()
    private var shown: ContinuousClock.Instant?
    private var hasOpenLine = false

    init(isQuiet: Bool) { self.isQuiet = isQuiet }

    func show(_ progress: TrainingProgress, stage: String? = nil) {
        guard !isQuiet else { return }
        let isEvaluation = progress.metrics.values.contains { $0.name.hasPrefix("held_out") || $0.name == "fve" }
        let wait = isTerminal ? 0.1 : 15
        let isDue = shown.map { (clock.now - $0).seconds >= wait } ?? true
        guard isDue || isEvaluation || progress.step == progress.steps else { return }
        shown = clock.now
        let line = (stage.map { "\($0): " } ?? "") + progress.line
        guard isTerminal else { return Output.note(line) }
        // Evaluations stay; the line of a plain step gives way to the next. Escape [K clears what is left of a longer one.
        Output.write(toStandardError: "\r" + line + "\u{1B}[K" + (isEvaluation ? "\n" : ""))
        hasOpenLine = !isEvaluation
    }

    /// Leaves the last line standing.
    func finish() {
        if hasOpenLine { Output.write(toStandardError: "\n") }
        hasOpenLine = false
    }

    deinit { finish() }
}
