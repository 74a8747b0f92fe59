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
            as it is, and marked.
            """)

    @Option(help: ArgumentHelp("Verbalizer folder, or org/name in the local cache.", valueName: "dir"))
    var av: String

    @Option(help: ArgumentHelp("The activations.", valueName: "file.safetensors"))
    var vectors: String

    @OptionGroup var verbalizing: VerbalizingOptions

    @OptionGroup var shared: SharedOptions

    func run() throws {
        shared.apply()
        let folder = try ModelLocation.resolve(av)
        let verbalizer = try Verbalizer(folder: folder, precision: try Dtype.asked(verbalizing.dtype))
        let activations = try VectorFile.read(URL(fileURLWithPath: vectors), for: verbalizer.sidecar)
        let explanations = try verbalizer.explain(activations, verbalizing.options(seed: shared.seed)).map { $0[0] }
        if shared.json {
            let rows = explanations.enumerated().map { Describe.json($1, row: $0) }
            try Output.line((["results": .array(rows)] as JSONValue).serialized())
        } else {
            for (row, explanation) in explanations.enumerated() {
                try Output.line(Interlinear.plain(explanation, label: "\(row)"))
            }
        }
        let unfinished = explanations.count { !$0.isComplete }
        let tokens = explanations.reduce(0) { $0 + $1.ids.count }
        shared.note(
            "\(explanations.count) explanations, \(tokens) tokens"
                + (unfinished > 0 ? "; \(unfinished) without explanation tags" : ""))
    }

    static func json(_ explanation: Explanation, row: Int) -> JSONValue {
        [
            "row": .integer(row), "description": .string(explanation.description), "text": .string(explanation.text),
            "ids": .array(explanation.ids.map { .integer(Int($0)) }), "complete": .bool(explanation.isComplete),
        ]
    }
}
