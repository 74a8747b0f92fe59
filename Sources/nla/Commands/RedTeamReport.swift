import ArgumentParser
import Foundation
import RedTeam

struct RedTeamReport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Gather the pages of several experiments into one.")

    @Argument(help: ArgumentHelp("Folders of experiments, or pages of nla verify and nla eval.", valueName: "folder"))
    var folders: [String]

    @Option(help: ArgumentHelp("Where to write the page.", valueName: "file.html"))
    var output = "redteam.html"

    func run() throws {
        let file = URL(fileURLWithPath: output)
        try GatheredReport(folders.map { URL(fileURLWithPath: $0) }).write(to: file)
        try Output.line(file.path)
    }
}
