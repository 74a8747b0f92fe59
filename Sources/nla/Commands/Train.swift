import ArgumentParser
import Foundation
import Runs

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train the models of an autoencoder, stage by stage.",
        discussion: """
            A run has a folder: run.yaml with every option, metrics.jsonl with a line per step, checkpoints, and in the end the \
            model. Ctrl-C stops after the step at hand. The same command again goes on from the last checkpoint, also after a \
            kill -9, and ends with the same weights as a run that nobody stopped.
            """,
        subcommands: [
            TrainPair.self, TrainTarget.self, TrainVerbalizer.self, TrainReconstructor.self, TrainRL.self,
            TrainReadable.self,
        ])
}

/// What every stage takes, beside its options.
struct TrainArguments<Options: RunOptions>: ParsableArguments {
    @Option(help: ArgumentHelp("A YAML file with options; flags override it.", valueName: "file.yaml"))
    var run: String?

    @Option(help: ArgumentHelp("The run's folder; runs/ and the stage's name by default.", valueName: "dir"))
    var output: String?

    @Flag(help: "Write what came of it as JSON to standard output.")
    var json = false

    @Flag(help: "No progress on standard error.")
    var quiet = false

    @Argument(
        parsing: .allUnrecognized,
        help: ArgumentHelp("Options of the run, as listed above.", valueName: "--option value"))
    var flags: [String] = []

    var folder: URL { URL(fileURLWithPath: output ?? "runs/\(Options.stage)") }

    func validate() throws {
        // The run file is read later: a bad one is no wrong usage.
        var options = Options()
        do { try options.read(flags: flags) } catch let error as TrainingError { throw ValidationError("\(error)") }
    }

    /// Defaults, then the run file, then flags.
    func options() throws -> Options {
        var options = Options()
        if let run { try options.read(runFile: URL(fileURLWithPath: run)) }
        try options.read(flags: flags)
        return options
    }

    func note(_ text: String) {
        if !quiet { Output.note(text) }
    }

    /// Runs a stage with its progress on standard error, and says how it ended; after a signal the process ends as the signal
    /// would have ended it.
    ///
    /// - Parameters:
    ///   - first: the step that the run goes on from.
    ///   - everyStep: whether each step leaves a line.
    ///   - body: runs the stage, telling the display how it goes.
    ///   - show: reports what came of it.
    func drive<Result>(
        from first: Int, everyStep: Bool = false, _ body: (ProgressDisplay) throws -> RunOutcome<Result>,
        show: (Result) throws -> Void
    ) throws {
        if first > 0 { note("\(folder.path): going on from step \(first)") }
        let display = ProgressDisplay(isQuiet: quiet, everyStep: everyStep)
        let outcome = try body(display)
        display.finish()
        switch outcome {
        case .finishedBefore: note("\(folder.path): this run is finished; its model is in the folder model")
        case .interrupted(let step, let signal):
            note("stopped at step \(step); the same command goes on from there (\(folder.path))")
            throw ExitCode(128 + signal)
        case .finished(let result):
            try show(result)
            note("\(folder.path): finished; the model is in the folder model")
        }
    }
}
