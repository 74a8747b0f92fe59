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

    @Option(help: ArgumentHelp("Model folder, or org/name in the local cache.", valueName: "dir"))
    var model: String

    @OptionGroup var input: TextInput

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if input.count != 1 { throw ValidationError("Give exactly one of --text, --file and --messages.") }
    }

    func run() throws {
        let folder = try ModelLocation.resolve(model)
        let tokenizer = try Tokenizer(folder: folder)
        let (text, ids) = try input.encode(tokenizer, folder)
        let tokens = ids.map { tokenizer.token($0) ?? "" }
        if shared.json {
            try Output.line(
                ([
                    "text": .string(text), "ids": .array(ids.map { .integer(Int($0)) }),
                    "tokens": .array(tokens.map { .string($0) }),
                ]
                    as JSONValue).serialized())
        } else {
            for (id, token) in zip(ids, tokens) { try Output.line("\(id)\t\(JSONValue.string(token).serialized())") }
            shared.note("\(ids.count) tokens")
        }
    }
}
