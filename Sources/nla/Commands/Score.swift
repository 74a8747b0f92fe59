import ArgumentParser
import Autoencoder
import Foundation
import JSON
import LanguageModel
import Tensors

struct Score: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say how well an explanation stands in for activations.",
        discussion: """
            The explanation is turned into an activation and compared with every row of the file: mse on vectors of norm √d (0 is \
            equal, 2 is orthogonal), and cosine. Rows of zeros alone are left out and counted. Of several rows the means are printed, with --json the rows too.
            """)

    @Option(help: ArgumentHelp("Reconstructor folder, or org/name on the hub.", valueName: "dir"))
    var ar: String

    @Option(parsing: .unconditional, help: ArgumentHelp("The explanation.", valueName: "text"))
    var text: String

    @Option(help: ArgumentHelp("The activations.", valueName: "file.safetensors"))
    var vectors: String

    @Option(help: "Arithmetic: f32 or bf16; by default f32 for float32 weights, else what this CPU multiplies faster.")
    var dtype: Dtype?

    @OptionGroup var opening: OpeningOptions

    @OptionGroup var shared: SharedOptions

    func run() throws {
        shared.apply()
        let folder = try ModelLocation.resolve(ar)
        let reconstructor = try Reconstructor(
            folder: folder, precision: try Dtype.asked(dtype), try opening.supplement())
        for line in reconstructor.sidecar.inferences { shared.note(line) }
        let files = try DataLocation.vectors(vectors)
        let activations = try VectorFile.read(files, for: reconstructor.sidecar)
        let note = TargetStorage.note(
            try Sidecar.read(beside: files[0])?.targetStorage, trainedOn: reconstructor.sidecar.targetStorage,
            isRecorded: nil)
        let kept = try VectorFile.directed(activations, of: files[0])
        let skipped = activations.rows - kept.count
        let scores = try Scores.rows(
            try reconstructor.reconstruct([text]), activations.gatheringRows(kept.map(Int32.init)))
        let error = Scores.meanSquaredError(scores), cosine = Scores.meanCosine(scores)
        if shared.json {
            let rows = zip(kept, scores).map { row, score in
                [
                    "row": .integer(row), "mse": .number(score.meanSquaredError),
                    "cosine_similarity": .number(score.cosine),
                ] as JSONValue
            }
            var object: JSONObject = [
                "mse": .number(error), "cosine_similarity": .number(cosine), "results": .array(rows),
                "skipped": .integer(skipped),
            ]
            if let note { object["storage_note"] = .string(note) }
            try Output.line(JSONValue.object(object).serialized())
        } else {
            try Output.line(String(format: "mse %.4f  cosine %.4f", error, cosine))
            if let note { try Output.line(note) }
        }
        let left = skipped > 0 ? "; \(skipped) left out, all zeros" : ""
        if scores.count + skipped > 1 { shared.note("means over \(scores.count) activations" + left) }
    }
}
