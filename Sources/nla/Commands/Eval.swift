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

struct Eval: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval",
        abstract:
            "What pairs are worth on held-out activations: variance explained with its controls, and the truth of claims.",
        discussion: """
            The fraction of variance explained stands beside what the reconstructor makes of the explanation's sentences in another \
            order, of another row's explanation, of nothing, and of the teacher's text. Where documents carry facts, claims are \
            read back from the explanations and compared with them; probes say what a linear reader finds in the same vectors.

            With several --nla all explain the same rows, and stand in one table with their differences to the first. Every number \
            has a 95% interval over documents, by drawing them anew. KL is that of each pair's own explanations to the first pair's \
            verbalizer, per token: of samples with --temperature 1, else along the most probable explanation. \
            Steps of one run are compared by their checkpoints: runs/rl/checkpoints/step-000400 (nla train rl --keep-every 100 \
            keeps them).
            """)

    @Option(
        help: ArgumentHelp(
            "Folder with av/ and ar/, or a checkpoint of a run, or name=folder; several to compare them with the first.",
            valueName: "dir"))
    var nla: [String]

    @Option(help: ArgumentHelp("The activation store.", valueName: "dir"))
    var store: String

    @Option(help: ArgumentHelp("Split of the store that nothing was trained on.", valueName: "name"))
    var split = "held-out"

    @Option(help: ArgumentHelp("Probes, for what the vectors hold.", valueName: "dir"))
    var probes: String?

    @Option(help: ArgumentHelp("The teacher's explanations of the split.", valueName: "file.jsonl"))
    var explanations: String?

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

    @Flag(
        help:
            "Take activations of a model whose content hash is not the recorded one: that it is the same model stored in another way is your word. Those of a copy by nla quantize need no such flag."
    )
    var anyStorage = false

    @Flag(help: "Write CSV to standard output: a line for each pair and measure.")
    var csv = false

    @Option(help: ArgumentHelp("Also write a page with every measure and its interval drawn.", valueName: "file.html"))
    var report: String?

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if csv && shared.json { throw ValidationError("Give only one of --csv and --json.") }
        if !(1...100_000).contains(resamples) { throw ValidationError("--resamples must be between 1 and 100000.") }
        if rows < 1 { throw ValidationError("--rows must be at least 1.") }
        if !temperature.isFinite || temperature < 0 { throw ValidationError("--temperature must not be negative.") }
        if !(1...100_000).contains(maxTokens) { throw ValidationError("--max-tokens must be between 1 and 100000.") }
    }

    func run() throws {
        shared.apply()
        if let report { try AtomicFile.checkWritable(URL(fileURLWithPath: report)) }
        let store = try ActivationStore(folder: DataLocation.folder(store))
        var options = PairEvaluation.Options()
        options.rows = rows
        options.temperature = temperature
        options.maximumTokens = maxTokens
        options.seed = shared.seed
        let probes = try probes.map { try TeacherProbes(folder: DataLocation.folder($0), matching: store) }
        try probes?.check(unfitted: [split])
        let comparison = try PairComparison(
            PairComparison.Candidate.read(nla), store, split: split, grammar: grammar.grammar,
            probes: probes,
            taught: try explanations.map {
                try TaughtRows(store, split: split, JSONLTeacher(DataLocation.file($0)))
            }, options, resamples: resamples, precision: try Dtype.asked(dtype),
            storage: anyStorage ? .any : .quantized,
            open: Pair.open(_:precision:)
        ) { if nla.count > 1 { shared.note("\($0) …") } }
        if csv {
            try Output.write(comparison.csv)
        } else {
            try shared.json ? Output.line(comparison.json.serialized()) : Output.write(comparison.table)
        }
        if let report {
            try comparison.writePage(to: URL(fileURLWithPath: report))
            shared.note("\(report): the comparison on a page")
        }
    }
}
