import Activations
import ArgumentParser
import Autoencoder
import Foundation
import JSON
import LanguageModel
import Tensors
import Tokenization

struct DataChats: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chats",
        abstract: "Let a model answer chats, for nla data store to read.",
        discussion: """
            --chats has a line for each chat: messages that end with the user's, and, where it goes on, follow_ups, questions that are \
            asked after the answers. What is known of a chat (known) becomes facts with their places. The output has a line for each, a \
            document with its text, facts, split and messages. An answer that reaches --max-tokens is cut off and ends its chat.

            Chats that are finished are kept in OUTPUT.parts as they come: after an interruption the same command goes on.
            """)

    @Option(help: ArgumentHelp("Model folder or GGUF file, or org/name or org/name:FILE on the hub.", valueName: "dir"))
    var model: String

    @Option(help: ArgumentHelp("Chats without answers.", valueName: "file.jsonl"))
    var chats: String

    @Option(help: ArgumentHelp("Tokens of an answer at most.", valueName: "n"))
    var maxTokens = 200

    @Option(help: ArgumentHelp("Tokens of a whole chat at most.", valueName: "n"))
    var maxLength = 2048

    @Option(help: ArgumentHelp("Temperature; 0 always takes the most probable token.", valueName: "x"))
    var temperature: Float = 0.8

    @Option(help: ArgumentHelp("Draw from the most probable tokens that hold this share.", valueName: "x"))
    var topP: Float = 0.95

    @Option(help: ArgumentHelp("Answers that are written at once.", valueName: "n"))
    var batch = 32

    @Option(help: "Arithmetic: f32 or bf16; by default f32 for float32 weights, else what this CPU multiplies faster.")
    var dtype: Dtype?

    @Option(help: ArgumentHelp("File to write, JSON Lines.", valueName: "file.jsonl"))
    var output: String

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if !(1...1 << 20).contains(maxTokens) || !(1...1 << 20).contains(maxLength) {
            throw ValidationError("--max-tokens and --max-length must be between 1 and \(1 << 20).")
        }
        if !(1...1024).contains(batch) { throw ValidationError("--batch must be between 1 and 1024.") }
        if !temperature.isFinite || temperature < 0 { throw ValidationError("--temperature must not be negative.") }
        if !(topP > 0 && topP <= 1) { throw ValidationError("--top-p must be above 0 and at most 1.") }
    }

    func run() throws {
        shared.apply()
        let target = URL(fileURLWithPath: output)
        try AtomicFile.checkWritable(target)
        let folder = try ModelLocation.resolve(model)
        let checkpoint = try Checkpoint(folder: folder), tokenizer = try Tokenizer(folder: folder)
        var options = ChatSampler.Options()
        options.sampling = Sampling(temperature: temperature, topP: topP)
        options.maximumTokens = maxTokens
        options.maximumLength = maxLength
        options.batchSize = batch
        options.seed = shared.seed
        let sampler = ChatSampler(
            try TransformerDecoder(checkpoint), tokenizer,
            stopTokens: try TextGenerator.stopTokens(folder: folder, tokenizer: tokenizer),
            precision: try Dtype.resolve(dtype, checkpoint), identity: try TargetHash.compute(checkpoint), options)
        var last = 0
        try sampler.run(DataLocation.file(chats), to: target) {
            last = $0.chats
            shared.note(
                String(
                    format: "%ld of %ld chats, %ld tokens, %.0f tokens/s", $0.chats, $0.of, $0.tokens,
                    $0.tokensPerSecond))
        }
        if shared.json {
            try Output.line((["output": .string(output), "chats": .integer(last)] as JSONValue).serialized())
        } else {
            try Output.line("\(output): \(last) chats")
        }
    }
}
