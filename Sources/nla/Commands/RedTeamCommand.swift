import ArgumentParser

/// Attacks on the method, and what still sees through them.
struct RedTeamCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redteam",
        abstract: "Try to deceive a pair, and see what notices.",
        subcommands: [RedTeamVector.self, RedTeamHide.self, RedTeamRace.self, RedTeamFrontier.self, RedTeamReport.self])
}
