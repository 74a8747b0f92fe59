import ArgumentParser
import Foundation
import JSON
import RedTeam
import Runs

/// Attacks on the method, and what still sees through them.
struct RedTeamCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redteam",
        abstract: "Try to deceive a pair, and see what notices.",
        subcommands: [RedTeamVector.self, RedTeamHide.self, RedTeamRace.self, RedTeamFrontier.self, RedTeamReport.self])
}

extension TrainArguments {
    /// Runs an experiment with its progress on standard error, and writes what came of it to standard output.
    func report(
        _ experiment: (_ interruption: Interruption, _ progress: @escaping (String) -> Void) throws ->
            (any ExperimentResult)?
    ) throws {
        let interruption = Interruption.onSignals()
        guard let result = try experiment(interruption, { note($0) }) else {
            note("stopped; the same command goes on from there (\(folder.path))")
            throw ExitCode(128 + (interruption.signal ?? SIGINT))
        }
        try json ? Output.line(result.json.serialized()) : Output.write(result.table)
        note("\(folder.appending(path: "report.html").path): the experiment on a page")
    }
}
