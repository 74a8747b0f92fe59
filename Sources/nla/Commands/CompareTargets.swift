import ArgumentParser
import Autoencoder
import Foundation
import JSON
import LanguageModel
import Tensors

struct CompareTargets: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-targets",
        abstract: "Say how far the activations of two models are from one another on a text.",
        discussion: """
            For a target that is stored in another way than the one that a pair was trained on: quantized, say. --model is the truth, \
            --against what stands in for it. Both read the same tokens, in windows. At the output of block K: the fraction of variance \
            explained of unit vectors, as pairs are scored (docs/method.md, 3), the same of the vectors as they are, and the cosine. \
            Of the next token: KL(model || against) in nats. By kind of token; the first token of a window, whose activation is far \
            larger than all others in many models, is left out of the second row. Arithmetic is f32 unless --dtype says otherwise, so \
            that differences are those of the weights.
            """)

    @Option(help: ArgumentHelp("The model that is the truth: a folder, a GGUF file, or org/name.", valueName: "dir"))
    var model: String

    @Option(help: ArgumentHelp("The model that stands in for it.", valueName: "dir"))
    var against: String

    @Option(help: ArgumentHelp("Block to read behind; two thirds deep by default.", valueName: "k"))
    var layer: Int?

    @Option(help: ArgumentHelp("A file with the text.", valueName: "file"))
    var text: String

    @Option(help: ArgumentHelp("Tokens of the text, from its beginning, that are read at most.", valueName: "n"))
    var tokens = 16384

    @Option(help: ArgumentHelp("Tokens of a window.", valueName: "n"))
    var window = 1024

    @Option(help: "Arithmetic: f32 or bf16.")
    var dtype: Dtype = .f32

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if !(2...1 << 20).contains(window) { throw ValidationError("--window must be between 2 and \(1 << 20).") }
        if tokens < 1 { throw ValidationError("--tokens must be at least 1.") }
    }

    func run() throws {
        shared.apply()
        let source = try ModelSource(folder: ModelLocation.resolve(model))
        let (a, b) = (
            try TargetComparison.Side(source),
            try TargetComparison.Side(ModelSource(folder: ModelLocation.resolve(against)))
        )
        let comparison = try TargetComparison(
            a, b, text: readText(DataLocation.file(text).relativePath),
            layer: layer ?? source.checkpoint.configuration.defaultLayer, windowLength: window, tokens: tokens,
            precision: dtype.precision)
        if shared.json { return try Output.line(json(comparison, a, b).serialized()) }
        try Output.line("\(model) (\(a.storage)) and \(against) (\(b.storage)), output of block \(comparison.layer)")
        try Output.line(
            "tokens            count     FVE  raw FVE   cosine       1%       5%      50%       KL   KL 95%")
        for row in rows(comparison) { try Output.line(line(row.name, row.measure)) }
        shared.note("\(comparison.tokens) tokens in \(comparison.windowCount) windows of \(window)")
    }

    private func rows(_ comparison: TargetComparison) -> [(name: String, measure: TargetComparison.Measure)] {
        [("all", comparison.all), ("all but the first", comparison.behindFirst)]
            + comparison.kinds.map { ($0.kind.rawValue, $0.measure) }
    }

    private func line(_ name: String, _ measure: TargetComparison.Measure) -> String {
        func number(_ value: Double?, _ format: String) -> String {
            value.map { String(format: format, $0) } ?? "       -"
        }
        let cosines = [0.01, 0.05, 0.5].map {
            " " + number(TargetComparison.quantile(measure.cosines, $0), "%8.5f")
        }
        return name.padding(toLength: 17, withPad: " ", startingAt: 0) + String(format: "%6ld", measure.count)
            + number(measure.varianceExplained, "%8.4f") + " " + number(measure.rawVarianceExplained, "%8.4f")
            + " " + number(measure.cosines.isEmpty ? nil : measure.meanCosine, "%8.5f") + cosines.joined()
            + " " + number(measure.divergences.isEmpty ? nil : measure.meanDivergence, "%8.5f")
            + " " + number(TargetComparison.quantile(measure.divergences, 0.95), "%8.5f")
    }

    private func json(
        _ comparison: TargetComparison, _ a: TargetComparison.Side, _ b: TargetComparison.Side
    ) -> JSONValue {
        func side(_ name: String, _ side: TargetComparison.Side) -> JSONValue {
            ["model": .string(name), "storage": .string(side.storage)]
        }
        func quantiles(_ values: [Double]) -> JSONValue {
            .object(
                JSONObject(
                    [("p01", 0.01), ("p05", 0.05), ("p50", 0.5), ("p95", 0.95), ("p99", 0.99)].map { name, share in
                        (name, TargetComparison.quantile(values, share).map { .number($0) } ?? .null)
                    }))
        }
        return [
            "model": side(model, a), "against": side(against, b), "layer": .integer(comparison.layer),
            "tokens": .integer(comparison.tokens), "windows": .integer(comparison.windowCount),
            "window": .integer(window), "dtype": .string(dtype.rawValue),
            "rows": .array(
                rows(comparison).map { name, measure in
                    let isEmpty = measure.cosines.isEmpty
                    return [
                        "positions": .string(name), "count": .integer(measure.count),
                        "fve": measure.varianceExplained.map { .number($0) } ?? .null,
                        "fve_raw": measure.rawVarianceExplained.map { .number($0) } ?? .null,
                        "cosine": isEmpty ? .null : .number(measure.meanCosine),
                        "cosine_quantiles": quantiles(measure.cosines),
                        "kl": isEmpty ? .null : .number(measure.meanDivergence),
                        "kl_quantiles": quantiles(measure.divergences),
                    ]
                }),
        ]
    }
}
