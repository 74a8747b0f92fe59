import ArgumentParser

/// The commands that make what training is fed.
struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Make what training is fed: activations, probes that read them, explanations.",
        subcommands: [
            DataChats.self, DataStore.self, DataContinue.self, DataProbes.self, DataExplain.self, DataTeach.self,
            DataExport.self, DataImport.self,
        ])
}
