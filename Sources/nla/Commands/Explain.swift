import ArgumentParser
import Autoencoder
import Foundation
import JSON
import LanguageModel
import Tensors

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a text interlinear: under each token what the model has in mind there.",
        discussion: """
            The target reads the text, the verbalizer puts its activations into words, and the reconstructor rebuilds the activations \
            from the words alone: cosine and share of variance explained say how far to trust each line. Texts of up to 32 tokens are \
            explained at every token, longer ones at 32 tokens spread over them, unless --positions or --every say otherwise.
            """)

    @Option(help: ArgumentHelp("Folder with av/, ar/ and, optionally, target/.", valueName: "dir"))
    var nla: String

    @Option(help: ArgumentHelp("The target, where the folder has none: a folder or org/name.", valueName: "dir"))
    var target: String?

    @OptionGroup var input: TextInput

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Tokens to explain, negative ones from the end.", valueName: "3,-1")
    )
    var positions: String?

    @Option(help: ArgumentHelp("Explain every n-th token, counted back from the last.", valueName: "n"))
    var every: Int?

    @Option(help: ArgumentHelp("Explanations to choose the best-scoring one from.", valueName: "n"))
    var samples = 1

    @OptionGroup var verbalizing: VerbalizingOptions

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if input.count != 1 { throw ValidationError("Give exactly one of --text, --file and --messages.") }
        if positions != nil && every != nil { throw ValidationError("Give only one of --positions and --every.") }
        if let every, every < 1 { throw ValidationError("--every must be at least 1.") }
        if !(1...1024).contains(samples) { throw ValidationError("--samples must be between 1 and 1024.") }
        if samples > 1, verbalizing.temperature == 0 {
            throw ValidationError("--samples asks for a --temperature above 0: at 0 all samples are equal.")
        }
    }

    func run() throws {
        shared.apply()
        let clock = ContinuousClock(), start = clock.now
        let folder = try ModelLocation.resolve(nla)
        let precision = try Dtype.asked(verbalizing.dtype)
        let pair = try Pair(folder: folder, precision: precision)
        let model = try openTarget(pair, folder, named: target, shared)
        let ids = try input.encode(model.tokenizer, model.checkpoint.folder).ids
        let chosen = try TextPositions.chosen(
            of: ids.count, positions: try positions.map { try integers($0, "--positions") }, every: every)
        let activations = try model.activations(ids, positions: chosen, precision: precision)
        let variance = try TextExplainer.variance(pair, else: activations)
        var options = verbalizing.options(samples: samples, seed: shared.seed)
        options.keys = chosen.map(UInt64.init)
        let explainer = TextExplainer(pair, variance: variance?.variance)
        let page = Interlinear(ids: ids, tokenizer: model.tokenizer)
        let rows = try explainer.explain(activations, options) { row in
            if !shared.json { try Output.write(page.block(row, position: chosen[row.index])) }
        }
        let empty = try Scores.rows(pair.reconstructor.reconstruct([""]), activations)
        let summary = Interlinear.Summary(rows, variance, empty: empty)
        if shared.json {
            try Output.line(page.json(rows, positions: chosen, summary, layer: model.layer).serialized())
        } else {
            try Output.line(summary.line)
        }
        shared.note(
            String(
                format: "%ld of %ld tokens explained in %.1f s", rows.count, ids.count,
                (clock.now - start) / .seconds(1)))
    }
}
