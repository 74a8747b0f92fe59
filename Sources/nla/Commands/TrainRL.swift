import ArgumentParser
import Foundation
import JSON
import JointTraining
import Runs

struct TrainRL: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rl",
        abstract:
            "Train verbalizer and reconstructor jointly: words are paid for by how well the vector is rebuilt from them.",
        discussion: """
            Each step draws a group of explanations for every activation, pays each by the reconstruction from it, moves the \
            verbalizer towards the better ones of each group (and back towards the warm start, by beta), and the reconstructor \
            towards the vectors. samples.jsonl keeps some explanations at every evaluation, report.html shows the run on a page. \
            What begins to go wrong is said with the option that answers it. The pair lies in the folder model of the run, for \
            nla explain --nla.

            Options, each also a line of a run file (name: value, with underscores):
            \(JointOptions.help)
            """)

    @OptionGroup var arguments: TrainArguments<JointOptions>

    func run() throws {
        let run = try JointRun(arguments.options(), in: arguments.folder)
        try arguments.drive(from: run.firstStep, everyStep: true) { display in
            try run.run(interruption: .onSignals(), progress: display.show) { display.note("warning: \($0.line)") }
        } show: {
            try arguments.showMetrics($0)
            arguments.note("\(arguments.folder.appending(path: RunReport.fileName).path): the run on a page")
        }
    }
}
