import ArgumentParser
import Evaluation
import Foundation
import JSON
import Runs
import TinyWorldTraining

struct TrainPair: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pair",
        abstract: "The whole way on TinyWorld: a tiny target, its verbalizer and its reconstructor, from nothing.",
        discussion: """
            Vocabulary, target, activations, probes, teacher, reconstructor, verbalizer, evaluation: each leaves its files in the \
            output folder, and the same command goes on where it was stopped. The pair lies in the folder pair, for nla explain \
            --nla; report.md says what they are worth.

            Options of a stage are named behind it: --target.steps 200, --av.learning-rate 1e-3, --ar.rows-per-step 32; in a run \
            file also as av: {steps: 200}. They come before what the stage's run file says; nla train target, av and ar list them.

            Options, each also a line of a run file (name: value, with underscores):
            \(PairOptions.help)
            """)

    @OptionGroup var arguments: TrainArguments<PairOptions>

    func run() throws {
        let display = ProgressDisplay(isQuiet: arguments.quiet)
        let recipe = try PairRecipe(
            arguments.options(), in: arguments.folder, interruption: .onSignals(),
            progress: { display.show($1, stage: $0) }
        ) { line in
            display.finish()
            arguments.note(line)
        }
        do {
            guard let evaluation = try recipe.run() else {
                display.finish()
                return arguments.note("\(arguments.folder.path): stopped behind the stage asked for")
            }
            try arguments.json
                ? Output.line(evaluation.json.serialized()) : Output.write(evaluation.table)
        } catch let stop as PairRecipe.Interrupted {
            display.finish()
            let step = stop.step.map { " at step \($0)" } ?? ""
            arguments.note("stopped in the stage \(stop.stage)\(step); the same command goes on from there")
            throw ExitCode(128 + stop.signal)
        }
    }
}
