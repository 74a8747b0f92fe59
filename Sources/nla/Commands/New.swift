import ArgumentParser
import Foundation
import JSON
import LanguageModel
import Tensors
import Tokenization

struct New: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a model folder with random weights, or fitted to a text.",
        discussion: """
            For trying things out without a download. The folder has config.json, model.safetensors and the tokenizer's files, \
            and loads wherever a Hugging Face folder does. With --fit the weights are trained on a text for a number of steps.
            """)

    @Option(help: ArgumentHelp("A config.json with the model's shape.", valueName: "config.json"))
    var config: String

    @Option(
        help: ArgumentHelp(
            "Folder with the tokenizer's files to copy, or org/name on the hub.", valueName: "dir"))
    var tokenizer: String

    @Option(help: ArgumentHelp("Text to train on.", valueName: "file"))
    var fit: String?

    @Option(help: ArgumentHelp("Training steps.", valueName: "n"))
    var steps = 200

    @Option(help: "Element type of the weights: f32 or bf16.")
    var dtype: Dtype = .bf16

    @Option(help: ArgumentHelp("Folder to write; must not exist, or be empty.", valueName: "dir"))
    var output: String

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if !(1...1_000_000).contains(steps) { throw ValidationError("--steps must be between 1 and 1000000.") }
    }

    func run() throws {
        shared.apply()
        let (json, configuration) = try readConfiguration(config)
        let target = URL(fileURLWithPath: output)
        try Checkpoint.checkWritable(target)
        let tokenizerFolder = try ModelLocation.resolve(tokenizer, need: .tokenizer)
        let tokenizer = try Tokenizer(folder: tokenizerFolder)
        guard tokenizer.vocabularySize <= configuration.vocabularySize else {
            throw ModelError(
                "\(config): vocab_size \(configuration.vocabularySize) is below the tokenizer's \(tokenizer.vocabularySize)"
            )
        }
        let precision = fit == nil ? dtype.precision : try Dtype.resolve(dtype == .bf16 ? nil : .f32)
        let decoder = TransformerDecoder(random: configuration, precision.elementType, seed: shared.seed)
        var lastLoss: Double?
        if let fit {
            let trainer = LanguageModelTrainer(decoder, precision: precision)
            try trainer.train(on: tokenizer.encode(readText(fit)), .init(steps: steps, seed: shared.seed)) {
                step, loss in
                lastLoss = loss
                if step == 1 || step % max(1, steps / 8) == 0 {
                    shared.note(String(format: "step %4ld of %ld  loss %.3f", step, steps, loss))
                }
            }
        }
        try Checkpoint.write(
            decoder, json: json, type: dtype.precision.elementType, companions: tokenizerFolder, to: target)
        let count = decoder.parameters.reduce(0) { $0 + $1.value.count }
        if shared.json {
            try Output.line(
                ([
                    "output": .string(output), "parameters": .integer(count),
                    "loss": lastLoss.map { .number($0) } ?? .null,
                ] as JSONValue).serialized())
        }
        shared.note("\(output): \(count) parameters")
    }
}
