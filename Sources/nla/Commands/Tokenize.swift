import ArgumentParser
import Foundation
import JSON
import LanguageModel
import Tokenization

struct Tokenize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn text, or a chat, into token ids.",
        discussion: """
            The folder may hold tokenizer files only. --messages takes a JSON array of {"role", "content"} objects, rendered \
            with the model's chat template; the text printed is then the rendered one, and special tokens in it are found, not \
            added again.
            """)

    @Option(help: ArgumentHelp("Model folder or GGUF file, or org/name or org/name:FILE on the hub.", valueName: "dir"))
    var model: String

    @OptionGroup var input: TextInput

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if input.count != 1 { throw ValidationError("Give exactly one of --text, --file and --messages.") }
        try input.checkChatFormat()
    }

    func run() throws {
        let folder = try ModelLocation.resolve(model, need: .tokenizer)
        let clock = ContinuousClock()
        let start = clock.now
        let tokenizer = try Tokenizer(folder: folder)
        let loaded = clock.now
        let (text, ids) = try input.encode(tokenizer, folder, note: Output.note)
        let encoded = clock.now
        let tokens = ids.map { tokenizer.token($0) ?? "" }
        if shared.json {
            let ids = JSONValue.array(ids.map { .integer(Int($0)) })
            let result: JSONValue = [
                "text": .string(text), "ids": ids, "tokens": .array(tokens.map { .string($0) }),
            ]
            try Output.line(result.serialized())
        } else {
            let lines = zip(ids, tokens).map { "\($0)\t\(JSONValue.string($1).serialized())\n" }
            try Output.write(lines.joined())
        }
        let times = [loaded - start, encoded - loaded].map { $0 / .seconds(1) }
        shared.note(String(format: "%ld tokens, loaded in %.3f s, encoded in %.3f s", ids.count, times[0], times[1]))
    }
}
