import ArgumentParser
import Foundation
import JSON
import Runs
import TargetTraining

struct TrainTarget: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "target",
        abstract: "Train a small language model from the beginning, for autoencoders to read.",
        discussion: """
            The model is a Qwen2 in bfloat16; it lies in the folder model of the run, with its tokenizer. Beside it, \
            evaluation.json says how well it predicts held-out documents, and how often it says the right words where a fact \
            decides them.

            Options, each also a line of a run file (name: value, with underscores):
            \(TargetOptions.help)
            """)

    @OptionGroup var arguments: TrainArguments<TargetOptions>

    func run() throws {
        let options = try arguments.options()
        let run = try TargetRun(options, in: arguments.folder)
        try arguments.drive(from: run.firstStep) {
            try run.run(interruption: .onSignals(), progress: $0.show)
        } show: { evaluation in
            arguments.note(evaluation.table)
            if arguments.json { try Output.line(evaluation.json.serialized()) }
        }
    }
}
