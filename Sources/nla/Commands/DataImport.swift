import Activations
import ArgumentParser
import Autoencoder
import Foundation
import JSON
import LanguageModel
import Runs
import Teaching
import Tensors

struct DataImport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Make an activation store of a Parquet file in the layout of the reference code.",
        discussion: """
            A file that nla data export wrote needs nothing else. Of one made elsewhere the block comes from its sidecar, \
            FILE.nla_meta.yaml; --target names the model that its activations are of, --split the split that its rows belong to.
            """)

    @Argument(help: ArgumentHelp("The data set.", valueName: "file.parquet"))
    var file: String

    @Option(help: ArgumentHelp("The model that the activations are of.", valueName: "dir"))
    var target: String?

    @Option(help: ArgumentHelp("A PEFT folder over the target, or org/name.", valueName: "dir"))
    var adapter: String?

    @Option(help: ArgumentHelp("The split that all rows belong to.", valueName: "name"))
    var split: String?

    @Option(help: ArgumentHelp("Where the explanations in the file go, if it has some.", valueName: "file.jsonl"))
    var explanations: String?

    @Option(help: ArgumentHelp("Folder to write.", valueName: "dir"))
    var output: String

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if adapter != nil && target == nil { throw ValidationError("--adapter goes with --target.") }
    }

    func run() throws {
        shared.apply()
        let source = try ActivationImport(DataLocation.vectors(file))
        let target = try target.map { name in
            let model = try modelSource(ModelLocation.resolve(name), adapter: adapter, tokenizer: nil)
            return (
                model: try TargetHash.compute(model), tokenizer: try ContentHash.tokenizer(model.tokenizerFolder)
            )
        }
        let report = try source.write(to: URL(fileURLWithPath: output), target: target, split: split)
        for line in report.inferences { shared.note(line) }
        if report.repeated > 0 {
            shared.note(
                "\(report.repeated) documents stand in several places of the file; each place is a document, named NAME~2, NAME~3, …"
            )
        }
        if let explanations {
            guard !report.explanations.isEmpty else {
                throw ModelError("\(file): has no explanations; leave --explanations out")
            }
            let store = try ActivationStore(folder: URL(fileURLWithPath: output))
            try store.writeExplanations(report.explanations, to: URL(fileURLWithPath: explanations))
        }
        if shared.json {
            try Output.line(
                (["output": .string(output), "rows": .integer(report.rows), "documents": .integer(report.documents)]
                    as JSONValue)
                    .serialized())
        }
        shared.note("\(output): \(report.rows) rows of \(report.documents) documents")
    }
}
