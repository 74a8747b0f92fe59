import Activations
import ArgumentParser
import Claims
import Foundation
import JSON
import LanguageModel
import Tensors
import Tokenization

struct DataStore: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store",
        abstract: "Read documents' activations out of a model into a store.",
        discussion: """
            The documents are JSON Lines or Parquet: each line or row has "text", and where it is known "id", "kind", "facts" and \
            "moments". Instead of a text it may hold a conversation (messages with role and content, conversations with from and \
            value, a prompt with its response), which the model's chat template writes out; which of them is found and said. Vectors are stored raw, at the output of block K, at random positions and with --moments where a fact is about \
            to matter. With --own-splits each names its split, so that parts of one text can stay together. A run that was stopped continues where it was; more documents may be added later.
            """)

    @Option(help: ArgumentHelp("Model folder or GGUF file, or org/name or org/name:FILE on the hub.", valueName: "dir"))
    var model: String

    @Option(
        help: ArgumentHelp(
            "Documents, JSON Lines or Parquet: a file, a folder or a pattern of files, or a data set on the hub.",
            valueName: "file"))
    var documents: String

    @Option(help: ArgumentHelp("A PEFT folder with low-rank adapters to apply, or org/name.", valueName: "dir"))
    var adapter: String?

    @Option(help: ArgumentHelp("Take the tokenizer of this folder instead of the model's.", valueName: "dir"))
    var tokenizer: String?

    @Option(
        help: "What conversations look like: messages, conversations or pairs; found by the first record by default.")
    var chatFormat: ChatFormat.Kind?

    @Option(help: ArgumentHelp("Block to read behind; two thirds deep by default.", valueName: "k"))
    var layer: Int?

    @Option(help: ArgumentHelp("Random positions of each document.", valueName: "n"))
    var positionsPerDocument = 10

    @Option(help: ArgumentHelp("The first position to read; earlier ones carry little in real models.", valueName: "n"))
    var firstPosition = 50

    @Flag(help: "Read at the documents' moments too.")
    var moments = false

    @Option(help: ArgumentHelp("The split that all documents belong to.", valueName: "name"))
    var split: String?

    @Option(help: ArgumentHelp("Splits with their shares of the documents.", valueName: "av=0.5,ar=0.5"))
    var splits: String?

    @Flag(help: "Take the split that each document names in \"split\".")
    var ownSplits = false

    @Option(help: "Arithmetic: f32 or bf16; by default f32 for float32 weights, else what this CPU multiplies faster.")
    var dtype: Dtype?

    @Flag(help: "Store vectors in bfloat16, in half the space.")
    var storeBf16 = false

    @Option(help: ArgumentHelp("Folder to write, or to continue.", valueName: "dir"))
    var output: String

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if [split != nil, splits != nil, ownSplits].filter({ $0 }).count != 1 {
            throw ValidationError("Give one of --split, --splits and --own-splits.")
        }
        if !(0...1_000_000).contains(positionsPerDocument) || !(0...1_000_000).contains(firstPosition) {
            throw ValidationError("--positions-per-document and --first-position must be between 0 and 1000000.")
        }
    }

    func run() throws {
        shared.apply()
        let shares = try split.map { SplitShares(all: $0) } ?? splits.map { try SplitShares($0) }
        let folder = try ModelLocation.resolve(model)
        let source = try modelSource(folder, adapter: adapter, tokenizer: tokenizer)
        let chats = ChatRendering(try Tokenizer(folder: source.tokenizerFolder), format: chatFormat)
        let files = try DataLocation.files(documents)
        let documents =
            try shares.map { shares in
                try DocumentLines.documents(files, chats: chats).map {
                    StoredDocument($0, split: shares.split(of: $0.id, seed: shared.seed))
                }
            } ?? DocumentLines.splitDocuments(files, chats: chats)
        if let format = chats.format { shared.note("documents: \(format.summary)") }
        let precision = try Dtype.resolve(dtype, source.checkpoint)
        let policy = PositionPolicy(
            perDocument: positionsPerDocument, includeMoments: moments, firstPosition: firstPosition)
        let builder = try ActivationStoreBuilder(
            source, layer: layer, positions: policy, elementType: storeBf16 ? .bfloat16 : .float32, seed: shared.seed,
            .init(precision: precision))
        let manifest = try builder.build(documents, into: URL(fileURLWithPath: output)) {
            shared.note(
                String(
                    format: "%ld documents, %ld rows, %.0f documents/s", $0.documents, $0.rows, $0.documentsPerSecond))
        }
        let counts = manifest.documentsPerSplit.sorted { $0.key < $1.key }
        if shared.json {
            let object = JSONObject(counts.map { ($0.key, JSONValue.integer($0.value)) })
            let result: JSONValue = [
                "output": .string(output), "rows": .integer(manifest.rowCount),
                "documents": .integer(manifest.documentCount), "splits": .object(object),
                "layer": .integer(manifest.settings.layerIndex), "shards": .integer(manifest.shards.count),
            ]
            try Output.line(result.serialized())
        } else {
            let list = counts.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            try Output.line("\(output): \(manifest.rowCount) rows of \(manifest.documentCount) documents (\(list))")
        }
    }
}

extension ChatFormat.Kind: ExpressibleByArgument {}
