import Activations
import ArgumentParser
import Autoencoder
import Foundation
import JSON
import LanguageModel
import Runs
import Teaching
import Tensors

struct DataExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write an activation store as Parquet, in the layout of the reference code.",
        discussion: """
            A row for each activation: doc_id, token_position, n_raw_tokens, text, activation_vector, and what only stores know. \
            Beside the file stands FILE.nla_meta.yaml. nla data import makes the same store of it again.
            """)

    @Option(help: ArgumentHelp("The activation store.", valueName: "dir"))
    var store: String

    @Option(help: ArgumentHelp("Explanations of its rows, for the column api_explanation.", valueName: "file"))
    var explanations: String?

    @Option(help: ArgumentHelp("What people call the target, for the sidecar.", valueName: "org/name"))
    var baseModel: String?

    @Option(help: ArgumentHelp("File to write.", valueName: "file.parquet"))
    var output: String

    @OptionGroup var shared: SharedOptions

    func run() throws {
        shared.apply()
        let file = URL(fileURLWithPath: output)
        try AtomicFile.checkWritable(file)
        let store = try ActivationStore(folder: DataLocation.folder(store))
        let teacher = try explanations.map { try JSONLTeacher(DataLocation.files($0)) }
        if let teacher { try store.check(teacher) }
        try store.writeParquet(to: file, explanations: teacher, baseModel: baseModel)
        if shared.json {
            try Output.line(
                (["output": .string(output), "rows": .integer(store.rowCount), "d_model": .integer(store.hiddenSize)]
                    as JSONValue)
                    .serialized())
        }
        shared.note("\(output): \(store.rowCount) rows of \(store.documents.count) documents")
    }
}
