import ArgumentParser
import Autoencoder
import Foundation
import JSON
import LanguageModel
import Tensors

struct Describe: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put activations from a file into words.",
        discussion: """
            The file holds one tensor [n, d], as nla extract and nla reconstruct write it. An explanation without its tags is shown \
            as it is, and marked. Rows of zeros alone have no direction to put into words: they are left out and counted.
            """)

    @Option(help: ArgumentHelp("Verbalizer folder, or org/name on the hub.", valueName: "dir"))
    var av: String

    @Option(help: ArgumentHelp("The activations.", valueName: "file.safetensors"))
    var vectors: String

    @OptionGroup var opening: OpeningOptions

    @OptionGroup var verbalizing: VerbalizingOptions

    @OptionGroup var shared: SharedOptions

    func run() throws {
        shared.apply()
        let folder = try ModelLocation.resolve(av)
        let verbalizer = try Verbalizer(
            folder: folder, precision: try Dtype.asked(verbalizing.dtype), try opening.supplement())
        for line in verbalizer.sidecar.inferences { shared.note(line) }
        let files = try DataLocation.vectors(vectors)
        let activations = try VectorFile.read(files, for: verbalizer.sidecar)
        let rows = try VectorFile.directed(activations, of: files[0])
        var options = verbalizing.options(seed: shared.seed)
        options.keys = rows.map(UInt64.init)
        let explanations = try verbalizer.explain(activations.gatheringRows(rows.map(Int32.init)), options).map {
            $0[0]
        }
        let skipped = activations.rows - rows.count
        if shared.json {
            let results = zip(rows, explanations).map { Describe.json($1, row: $0) }
            try Output.line((["results": .array(results), "skipped": .integer(skipped)] as JSONValue).serialized())
        } else {
            for (row, explanation) in zip(rows, explanations) {
                try Output.line(Interlinear.plain(explanation, label: "\(row)"))
            }
        }
        let unfinished = explanations.count { !$0.isComplete }
        let tokens = explanations.reduce(0) { $0 + $1.ids.count }
        shared.note(
            "\(explanations.count) explanations, \(tokens) tokens"
                + (unfinished > 0 ? "; \(unfinished) without explanation tags" : "")
                + (skipped > 0 ? "; \(skipped) left out, all zeros" : ""))
    }

    static func json(_ explanation: Explanation, row: Int) -> JSONValue {
        [
            "row": .integer(row), "description": .string(explanation.description), "text": .string(explanation.text),
            "ids": .array(explanation.ids.map { .integer(Int($0)) }), "complete": .bool(explanation.isComplete),
        ]
    }
}
