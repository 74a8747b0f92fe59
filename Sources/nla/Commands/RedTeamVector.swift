import ArgumentParser
import RedTeam
import Runs

struct RedTeamVector: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vector",
        abstract: "Look for vectors that keep the target's predictions and make the pair's words wrong.",
        discussion: """
            At tokens where the pair says a true fact that is about to matter, vectors beside the activation are sought that make \
            the verbalizer drop the claim, or say a false one, while no prediction moves by more than the budget. Beside them stand \
            a random vector as far away and the activation itself; then what would notice: reconstruction, distance, probes, \
            other readers. The folder holds cases.jsonl, result.json and report.html; the same command goes on where it was stopped.

            Options, each also a line of a run file (name: value, with underscores):
            \(VectorAttackOptions.help)
            """)

    @Option(help: ArgumentHelp("A pair that reads the same activations; several.", valueName: "name=dir"))
    var reader: [String] = []

    @OptionGroup var arguments: TrainArguments<VectorAttackOptions>

    func run() throws {
        var options = try arguments.options()
        options.readers += reader
        let experiment = try VectorExperiment(options, in: arguments.folder)
        try arguments.report { try experiment.run(interruption: $0, progress: $1) }
    }
}
