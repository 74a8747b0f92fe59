import ArgumentParser
import Autoencoder
import Foundation
import JSON
import LanguageModel
import Tensors
import Tokenization

struct Quantize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a model with quantized weights, in MLX's layout.",
        discussion: """
            The new folder opens here and in mlx-lm. Matrices of linear layers and the embedding become codes of --bits with a scale \
            and an offset for each --group of columns (mode affine); norms and biases stay numbers, and so does a matrix whose \
            columns are no whole groups. Codes are the nearest ones, equal to those of mlx.core.quantize. With --calibrate each layer \
            of a block, and an output matrix of its own, gets the codes with which its outputs on that text come nearest to what they \
            were; that takes the time of some passes over the text.

            The model may be a folder of f32, f16 or bf16, a quantized folder or a GGUF file. A table says of each tensor its shape, \
            its bits, its bytes before and after, and the error ‖written − original‖ / ‖original‖. With --text the loss of that text \
            before and after stands below it: do not calibrate on the same text.
            """)

    @Option(help: ArgumentHelp("Model folder or GGUF file, or org/name or org/name:FILE on the hub.", valueName: "dir"))
    var model: String

    @Option(help: "Bits of a code: 2, 3, 4, 5, 6 or 8.")
    var bits = 4

    @Option(help: ArgumentHelp("Columns that share a scale: 32, 64 or 128.", valueName: "n"))
    var group = 64

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Matrices that stay numbers: lm_head, down_proj, layers.0, layers.3.mlp.up_proj.", valueName: "name"))
    var keep: [String] = []

    /// The type of scales and of what stays numbers.
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case f32, f16, bf16

        var elements: ElementType {
            switch self {
            case .f32: .float32
            case .f16: .float16
            case .bf16: .bfloat16
            }
        }
    }

    @Option(
        help: "Type of scales and of what stays numbers: f32, f16 or bf16; by default the model's own, bf16 for GGUF.")
    var type: Kind?

    @Option(help: ArgumentHelp("A text to fit the codes to.", valueName: "file"))
    var calibrate: String?

    @Option(help: ArgumentHelp("With --calibrate: tokens of the text that are read, spread over it.", valueName: "n"))
    var calibrateTokens = 16384

    @Option(help: ArgumentHelp("A text whose loss is measured before and after.", valueName: "file"))
    var text: String?

    @OptionGroup var windows: WindowOptions

    @Option(help: "Arithmetic: f32 or bf16; by default f32 for float32 weights, else what this CPU multiplies faster.")
    var dtype: Dtype?

    @Option(help: ArgumentHelp("Also write the table as JSON.", valueName: "file.json"))
    var report: String?

    @Option(help: ArgumentHelp("Folder to write.", valueName: "dir"))
    var output: String

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if ![2, 3, 4, 5, 6, 8].contains(bits) { throw ValidationError("--bits is 2, 3, 4, 5, 6 or 8.") }
        if ![32, 64, 128].contains(group) { throw ValidationError("--group is 32, 64 or 128.") }
        if calibrateTokens < 512 { throw ValidationError("--calibrate-tokens must be at least 512.") }
    }

    func run() throws {
        shared.apply()
        let folder = URL(fileURLWithPath: output)
        try Checkpoint.checkWritable(folder)
        if let report { try AtomicFile.checkWritable(URL(fileURLWithPath: report)) }
        let checkpoint = try Checkpoint(folder: ModelLocation.resolve(model))
        let tokenizer = calibrate == nil && text == nil ? nil : try Tokenizer(folder: checkpoint.folder)
        func ids(_ file: String?) throws -> [Int32]? {
            guard let file, let tokenizer else { return nil }
            return tokenizer.encode(try readText(DataLocation.file(file).relativePath))
        }
        let precision = try Dtype.resolve(dtype, checkpoint)
        var options = ModelQuantizer.Options()
        (options.bits, options.groupSize, options.kept, options.type) = (bits, group, keep, type?.elements)
        (options.calibrationText, options.calibrationTokens) = (try ids(calibrate), calibrateTokens)
        options.precision = precision
        let quantizer = try ModelQuantizer(checkpoint, options)
        let measured = try ids(text)
        let before = try measured.map { try loss($0, checkpoint, precision) }
        let hash = try TargetHash.compute(checkpoint)
        let rows = try quantizer.write(to: folder, origin: hash) { row, share in
            if calibrate != nil, row.isCalibrated {
                shared.note(String(format: "%@: %.0f%%", row.name, 100 * share))
            }
        }
        let written = try Checkpoint(folder: folder)
        let after = try measured.map { try loss($0, written, precision) }
        let table = QuantizationTable(rows: rows, before: before, after: after)
        let json = table.json(output: output, from: checkpoint.storage, to: written.storage)
        if let report { try AtomicFile.write(json.serialized(indent: 2) + "\n", to: URL(fileURLWithPath: report)) }
        try shared.json ? Output.line(json.serialized()) : Output.write(table.text)
    }

    private func loss(_ ids: [Int32], _ checkpoint: Checkpoint, _ precision: Precision) throws -> TextLoss {
        try TextLoss(
            ids, checkpoint, TransformerDecoder(checkpoint), windows: windows.windows, precision: precision)
    }
}

