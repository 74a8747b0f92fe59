import ArgumentParser
import Foundation
import ReadableTargets
import Runs

struct TrainReadable: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "readable",
        abstract: "Train a target to be read: what its readers cannot say costs it predictions.",
        discussion: """
            Each step reads documents. In some of them one activation at the output of block K gives its place to what the reconstructor \
            rebuilds from the verbalizer's words for it, and the language loss goes on through it. Target, verbalizer and \
            reconstructor learn together. The target that the pair began with stays as it is, for comparison. The new one lies in \
            the folder model of the run with its readers: build a store of its activations (nla data store), and compare with nla \
            eval and nla verify.

            Options, each also a line of a run file (name: value, with underscores):
            \(ReadableOptions.help)
            """)

    @OptionGroup var arguments: TrainArguments<ReadableOptions>

    func run() throws {
        let run = try ReadableRun(arguments.options(), in: arguments.folder)
        try arguments.drive(from: run.firstStep, everyStep: true) { display in
            try run.run(interruption: .onSignals(), progress: display.show)
        } show: {
            try arguments.showMetrics($0)
        }
    }
}
