import ArgumentParser
import Foundation
import JSON
import LanguageModel
import Tensors
import Tokenization

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Continue a text or a chat.",
        discussion: """
            The text streams to standard output as it is written; the speed follows on standard error. The same seed gives the \
            same text. With --json one object is printed at the end instead.
            """)

    @Option(help: ArgumentHelp("Model folder or GGUF file, or org/name or org/name:FILE on the hub.", valueName: "dir"))
    var model: String

    @OptionGroup var input: TextInput

    @Option(help: ArgumentHelp("Tokens to write at most.", valueName: "n"))
    var maxTokens = 256

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Temperature; 0 always takes the most probable token.", valueName: "x"))
    var temperature: Float = 1

    @Option(help: ArgumentHelp("Draw from the k most probable tokens.", valueName: "n"))
    var topK: Int?

    @Option(help: ArgumentHelp("Draw from the most probable tokens that hold this share.", valueName: "x"))
    var topP: Float = 1

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Stop before this text; may be given several times.", valueName: "text"))
    var stop: [String] = []

    @Option(help: "Arithmetic: f32 or bf16; by default f32 for float32 weights, else what this CPU multiplies faster.")
    var dtype: Dtype?

    @Option(help: ArgumentHelp("A PEFT folder with low-rank adapters to apply.", valueName: "dir"))
    var adapter: String?

    @Option(help: ArgumentHelp("Take the tokenizer of this folder instead of the model's.", valueName: "dir"))
    var tokenizer: String?

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if input.count != 1 { throw ValidationError("Give exactly one of --text, --file and --messages.") }
        try input.checkChatFormat()
        if maxTokens < 0 || maxTokens > 1 << 20 {
            throw ValidationError("--max-tokens must be between 0 and \(1 << 20).")
        }
        if !temperature.isFinite || temperature < 0 { throw ValidationError("--temperature must not be negative.") }
        if let topK, topK < 1 { throw ValidationError("--top-k must be at least 1.") }
        if !(topP > 0 && topP <= 1) { throw ValidationError("--top-p must be above 0 and at most 1.") }
    }

    func run() throws {
        shared.apply()
        let folder = try ModelLocation.resolve(model)
        // First, for it says what a folder is that is no model.
        let source = try modelSource(folder, adapter: adapter, tokenizer: tokenizer)
        let checkpoint = source.checkpoint
        let tokenizer = try Tokenizer(folder: source.tokenizerFolder)
        let decoder = try source.decoder()
        let prompt = try input.encode(tokenizer, source.tokenizerFolder, note: shared.note).ids
        let generator = TextGenerator(
            decoder, tokenizer,
            stopTokens: try TextGenerator.stopTokens(folder: checkpoint.folder, tokenizer: tokenizer),
            precision: try Dtype.resolve(dtype, checkpoint), checkpoint: checkpoint)
        let options = TextGenerator.Options(
            sampling: Sampling(temperature: temperature, topK: topK, topP: topP), maximumTokens: maxTokens,
            stopStrings: stop,
            seed: shared.seed)
        let result = try generator.generate(prompt, options) { if !shared.json { try Output.write($0) } }
        if shared.json {
            try Output.line(
                ([
                    "text": .string(result.text), "ids": .array(result.ids.map { .integer(Int($0)) }),
                    "finish_reason": .string(result.finishReason), "prompt_tokens": .integer(prompt.count),
                    "tokens_per_s": .number(result.tokensPerSecond),
                ] as JSONValue).serialized())
        } else {
            try Output.write("\n")
        }
        shared.note(
            String(
                format: "%ld tokens, %.1f tokens/s (prompt of %ld: %.2f s)", result.ids.count, result.tokensPerSecond,
                prompt.count,
                result.promptSeconds))
    }
}
