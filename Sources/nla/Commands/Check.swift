import ArgumentParser
import Foundation
import JSON
import LanguageModel
import Tensors

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare a model with what another implementation computed.",
        discussion: """
            The reference file holds ids, hidden.K, logits, loss, grad.NAME and after3.NAME, in the layout that \
            Tests/Goldens/make_models.py writes with transformers. One row per tensor: its relative error \
            ‖ours − theirs‖ / ‖theirs‖, the tolerance, and whether it passes. Exit status 1 if any does not.
            """)

    @Option(help: ArgumentHelp("Model folder or GGUF file, or org/name or org/name:FILE on the hub.", valueName: "dir"))
    var model: String

    @Option(help: ArgumentHelp("Reference file.", valueName: "file.safetensors"))
    var reference: String

    @Option(help: "Arithmetic: f32 or bf16.")
    var dtype: Dtype = .f32

    @OptionGroup var shared: SharedOptions

    func run() throws {
        shared.apply()
        let rows = try ReferenceCheck(
            Checkpoint(folder: ModelLocation.resolve(model)),
            reference: SafetensorsFile(URL(fileURLWithPath: reference)),
            precision: Dtype.resolve(dtype)
        ).run()
        if shared.json {
            try Output.line(
                ([
                    "dtype": .string(dtype.rawValue), "passes": .bool(rows.allSatisfy(\.passes)),
                    "tensors": .array(
                        rows.map {
                            [
                                "name": .string($0.name), "relative_error": .number($0.relativeError),
                                "tolerance": .number($0.tolerance), "passes": .bool($0.passes),
                            ]
                        }),
                ] as JSONValue).serialized())
        } else {
            let width = rows.map(\.name.count).max() ?? 0
            for row in rows {
                let name = row.name.padding(toLength: width, withPad: " ", startingAt: 0)
                let numbers = String(format: "%9.2e  ≤ %.0e", row.relativeError, row.tolerance)
                try Output.line("\(row.passes ? "ok  " : "FAIL")  \(name)  \(numbers)")
            }
        }
        let failed = rows.filter { !$0.passes }
        guard failed.isEmpty else {
            throw ModelError(
                "\(failed.count) of \(rows.count) tensors are over tolerance, the first is \(failed[0].name)")
        }
        shared.note("\(rows.count) tensors within tolerance")
    }
}
