import ArgumentParser
import Foundation
import JSON
import LanguageModel
import Tensors
import Tokenization

struct Loss: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say how well a model predicts a text: its loss in nats per token.",
        discussion: """
            The mean of -log P(token), and its exponential, the perplexity. The text is read in windows of --window tokens; a token is \
            predicted from those before it in its window, and counted once. With --overlap n each window but the first begins with n \
            tokens of the one before, which are read and not counted again. The first token of the text is not counted, and without an \
            overlap neither is that of any window. Losses of two models compare where tokenizer and windows are the same.
            """)

    @Option(help: ArgumentHelp("Model folder or GGUF file, or org/name or org/name:FILE on the hub.", valueName: "dir"))
    var model: String

    @Option(help: ArgumentHelp("A PEFT folder with low-rank adapters to apply.", valueName: "dir"))
    var adapter: String?

    @Option(help: ArgumentHelp("Take the tokenizer of this folder instead of the model's.", valueName: "dir"))
    var tokenizer: String?

    @Option(help: ArgumentHelp("A file with the text.", valueName: "file"))
    var text: String

    @OptionGroup var windows: WindowOptions

    @Option(help: "Arithmetic: f32 or bf16; by default f32 for float32 weights, else what this CPU multiplies faster.")
    var dtype: Dtype?

    @OptionGroup var shared: SharedOptions

    func run() throws {
        shared.apply()
        let source = try modelSource(ModelLocation.resolve(model), adapter: adapter, tokenizer: tokenizer)
        let ids = try Tokenizer(folder: source.tokenizerFolder).encode(readText(DataLocation.file(text).relativePath))
        var shown = 0
        let loss = try TextLoss(
            ids, source.checkpoint, source.decoder(), windows: windows.windows,
            precision: Dtype.resolve(dtype, source.checkpoint)
        ) { share in
            // A line for each tenth, of long texts.
            if ids.count > 50_000, Int(10 * share) > shown {
                shown = Int(10 * share)
                shared.note("\(10 * shown)%")
            }
        }
        if shared.json {
            try Output.line(loss.json.serialized())
        } else {
            try Output.line(
                String(
                    format: "loss %.4f  perplexity %.3f  (%ld tokens counted of %ld, in %ld windows)", loss.mean,
                    exp(loss.mean), loss.counted, loss.tokens, loss.windowCount))
        }
    }
}

/// How a text is cut, for commands that measure a loss on it.
struct WindowOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Tokens of a window of the text at most.", valueName: "n"))
    var window = 1024

    @Option(help: ArgumentHelp("Tokens that a window shares with the one before, and that count once.", valueName: "n"))
    var overlap = 0

    func validate() throws {
        if !(2...1 << 20).contains(window) { throw ValidationError("--window must be between 2 and \(1 << 20).") }
        if !(0..<window).contains(overlap) {
            throw ValidationError("--overlap must be at least 0 and less than --window.")
        }
    }

    var windows: TextLoss.Windows { TextLoss.Windows(length: window, overlap: overlap) }
}

extension TextLoss {
    var json: JSONValue {
        [
            "loss": .number(mean), "perplexity": .number(exp(mean)), "tokens": .integer(tokens),
            "counted": .integer(counted), "windows": .integer(windowCount),
        ]
    }
}
