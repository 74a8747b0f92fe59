import ArgumentParser
import Autoencoder
import Foundation
import JSON
import LanguageModel
import Parquet
import Tensors

struct Reconstruct: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn explanations back into activations.",
        discussion: """
            With --file each line is a JSON object with "description" or "text", or a JSON string. The file written holds one tensor \
            [n, d], float32.
            """)

    @Option(help: ArgumentHelp("Reconstructor folder, or org/name on the hub.", valueName: "dir"))
    var ar: String

    @Option(parsing: .unconditional, help: ArgumentHelp("An explanation.", valueName: "text"))
    var text: String?

    @Option(help: ArgumentHelp("Explanations, one per line of JSON or row of Parquet.", valueName: "file"))
    var file: String?

    @Option(help: ArgumentHelp("Where the activations go.", valueName: "file.safetensors"))
    var output: String

    @Option(help: "Arithmetic: f32 or bf16; by default f32 for float32 weights, else what this CPU multiplies faster.")
    var dtype: Dtype?

    @OptionGroup var opening: OpeningOptions

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if (text == nil) == (file == nil) { throw ValidationError("Give exactly one of --text and --file.") }
    }

    func run() throws {
        shared.apply()
        let place = URL(fileURLWithPath: output)
        try AtomicFile.checkWritable(place)
        let texts = try text.map { [$0] } ?? file.map(readExplanations) ?? []
        let folder = try ModelLocation.resolve(ar)
        let reconstructor = try Reconstructor(
            folder: folder, precision: try Dtype.asked(dtype), try opening.supplement())
        for line in reconstructor.sidecar.inferences { shared.note(line) }
        let vectors = try reconstructor.reconstruct(texts)
        try VectorFile.write(vectors, to: place)
        if shared.json {
            try Output.line(
                (["output": .string(output), "rows": .integer(vectors.rows), "d_model": .integer(vectors.width)]
                    as JSONValue).serialized())
        }
        shared.note("\(output): \(vectors.rows) activations of \(vectors.width) numbers")
    }

    private func readExplanations(_ path: String) throws -> [String] {
        var texts: [String] = []
        try RecordReader.read(
            DataLocation.files(path), fields: ["description", "explanation", "api_explanation", "text"],
            contents: { Data(try readText($0.relativePath).utf8) }, failure: { ModelError($0) }
        ) { line in
            let (json, place) = (line.json, line.place)
            let names = ["description"] + (line.isRow ? ["explanation", "api_explanation"] : []) + ["text"]
            guard let text = names.lazy.compactMap({ json[$0]?.string }).first ?? json.string else {
                throw ModelError("\(place): an object with \"description\" or \"text\" is needed")
            }
            texts.append(text)
        }
        guard !texts.isEmpty else { throw ModelError("\(path): no explanations in it") }
        return texts
    }
}
