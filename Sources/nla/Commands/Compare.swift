import ArgumentParser
import Autoencoder
import Foundation
import JSON
import LanguageModel
import Tensors
import Tokenization

struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put the difference of two activations into words.",
        discussion: """
            Describes a − b and b − a: what one activation holds that the other does not. The activations come from two texts, read at \
            --position and --position-b, or from two rows of a file. Pairs are trained on activations, not on differences, so read the \
            scores beside the words.
            """)

    @OptionGroup var place: PairPlace

    @OptionGroup var target: TargetChoice

    @Option(parsing: .unconditional, help: ArgumentHelp("The first text.", valueName: "text"))
    var text: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("The second text.", valueName: "text"))
    var textB: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Position in the first text, negative from the end.", valueName: "n"))
    var position = -1

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Position in the second text; by default the same as in the first.", valueName: "n"))
    var positionB: Int?

    @Option(help: ArgumentHelp("A file with activations, in place of texts.", valueName: "file.safetensors"))
    var vectors: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("With --vectors: the two rows.", valueName: "i,j"))
    var rows: String?

    @OptionGroup var verbalizing: VerbalizingOptions

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        guard (text != nil && textB != nil) != (vectors != nil) else {
            throw ValidationError("Give --text and --text-b, or --vectors with --rows.")
        }
        if vectors != nil && (text != nil || textB != nil) {
            throw ValidationError("Give texts or --vectors, not both.")
        }
        if (rows != nil) != (vectors != nil) { throw ValidationError("--vectors and --rows go together.") }
    }

    func run() throws {
        shared.apply()
        let precision = try Dtype.asked(verbalizing.dtype)
        let (pair, folder) = try place.open(precision: precision, shared)
        let (a, b) = try activations(pair, folder, precision)
        let comparison = try pair.compare(a, b, verbalizing.options(seed: shared.seed))
        let directions = zip(["a - b", "b - a"], comparison.rows)
        if shared.json {
            let results = directions.map { name, row in
                [
                    "difference": .string(name), "description": .string(row.explanation.description),
                    "text": .string(row.explanation.text), "complete": .bool(row.explanation.isComplete),
                    "mse": .number(row.score.meanSquaredError), "cosine_similarity": .number(row.score.cosine),
                ] as JSONValue
            }
            try Output.line(
                ([
                    "results": .array(results), "cosine_between": .number(comparison.cosine),
                    "diff_norm": .number(comparison.norm),
                    "norms": .array(comparison.norms.map { .number($0) }),
                ] as JSONValue).serialized())
        } else {
            for (name, row) in directions {
                try Output.line(Interlinear.plain(row.explanation, label: name))
                try Output.line(
                    String(format: "       cosine %.3f of the reconstruction with the difference", row.score.cosine))
            }
            try Output.line(
                String(
                    format: "a and b: cosine %.3f, norms %.4g and %.4g, ‖a − b‖ %.4g", comparison.cosine,
                    comparison.norms[0],
                    comparison.norms[1], comparison.norm))
        }
    }

    private func activations(_ pair: Pair, _ folder: URL, _ precision: Precision?) throws -> (Tensor, Tensor) {
        if let vectors, let rows {
            let all = try VectorFile.read(DataLocation.vectors(vectors), for: pair.verbalizer.sidecar)
            let chosen = try integers(rows, "--rows")
            guard chosen.count == 2 else { throw ModelError("--rows \(rows): two rows are needed, such as 0,1") }
            let found = try chosen.map { row in
                let index = row < 0 ? all.rows + row : row
                guard (0..<all.rows).contains(index) else {
                    throw ModelError("--rows \(rows): row \(row) is outside \(vectors), which has \(all.rows)")
                }
                return all.rows(index..<index + 1)
            }
            return (found[0], found[1])
        }
        let model = try openTarget(
            pair, folder, target, base: place.opening.baseFolder(), storage: place.opening.storage, shared)
        if let note = model.storageNote { shared.note(note) }
        func read(_ text: String, _ position: Int) throws -> Tensor {
            try model.activations(model.tokenizer.encode(text), positions: [position], precision: precision)
        }
        return (try read(text ?? "", position), try read(textB ?? "", positionB ?? position))
    }
}
