import ArgumentParser
import RedTeam
import Runs

struct RedTeamRace: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "race",
        abstract: "Let a target hide and a pair learn what it has become, in turns, and see who still reads it.",
        discussion: """
            In each round a copy of the target is fine-tuned to hide a fact from the pair in the loop, as nla redteam \
            hide does it, and then the pair is trained on with activations of the changed target. A pair that learns \
            the same and is never attacked, the first pair, and linear probes watch. Beside it stands a target that \
            is fine-tuned as long without pressure. The folder holds cases.jsonl, result.json and report.html, and in \
            state what the last round left; the same command goes on with the round that is missing.

            Options, each also a line of a run file (name: value, with underscores):
            \(RaceOptions.help)
            """)

    @Option(help: ArgumentHelp("A pair that reads the same activations; several.", valueName: "name=dir"))
    var reader: [String] = []

    @OptionGroup var arguments: TrainArguments<RaceOptions>

    func run() throws {
        var options = try arguments.options()
        options.hiding.readers += reader
        let experiment = try RaceExperiment(options, in: arguments.folder)
        try arguments.report { try experiment.run(interruption: $0, progress: $1) }
    }
}
