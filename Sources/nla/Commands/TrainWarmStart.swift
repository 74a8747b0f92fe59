import ArgumentParser
import Foundation
import JSON
import Runs
import WarmStart

struct TrainVerbalizer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "av",
        abstract: "Warm-start a verbalizer: teach a copy of the target to write the teacher's explanations.",
        discussion: """
            The verbalizer lies in the folder model of the run. With --shuffle-activations it learns from explanations of other \
            activations: by how much its loss stays higher is what the activation tells.

            Options, each also a line of a run file (name: value, with underscores):
            \(WarmStartOptions<VerbalizerStage>.help)
            """)

    @OptionGroup var arguments: TrainArguments<WarmStartOptions<VerbalizerStage>>

    func run() throws {
        let run = try WarmStartRun(arguments.options(), in: arguments.folder)
        try arguments.drive(
            from: run.firstStep, { try run.run(interruption: .onSignals(), progress: $0.show) },
            show: arguments.showMetrics)
    }
}

struct TrainReconstructor: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ar",
        abstract:
            "Warm-start a reconstructor: teach the target's first blocks to rebuild activations from explanations.",
        discussion: """
            The reconstructor lies in the folder model of the run.

            Options, each also a line of a run file (name: value, with underscores):
            \(WarmStartOptions<ReconstructorStage>.help)
            """)

    @OptionGroup var arguments: TrainArguments<WarmStartOptions<ReconstructorStage>>

    func run() throws {
        let run = try WarmStartRun(arguments.options(), in: arguments.folder)
        try arguments.drive(
            from: run.firstStep, { try run.run(interruption: .onSignals(), progress: $0.show) },
            show: arguments.showMetrics)
    }
}

extension TrainArguments {
    func showMetrics(_ metrics: Metrics) throws {
        if json { try Output.line(metrics.json.serialized()) }
    }
}
