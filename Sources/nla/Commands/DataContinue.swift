import Activations
import ArgumentParser
import Autoencoder
import Foundation
import JSON
import LanguageModel
import Teaching
import Tensors
import Tokenization

struct DataContinue: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "continue",
        abstract: "Let a target write on behind each of a store's activations.",
        discussion: """
            The most probable tokens, one after the other, with their log-probabilities: what nla data explain --extractive says, and \
            what nla eval takes the target's next token from. A line {"id", "text", "ids", "log_probabilities", "ends_text"} for each row.

            What is done is kept in OUTPUT.parts: after an interruption the same command goes on.
            """)

    @Option(
        help: ArgumentHelp(
            "The store's target: a folder or GGUF file, or org/name or org/name:FILE on the hub.", valueName: "dir"))
    var model: String

    @Option(help: ArgumentHelp("The activation store.", valueName: "dir"))
    var store: String

    @Option(help: ArgumentHelp("Splits to continue, with commas between; all by default.", valueName: "names"))
    var splits: String?

    @Option(help: ArgumentHelp("Tokens of a continuation at most.", valueName: "n"))
    var tokens = 6

    @Option(help: "Arithmetic: f32 or bf16; by default f32 for float32 weights, else what this CPU multiplies faster.")
    var dtype: Dtype?

    @Option(help: ArgumentHelp("File to write, JSON Lines.", valueName: "file.jsonl"))
    var output: String

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if !(1...256).contains(tokens) { throw ValidationError("--tokens must be between 1 and 256.") }
    }

    func run() throws {
        shared.apply()
        let target = URL(fileURLWithPath: output)
        try AtomicFile.checkWritable(target)
        let folder = try ModelLocation.resolve(model)
        let checkpoint = try Checkpoint(folder: folder), tokenizer = try Tokenizer(folder: folder)
        let store = try ActivationStore(
            folder: DataLocation.folder(store), target: TargetHash.compute(checkpoint), verifying: false)
        let names = splits.map { $0.split(separator: ",").map(String.init) } ?? store.splits
        let rows = try names.flatMap { try store.rows(ofSplit: $0) }.sorted()
        let writer = ContinuationWriter(
            try TransformerDecoder(checkpoint), tokenizer,
            stopTokens: try TextGenerator.stopTokens(folder: folder, tokenizer: tokenizer),
            precision: try Dtype.resolve(dtype, checkpoint), tokens: tokens)
        try Continuations.write(writer, store, rows: rows, to: target) { shared.note("\($0) of \(rows.count) rows") }
        if shared.json {
            try Output.line((["output": .string(output), "rows": .integer(rows.count)] as JSONValue).serialized())
        } else {
            try Output.line("\(output): \(rows.count) continuations")
        }
    }
}
