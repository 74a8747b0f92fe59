import ArgumentParser
import RedTeam
import Runs

struct RedTeamFrontier: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "frontier",
        abstract: "Train targets to be read, more and less, and see what it costs them.",
        discussion: """
            Each arm is a training as nla train readable does it, from the same pair; see its help for what an arm can set. Their loss, \
            what putting an activation into words costs them, and the truth of what their readers say stand beside those of the \
            original. The folder holds cases.jsonl, result.json, report.html, and in runs each target with its readers; the same command \
            goes on where it was stopped.

            Options, each also a line of a run file (name: value, with underscores):
            \(FrontierOptions.help)
            """)

    @OptionGroup var arguments: TrainArguments<FrontierOptions>

    func run() throws {
        let experiment = try FrontierExperiment(arguments.options(), in: arguments.folder)
        try arguments.report { try experiment.run(interruption: $0, progress: $1) }
    }
}
