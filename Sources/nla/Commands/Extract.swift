import Activations
import ArgumentParser
import Autoencoder
import Foundation
import JSON
import LanguageModel
import Parquet
import Tensors
import Tokenization

struct Extract: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read residual-stream vectors out of a model.",
        discussion: """
            Writes a safetensors file with ids [T] and activations [T, d] in float32, the residual stream at the output of block K (hook_resid_post) \
            (0-based), two thirds deep by default. With --layer all: hidden.K for every block. With --logits: logits [T, V]. \
            With --positions: only those rows, and a tensor positions [n]. With --documents, one JSON object with "text" or \
            "ids" per line: the rows of all documents in order, and document_offsets [documents + 1]. Beside activations of one \
            block stands FILE.nla_meta.yaml, by which other commands tell what they are of.
            """)

    @Option(help: ArgumentHelp("Model folder or GGUF file, or org/name or org/name:FILE on the hub.", valueName: "dir"))
    var model: String

    @OptionGroup var input: TextInput

    @Option(parsing: .unconditional, help: ArgumentHelp("Token ids, separated by commas.", valueName: "5,7,9"))
    var ids: String?

    @Option(help: ArgumentHelp("A file of documents, JSON Lines or Parquet.", valueName: "file"))
    var documents: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Block to read behind, or all; two thirds deep by default.", valueName: "k"))
    var layer: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("Positions to read, negative from the end.", valueName: "3,-1"))
    var positions: String?

    @Flag(help: "Write logits too.")
    var logits = false

    @Option(help: "Arithmetic: f32 or bf16; by default f32 for float32 weights, else what this CPU multiplies faster.")
    var dtype: Dtype?

    @Option(help: ArgumentHelp("A PEFT folder with low-rank adapters to apply.", valueName: "dir"))
    var adapter: String?

    @Option(help: ArgumentHelp("Take the tokenizer of this folder instead of the model's.", valueName: "dir"))
    var tokenizer: String?

    @Option(help: ArgumentHelp("File to write.", valueName: "file.safetensors"))
    var output: String

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        guard input.count + [ids, documents].compactMap({ $0 }).count == 1 else {
            throw ValidationError("Give exactly one of --text, --file, --messages, --ids and --documents.")
        }
        try input.checkChatFormat(of: documents)
    }

    func run() throws {
        shared.apply()
        try AtomicFile.checkWritable(URL(fileURLWithPath: output))
        let folder = try ModelLocation.resolve(model)
        let source = try modelSource(folder, adapter: adapter, tokenizer: tokenizer)
        let checkpoint = source.checkpoint
        checkpoint.quantizationRemarks.forEach { shared.note("note: \($0)") }
        let documents = try documentIDs(source.tokenizerFolder)
        let request = ActivationExtractor.Request(
            layers: try chosenLayers(checkpoint.configuration),
            positions: try positions.map { try integers($0, "--positions") },
            logits: logits)
        let decoder = try source.decoder(hasOutput: logits)
        let extractor = ActivationExtractor(checkpoint, decoder, precision: try Dtype.resolve(dtype, checkpoint))
        let clock = ContinuousClock()
        let start = clock.now
        let result = try extractor.extract(documents, request)
        let time = clock.now - start
        try write(result, documents, request, checkpoint)
        let tokens = documents.reduce(0) { $0 + $1.count }
        if shared.json {
            try Output.line(
                ([
                    "output": .string(output), "layers": .array(request.layers.map { .integer($0) }),
                    "tokens": .integer(tokens),
                    "rows": .integer(result.positions.count), "documents": .integer(documents.count),
                ] as JSONValue).serialized())
        }
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
        shared.note(
            "\(output): \(result.positions.count) rows of \(tokens) tokens, "
                + String(format: "%.0f tokens/s", Double(tokens) / max(seconds, 1e-9)))
    }

    private func chosenLayers(_ configuration: DecoderConfiguration) throws -> [Int] {
        guard let layer else { return [configuration.defaultLayer] }
        if layer == "all" { return Array(0..<configuration.blockCount) }
        guard let index = Int(layer), (0..<configuration.blockCount).contains(index) else {
            throw ModelError("--layer \(layer): the model has blocks 0...\(configuration.blockCount - 1); or give all")
        }
        return [index]
    }

    private func tokenID(_ number: Int, _ place: String) throws -> Int32 {
        guard let id = Int32(exactly: number) else {
            throw ModelError("\(place): id \(number) is outside every vocabulary")
        }
        return id
    }

    private func documentIDs(_ folder: URL) throws -> [[Int32]] {
        if let ids { return [try integers(ids, "--ids").map { try tokenID($0, "--ids") }] }
        guard let documents else { return [try input.encode(Tokenizer(folder: folder), folder, note: shared.note).ids] }
        var opened: (tokenizer: Tokenizer, chats: ChatRendering)?
        func texts() throws -> (tokenizer: Tokenizer, chats: ChatRendering) {
            if let opened { return opened }
            let tokenizer = try Tokenizer(folder: folder)
            let new = (tokenizer: tokenizer, chats: ChatRendering(tokenizer, format: input.chatFormat))
            opened = new
            return new
        }
        var all: [[Int32]] = []
        try RecordReader.read(
            DataLocation.files(documents), fields: ["ids", "text"] + ChatFormat.fields,
            contents: { Data(try readText($0.relativePath).utf8) },
            failure: { ModelError($0) }
        ) { line in
            let (json, place) = (line.json, line.place)
            if let list = json["ids"]?.array {
                all.append(
                    try list.map { value in
                        guard let number = value.int else { throw ModelError("\(place): ids must be whole numbers") }
                        return try tokenID(number, place)
                    })
            } else if let text = json["text"]?.string ?? json.string {
                all.append(try texts().tokenizer.encode(text, addSpecialTokens: !input.noSpecialTokens))
            } else if input.chatFormat != nil || ChatFormat.detect(json, wanted: nil) != nil,
                let text = try texts().chats.record(json, place: place)["text"]?.string
            {
                // What a template writes at its beginning was taken off, to be added again.
                all.append(try texts().tokenizer.encode(text))
            } else {
                throw ModelError("\(place): an object with \"text\", \"ids\" or a conversation is needed")
            }
        }
        guard !all.isEmpty else { throw ModelError("\(documents): no documents in it") }
        if let format = opened?.chats.format { shared.note("documents: \(format.summary)") }
        return all
    }

    private func write(
        _ result: ActivationExtractor.Result, _ documents: [[Int32]], _ request: ActivationExtractor.Request,
        _ checkpoint: Checkpoint
    ) throws {
        let ids = documents.flatMap { $0.map(Int.init) }
        var tensors: [(name: String, tensor: Tensor)] = [("ids", Tensor(integers: ids, shape: [ids.count]))]
        for block in request.layers {
            if let hidden = result.hidden[block] {
                tensors.append((layer == "all" ? "hidden.\(block)" : "activations", hidden))
            }
        }
        if let logits = result.logits { tensors.append(("logits", logits)) }
        if request.positions != nil {
            tensors.append(("positions", Tensor(integers: result.positions, shape: [result.positions.count])))
        }
        if self.documents != nil {
            tensors.append(("document_offsets", Tensor(integers: result.offsets, shape: [result.offsets.count])))
        }
        let file = URL(fileURLWithPath: output)
        let sidecar =
            layer == "all"
            ? nil
            : Sidecar.dataSet(
                width: checkpoint.configuration.hiddenSize, layer: request.layers[0], storage: checkpoint.storage)
        try Sidecar.write(sidecar, beside: file) {
            try SafetensorsFile.write(
                tensors, metadata: ["layer": layer == "all" ? "all" : "\(request.layers[0])", "model": model], to: file)
        }
    }
}
