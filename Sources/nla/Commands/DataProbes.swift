import Activations
import ArgumentParser
import Foundation
import JSON
import LanguageModel
import Teaching

struct DataProbes: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probes",
        abstract: "Fit linear probes to a store's activations and report what they read.",
        discussion: """
            One probe for every question that the documents answer, and one for each of the last words. The report is on \
            documents that were not fitted: a tenth of the split, or --evaluate's.

            With --cross-fit there are two sets of probes, each fitted to one half of the documents, and every document is read by \
            the set that has not met it: for nla data explain on the same documents, where there are none to spare for probes. The \
            report is then on all of them.
            """)

    @Option(help: ArgumentHelp("The activation store.", valueName: "dir"))
    var store: String

    @Option(help: ArgumentHelp("The split to fit.", valueName: "name"))
    var split: String

    @Option(help: ArgumentHelp("The split to report on.", valueName: "name"))
    var evaluate: String?

    @Flag(help: "Fit two sets, each to one half of the documents, to be asked about the other half.")
    var crossFit = false

    @Option(help: ArgumentHelp("Most passes over the rows.", valueName: "n"))
    var epochs = 8

    @Option(help: ArgumentHelp("Folder to write; must not exist, or be empty.", valueName: "dir"))
    var output: String

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if !(1...10_000).contains(epochs) { throw ValidationError("--epochs must be between 1 and 10000.") }
    }

    func run() throws {
        shared.apply()
        let folder = URL(fileURLWithPath: output)
        try ProbeSet.checkWritable(folder)
        let store = try ActivationStore(folder: DataLocation.folder(store))
        let rows = try store.rows(ofSplit: split)
        var options = ProbeOptions()
        options.epochs = epochs
        options.seed = shared.seed
        let probes: TeacherProbes
        if crossFit {
            let both = try CrossFitProbes.train(store, rows: rows, options) { note($1, "half \($0 + 1) of 2, ") }
            try both.save(to: folder)
            probes = .crossFit(both)
        } else {
            let set = try ProbeSet.train(store, rows: rows, options) { note($0) }
            try set.save(to: folder)
            probes = .apart(set)
        }
        let unfitted = crossFit ? rows : ProbeSet.heldBackRows(store, rows: rows, options)
        let report = ProbeReport(probes, store, rows: try evaluate.map { try store.rows(ofSplit: $0) } ?? unfitted)
        try shared.json ? Output.line(report.json.serialized()) : Output.write(report.table)
    }

    private func note(_ progress: ProbeSet.Progress, _ part: String = "") {
        shared.note(
            part + String(format: "pass %ld: %.4f nats on documents held back", progress.epoch, progress.loss))
    }
}