/// What quantizing made of each tensor, and of a text's loss.
private struct QuantizationTable {
    let rows: [ModelQuantizer.Row]
    let before: TextLoss?
    let after: TextLoss?

    private var bytesBefore: Int { rows.reduce(0) { $0 + $1.bytesBefore } }
    private var bytesAfter: Int { rows.reduce(0) { $0 + $1.bytesAfter } }
    /// Bits of a weight, scales and numbers included.
    private var bitsPerWeight: Double {
        8 * Double(bytesAfter) / Double(max(1, rows.reduce(0) { $0 + $1.shape.reduce(1, *) }))
    }

    var text: String {
        let names = max(6, rows.map(\.name.count).max() ?? 0), shapes = max(5, rows.map { shape($0).count }.max() ?? 0)
        func line(_ name: String, _ shape: String, _ rest: String) -> String {
            name.padding(toLength: names, withPad: " ", startingAt: 0) + "  "
                + shape.padding(toLength: shapes, withPad: " ", startingAt: 0) + "  \(rest)\n"
        }
        var text = line("tensor", "shape", "bits         before          after  relative error")
        for row in rows {
            let bits = row.bits.map { "\($0)\(row.isCalibrated ? "*" : " ")" } ?? "- "
            text += line(
                row.name, shape(row),
                String(repeating: " ", count: 5 - bits.count) + bits
                    + String(format: "%15ld%15ld  %.3e", row.bytesBefore, row.bytesAfter, row.relativeError))
        }
        text += line("all", "", String(format: "%5.2f%15ld%15ld", bitsPerWeight, bytesBefore, bytesAfter))
        if rows.contains(where: \.isCalibrated) { text += "* fitted to the text of --calibrate\n" }
        if let before, let after {
            text += String(
                format:
                    "loss %.4f before, %.4f after (%+.4f nats per token; %ld tokens counted of %ld, in %ld windows)\n",
                before.mean, after.mean, after.mean - before.mean, after.counted, after.tokens, after.windowCount)
        }
        return text
    }

    private func shape(_ row: ModelQuantizer.Row) -> String { row.shape.map(String.init).joined(separator: "x") }

    func json(output: String, from: String, to: String) -> JSONValue {
        var object = JSONObject([
            ("output", .string(output)), ("storage_before", .string(from)), ("storage", .string(to)),
            ("bytes_before", .integer(bytesBefore)), ("bytes", .integer(bytesAfter)),
            ("bits_per_weight", .number(bitsPerWeight)),
            (
                "tensors",
                .array(
                    rows.map { row in
                        [
                            "name": .string(row.name), "shape": .array(row.shape.map { .integer($0) }),
                            "bits": row.bits.map { .integer($0) } ?? .null, "bytes_before": .integer(row.bytesBefore),
                            "bytes": .integer(row.bytesAfter), "relative_error": .number(row.relativeError),
                            "calibrated": .bool(row.isCalibrated),
                        ]
                    })
            ),
        ])
        if let before, let after { object["loss"] = ["before": before.json, "after": after.json] }
        return .object(object)
    }
}
