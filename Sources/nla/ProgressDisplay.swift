import Foundation
import Runs

/// Shows how a run goes: on a terminal one line that is written over, elsewhere a line now and then and for every evaluation.
/// Where every step matters each has its line, and the line that is written over sums up the last of them.
final class ProgressDisplay {
    private let isQuiet: Bool
    private let showsEveryStep: Bool
    private let isTerminal = isatty(2) == 1
    private let clock = ContinuousClock()
    private var shown: ContinuousClock.Instant?
    private var hasOpenLine = false
    private var summary = ProgressSummary()

    /// - Parameter everyStep: whether each step leaves a line.
    init(isQuiet: Bool, everyStep: Bool = false) {
        self.isQuiet = isQuiet
        showsEveryStep = everyStep
    }

    func show(_ progress: TrainingProgress) { show(progress, stage: nil) }

    func show(_ progress: TrainingProgress, stage: String?) {
        guard !isQuiet else { return }
        let line = (stage.map { "\($0): " } ?? "") + progress.line
        guard !showsEveryStep else {
            summary.add(progress)
            note(line)
            return open(summary.line)
        }
        let isEvaluation = progress.metrics.values.contains { $0.name.hasPrefix("held_out") || $0.name == "fve" }
        let wait = isTerminal ? 0.1 : 15
        let isDue = shown.map { (clock.now - $0).seconds >= wait } ?? true
        guard isDue || isEvaluation || progress.step == progress.steps else { return }
        shown = clock.now
        // Evaluations stay; the line of a plain step gives way to the next.
        isEvaluation || !isTerminal ? note(line) : open(line)
    }

    /// A line that stays.
    func note(_ line: String) {
        guard !isQuiet else { return }
        clear()
        Output.note(line)
    }

    /// A line that gives way to the next; on terminals only.
    private func open(_ line: String) {
        guard isTerminal else { return }
        clear()
        // A line that wraps could not be taken back.
        Output.write(toStandardError: String(line.prefix(width - 1)))
        hasOpenLine = true
    }

    /// Columns of the terminal.
    private var width: Int {
        var size = winsize()
        return ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : 80
    }

    /// Takes the line back that gives way. Escape [K clears what stands on it.
    private func clear() {
        if hasOpenLine { Output.write(toStandardError: "\r\u{1B}[K") }
        hasOpenLine = false
    }

    /// Leaves the last line standing.
    func finish() {
        if hasOpenLine { Output.write(toStandardError: "\n") }
        hasOpenLine = false
    }

    deinit { finish() }
}
