import ArgumentParser
import Foundation
import Training

struct TrainPair: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pair",
        abstract: "The whole way on TinyWorld: a tiny target, its verbalizer and its reconstructor, from nothing.",
        discussion: """
            Vocabulary, target, activations, probes, teacher, reconstructor, verbalizer, evaluation: each leaves its files in the \
            output folder, and the same command goes on where it was stopped. The pair lies in the folder pair, for nla explain \
            --nla; report.md says what they are worth.

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
            let evaluation = try recipe.run()
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
