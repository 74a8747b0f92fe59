import ArgumentParser
import Autoencoder
import Claims
import Foundation
import LanguageModel
import Training

struct Eval: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval",
        abstract:
            "What a pair is worth on held-out activations: variance explained with its controls, and the truth of claims.",
        discussion: """
            The fraction of variance explained stands beside what the reconstructor makes of the explanation's sentences in another \
            order, of another row's explanation, of nothing, and of the teacher's text. Where documents carry facts, claims are \
            read back from the explanations and compared with them; probes say what a linear reader finds in the same vectors.
            """)

    @Option(help: ArgumentHelp("Folder with av/ and ar/.", valueName: "dir"))
    var nla: String

    @Option(help: ArgumentHelp("The activation store.", valueName: "dir"))
    var store: String

    @Option(help: ArgumentHelp("Split of the store that nothing was trained on.", valueName: "name"))
    var split = "held-out"

    @Option(help: ArgumentHelp("Probes, for what the vectors hold.", valueName: "dir"))
    var probes: String?

    @Option(help: ArgumentHelp("The teacher's explanations of the split.", valueName: "file.jsonl"))
    var explanations: String?

    @Option(help: "How claims are said: tiny-world, or plain.")
    var grammar = GrammarName.tinyWorld

    @Option(help: ArgumentHelp("Rows to explain, spread over the split.", valueName: "n"))
    var rows = 4000

    @Option(help: ArgumentHelp("Temperature; 0 always takes the most probable token.", valueName: "x"))
    var temperature: Float = 0

    @Option(help: ArgumentHelp("Tokens of an explanation at most.", valueName: "n"))
    var maxTokens = 120

    @Option(help: "Arithmetic: f32 or bf16; by default f32 for float32 weights, else the CPU's native one.")
    var dtype: Dtype?

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if rows < 1 { throw ValidationError("--rows must be at least 1.") }
        if !temperature.isFinite || temperature < 0 { throw ValidationError("--temperature must not be negative.") }
        if !(1...100_000).contains(maxTokens) { throw ValidationError("--max-tokens must be between 1 and 100000.") }
    }

    func run() throws {
        shared.apply()
        let precision = try dtype.map { try Dtype.resolve($0) }
        let pair = try Pair(folder: URL(fileURLWithPath: nla), precision: precision)
        let store = try ActivationStore(folder: URL(fileURLWithPath: store), target: pair.targetHash)
        try store.check(layer: pair.verbalizer.sidecar.layer, of: nla)
        var options = PairEvaluation.Options()
        options.rows = rows
        options.temperature = temperature
        options.maximumTokens = maxTokens
        options.seed = shared.seed
        let evaluation = try PairEvaluation(
            pair, store, split: split, grammar: grammar.grammar,
            probes: try probes.map { try ProbeSet(folder: URL(fileURLWithPath: $0), matching: store) },
            taught: try explanations.map {
                try TaughtRows(store, split: split, JSONLTeacher(URL(fileURLWithPath: $0)))
            }, options)
        try shared.json ? Output.line(evaluation.json.serialized()) : Output.write(evaluation.table)
    }
}
