import ArgumentParser
import RedTeam
import Runs

struct RedTeamHide: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hide",
        abstract: "Fine-tune a copy of the target to hide a fact from a frozen pair, and see what still reads it.",
        discussion: """
            The copy goes on predicting texts of the tiny world, while pressure on its activations makes the pair read another value. \
            Beside it stand the original, and a copy fine-tuned as long without pressure. The folder holds cases.jsonl, result.json \
            and report.html; the same command goes on with the targets that are missing.

            Options, each also a line of a run file (name: value, with underscores):
            \(HideOptions.help)
            """)

    @Option(help: ArgumentHelp("A pair that reads the same activations; several.", valueName: "name=dir"))
    var reader: [String] = []

    @OptionGroup var arguments: TrainArguments<HideOptions>

    func run() throws {
        var options = try arguments.options()
        options.readers += reader
        let experiment = try HideExperiment(options, in: arguments.folder)
        try arguments.report { try experiment.run(interruption: $0, progress: $1) }
    }
}
