import ArgumentParser
import Foundation
import JSON
import RedTeam
import Training

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
        let interruption = Interruption.onSignals()
        guard let result = try experiment.run(interruption: interruption, progress: { arguments.note("\($0) …") })
        else {
            arguments.note("stopped; the same command goes on from there (\(arguments.folder.path))")
            throw ExitCode(128 + (interruption.signal ?? SIGINT))
        }
        try arguments.json ? Output.line(result.json.serialized()) : Output.write(result.table)
        arguments.note("\(arguments.folder.appending(path: "report.html").path): the experiment on a page")
    }
}
