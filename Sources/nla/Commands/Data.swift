import ArgumentParser

/// The commands that make data to train with.
struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Make data to train with.",
        subcommands: [DataTeach.self])
}
