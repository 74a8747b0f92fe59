import Foundation
import JSON
import LanguageModel
import Tensors

/// Steps, evaluations, checkpoints, in that order, until the run is done or somebody asks it to stop.
public struct TrainingLoop {
    /// How often to do what.
    public struct Cadence: Sendable {
        /// Steps in all.
        public var steps: Int
        /// Steps between evaluations; there is one at the end.
        public var evaluateEvery: Int
        /// Steps between checkpoints; there is one at the end, and one where an evaluation was the best.
        public var checkpointEvery: Int
        /// Seconds after which a checkpoint is due anyway; more where checkpoints are waited for so long that a twentieth of the time would
        /// go into that. Zero asks for one at every step.
        public var checkpointSeconds: Double
        /// Steps between checkpoints that stay; nil keeps none but the last two and the best.
        public var keepEvery: Int?

        /// A cadence; by default a checkpoint every two minutes.
        public init(
            steps: Int, evaluateEvery: Int = 200, checkpointEvery: Int = 1000, checkpointSeconds: Double = 120,
            keepEvery: Int? = nil
        ) {
            self.steps = steps
            self.evaluateEvery = evaluateEvery
            self.checkpointEvery = checkpointEvery
            self.checkpointSeconds = checkpointSeconds
            self.keepEvery = keepEvery
        }

        /// Whether a checkpoint is due.
        ///
        /// - Parameters:
        ///   - seconds: since the last one.
        ///   - wait: how long that one was waited for, in seconds.
        package func isDue(_ step: Int, seconds: Double, wait: Double) -> Bool {
            step % checkpointEvery == 0 || checkpointSeconds == 0 || seconds >= checkpointSeconds.atLeast(20 * wait)
        }

        /// Whether the checkpoint of a step stays.
        func keeps(_ step: Int) -> Bool { keepEvery.map { step.isMultiple(of: $0) } ?? false }
    }

    /// How a loop ended.
    public enum Outcome: Sendable, Equatable {
        /// All steps are done, and the last checkpoint is written.
        case finished
        /// A signal asked to stop; the checkpoint of this step is written.
        case interrupted(step: Int, signal: Int32)
    }

    private let folder: RunFolder
    private let trainer: any Trainer
    private let cadence: Cadence
    private let interruption: Interruption
    private let progress: (TrainingProgress) -> Void

    /// A loop; `progress` is called after every step.
    public init(
        _ trainer: any Trainer, in folder: RunFolder, _ cadence: Cadence, interruption: Interruption = Interruption(),
        progress: @escaping (TrainingProgress) -> Void = { _ in }
    ) {
        self.trainer = trainer
        self.folder = folder
        self.cadence = cadence
        self.interruption = interruption
        self.progress = progress
    }

    /// Runs from the folder's last checkpoint, if it has one, to the end.
    ///
    /// - Throws: a ``TrainingError`` that names step, tensor and last good checkpoint where a number is NaN or infinite; whatever
    ///   the trainer throws; and what the disk says. The folder can be resumed after all of them.
    public func run() throws -> Outcome {
        let outcome: Outcome
        do { outcome = try steps() } catch {
            // What is wrong comes first; a checkpoint that is being written still becomes one.
            try? folder.finishSaving()
            throw error
        }
        try folder.finishSaving()
        return outcome
    }

    private func steps() throws -> Outcome {
        var bestScore = folder.best?.score ?? -.infinity
        try folder.latest?.restore(trainer.groups)
        let first = folder.latest?.step ?? 0
        if folder.latest == nil, trainer.measuresStart {
            try checked(0) {
                let evaluation = try trainer.evaluate()
                try record(evaluation.samples, step: 0)
                try folder.metrics.append(step: 0, evaluation.metrics)
                progress(
                    TrainingProgress(step: 0, steps: cadence.steps, metrics: evaluation.metrics, secondsLeft: .nan))
            }
        }
        let clock = ContinuousClock()
        let start = clock.now
        var saved = start
        for index in first..<max(first, cadence.steps) {
            let step = index + 1, isLast = step == cadence.steps
            let begin = clock.now
            var metrics = try checked(step) { try trainer.step(index) }
            let seconds = (clock.now - begin).seconds
            metrics["seconds"] = seconds
            if let tokens = metrics["tokens"] { metrics["tokens_per_second"] = tokens / max(seconds, 1e-9) }
            var score: Double?
            if step % cadence.evaluateEvery == 0 || isLast {
                let evaluation = try checked(step) { try trainer.evaluate() }
                metrics.merge(evaluation.metrics)
                score = evaluation.score
                try record(evaluation.samples, step: step)
            }
            try folder.metrics.append(step: step, metrics)
            let elapsed = (clock.now - start).seconds
            progress(
                TrainingProgress(
                    step: step, steps: cadence.steps, metrics: metrics,
                    secondsLeft: elapsed / Double(step - first) * Double(cadence.steps - step)))
            let isBest = score.map { $0 > bestScore } ?? false
            let signal = interruption.signal
            let isDue = cadence.isDue(step, seconds: (clock.now - saved).seconds, wait: folder.lastWait)
            if isDue || isLast || isBest || cadence.keeps(step) || signal != nil {
                if isBest, let score { bestScore = score }
                try folder.save(step: step, score: score, isBest: isBest, trainer.groups, keeping: cadence.keeps)
                saved = clock.now
            }
            if let signal, !isLast { return .interrupted(step: step, signal: signal) }
        }
        return .finished
    }

    private func record(_ samples: [JSONObject], step: Int) throws {
        for sample in samples { try folder.samples.append(step: step, sample) }
    }

    private func checked<Result>(_ step: Int, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as NonFiniteError {
            throw stopped(step, "\(error)")
        } catch let error as ModelError {
            // A model in training computes with weights that no file holds: what its checkpoint says of itself would mislead.
            guard let place = error.nonFinitePlace else { throw error }
            throw stopped(
                step,
                nonFiniteWeight.map { "\($0) holds NaN or infinity, seen \(place)" }
                    ?? "NaN or infinity \(place), though all weights in training are finite")
        }
    }

    private var nonFiniteWeight: String? {
        for group in trainer.groups {
            guard let weight = group.parameters.first(where: { $0.value.firstNonFinite() != nil }) else { continue }
            return "the weight \(weight.name) (\(group.name))"
        }
        return nil
    }

    private func stopped(_ step: Int, _ what: String) -> TrainingError {
        try? folder.finishSaving()
        let last = folder.latest.map { "the last good checkpoint is \($0.url.path)" } ?? "there is no checkpoint yet"
        return TrainingError("step \(step): \(what); \(last); lower the learning rate, or compute in f32")
    }
}

extension Duration {
    /// The duration in seconds.
    public var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
