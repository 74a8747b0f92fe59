import Activations
import ArgumentParser
import Autoencoder
import Claims
import Evaluation
import Foundation
import JSON
import JointTraining
import LanguageModel
import Teaching
import Tensors
import Tokenization

struct Eval: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval",
        abstract:
            "What pairs are worth on held-out activations: variance explained with its controls, and the truth of claims.",
        discussion: """
            The fraction of variance explained stands beside what the reconstructor makes of the explanation's sentences in another \
            order, of another row's explanation, of nothing, and of the teacher's text. Where documents carry facts, claims are \
            read back from the explanations and compared with them; probes say what a linear reader finds in the same vectors.

            Beside the pair stand lookup tables, which have no words: the mean direction of the activations at the same tokens, fitted to \
            other splits (--table-splits), with least squares from the tokens' embeddings where the target is here. An explanation is worth \
            what it adds to these. One in ten: how often the reconstruction is nearer to its own activation, or to the mean of its \
            passage's other activations, than to those of nine other documents of the same kind.

            With several --nla all explain the same rows, and stand in one table with their differences to the first. Every number \
            has a 95% interval over documents, by drawing them anew. KL is that of each pair's own explanations to the first pair's \
            verbalizer, per token: of samples with --temperature 1, else along the most probable explanation. \
            Steps of one run are compared by their checkpoints: runs/rl/checkpoints/step-000400 (nla train rl --keep-every 100 \
            keeps them).
            """)

    @OptionGroup var pairs: PairList

    @Option(help: ArgumentHelp("The activation store.", valueName: "dir"))
    var store: String

    @Option(help: ArgumentHelp("Split of the store that nothing was trained on.", valueName: "name"))
    var split = "held-out"

    @Option(help: ArgumentHelp("Probes, for what the vectors hold.", valueName: "dir"))
    var probes: String?

    @Option(help: ArgumentHelp("The teacher's explanations of the split.", valueName: "file.jsonl"))
    var explanations: String?

    @Option(
        help: ArgumentHelp(
            "The target, for the tables of its next token and least squares; by default the first pair's folder target.",
            valueName: "dir"))
    var target: String?

    @Option(
        help: ArgumentHelp("What nla data continue wrote, in place of running the target.", valueName: "file.jsonl"))
    var continuations: String?

    @Option(help: ArgumentHelp("Rows that tables are fitted to; 0 leaves them out.", valueName: "n"))
    var tableRows = 20_000

    @Option(
        help: ArgumentHelp(
            "Splits that tables are fitted to, with commas between; by default all but the evaluated one, held-out and validation.",
            valueName: "names"))
    var tableSplits: String?

    @Option(help: ArgumentHelp("A reconstructor that never met the verbalizer.", valueName: "dir"))
    var secondReader: String?

    @Option(
        help: ArgumentHelp(
            "Write the first pair's explanations with their texts, for other judges.", valueName: "file.jsonl"))
    var writeExplanations: String?

    @Option(help: "How claims are said: tiny-world, or plain.")
    var grammar = GrammarName.standard

    @Option(help: ArgumentHelp("Rows to explain, spread over the split.", valueName: "n"))
    var rows = 4000

    @Option(help: ArgumentHelp("Temperature; 0 always takes the most probable token.", valueName: "x"))
    var temperature: Float = 0

    @Option(help: ArgumentHelp("Tokens of an explanation at most.", valueName: "n"))
    var maxTokens = 120

    @Option(help: "Arithmetic: f32 or bf16; by default f32 for float32 weights, else what this CPU multiplies faster.")
    var dtype: Dtype?

    @Option(help: ArgumentHelp("Times that documents are drawn for the intervals.", valueName: "n"))
    var resamples = 1000

    @Flag(help: "Write CSV to standard output: a line for each pair and measure.")
    var csv = false

    @Option(help: ArgumentHelp("Also write a page with every measure and its interval drawn.", valueName: "file.html"))
    var report: String?

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if csv && shared.json { throw ValidationError("Give only one of --csv and --json.") }
        if !(1...100_000).contains(resamples) { throw ValidationError("--resamples must be between 1 and 100000.") }
        if !(0...100_000_000).contains(tableRows) {
            throw ValidationError("--table-rows must be between 0 and 100000000.")
        }
        if rows < 1 { throw ValidationError("--rows must be at least 1.") }
        if !temperature.isFinite || temperature < 0 { throw ValidationError("--temperature must not be negative.") }
        if !(1...100_000).contains(maxTokens) { throw ValidationError("--max-tokens must be between 1 and 100000.") }
    }

    func run() throws {
        shared.apply()
        for file in [report, writeExplanations].compactMap({ $0 }) {
            try AtomicFile.checkWritable(URL(fileURLWithPath: file))
        }
        let store = try ActivationStore(folder: DataLocation.folder(store))
        var options = PairEvaluation.Options()
        options.rows = rows
        options.temperature = temperature
        options.maximumTokens = maxTokens
        options.seed = shared.seed
        let probes = try probes.map { try TeacherProbes(folder: DataLocation.folder($0), matching: store) }
        try probes?.check(unfitted: [split])
        let candidates = try pairs.candidates()
        let second = try secondReader.map {
            try Reconstructor(folder: ModelLocation.resolve($0), precision: Dtype.asked(dtype))
        }
        if let second { try store.check(second.sidecar, named: secondReader ?? "") }
        let comparison = try PairComparison(
            candidates, store, split: split, grammar: grammar.grammar,
            probes: probes,
            taught: try explanations.map {
                try TaughtRows(store, split: split, JSONLTeacher(DataLocation.files($0)))
            }, options, resamples: resamples, precision: try Dtype.asked(dtype),
            storage: pairs.opening.storage,
            tables: try tables(candidates[0].folder, store), secondReader: second,
            open: { try pairs.open($0, $1, shared) }
        ) { if pairs.nla.count > 1 { shared.note("\($0) …") } }
        if csv {
            try Output.write(comparison.csv)
        } else {
            try shared.json ? Output.line(comparison.json.serialized()) : Output.write(comparison.table)
        }
        if let report {
            try comparison.writePage(to: URL(fileURLWithPath: report))
            shared.note("\(report): the comparison on a page")
        }
        if let writeExplanations {
            try comparison.writeExplanations(store, to: URL(fileURLWithPath: writeExplanations))
            shared.note("\(writeExplanations): the explanations of \(comparison.results[0].candidate.name)")
        }
    }

    /// Tables fitted to the store's other splits; nil where there are none to fit, which is said.
    private func tables(_ pair: URL, _ store: ActivationStore) throws -> LookupTables? {
        guard tableRows > 0 else { return nil }
        let asked = tableSplits?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        if asked?.contains(split) == true {
            throw ModelError("--table-splits: \(split) is evaluated; tables must be fitted to other documents")
        }
        let splits = asked ?? store.splits.filter { ![split, "held-out", "validation"].contains($0) }
        guard !splits.isEmpty else {
            shared.note("no lookup tables beside the pair: the store has no split that they could be fitted to")
            return nil
        }
        let start = try Pair.start(ofCheckpoint: pair) ?? pair, own = Pair.folders(start).target
        let folder =
            try target.map { try ModelLocation.resolve($0) }
            ?? (FileManager.default.fileExists(atPath: own.path) ? own : nil)
        let model = try folder.map { try Checkpoint(folder: $0) }
        if let model, try TargetHash.compute(model) != store.manifest.settings.targetHash {
            throw ModelError(
                "\(model.folder.path): is not the model whose activations \(store.folder.path) holds; give it with --target"
            )
        }
        var next = NextTokens.unknown
        if let continuations {
            next = .continuations(try Continuations(DataLocation.file(continuations), matching: store))
        } else if let model {
            next = .target(try TransformerDecoder(model), try Dtype.resolve(dtype, model))
        } else {
            shared.note("tables without the target's next token: no --target, and \(own.path) is not there")
        }
        var settings = LookupTables.Options()
        settings.rows = tableRows
        shared.note("fitting lookup tables to \(splits.joined(separator: ", ")) …")
        // Of two halves that were named apart the verbalizer's folder stands for the pair.
        let tokenizer = try Tokenizer(folder: folder ?? (pairs.ar == nil ? Pair.folders(start).verbalizer : pair))
        return try LookupTables(
            store, splits: splits, RowTokenReader(store, tokenizer, next: next),
            embedding: try model.map { try TransformerDecoder($0, blockCount: 0).embedding.value }, settings)
    }
}
