import ArgumentParser
import Foundation
import JointTraining

struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "A run on one page: what it reached, its curves, its warnings, and explanations beside their first versions.",
        discussion: """
            Makes the page anew from the files of a run folder, of whatever stage, also while the run goes on. The page holds its \
            pictures and needs no network. nla train rl writes it at every evaluation.
            """)

    @Argument(help: ArgumentHelp("The folder of a run.", valueName: "run"))
    var folder: String

    @Option(
        help: ArgumentHelp(
            "Where to write the page; report.html in the run's folder by default.", valueName: "file.html"))
    var output: String?

    func run() throws {
        let run = URL(fileURLWithPath: folder)
        let file = output.map { URL(fileURLWithPath: $0) } ?? run.appending(path: RunReport.fileName)
        try RunReport(run).write(to: file)
        try Output.line(file.path)
    }
}
