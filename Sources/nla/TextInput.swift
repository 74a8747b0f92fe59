import ArgumentParser
import Foundation
import JSON
import LanguageModel
import Tokenization

/// `--text`, `--file` or `--messages`: the ways to give a command its text.
struct TextInput: ParsableArguments {
    @Option(help: ArgumentHelp("The text.", valueName: "text"))
    var text: String?

    @Option(help: ArgumentHelp("A file with the text.", valueName: "file"))
    var file: String?

    @Option(help: ArgumentHelp("A JSON file with chat messages.", valueName: "file.json"))
    var messages: String?

    @Flag(help: "With --messages: do not open the assistant's turn.")
    var noGenerationPrompt = false

    @Flag(help: "Do not add the tokenizer's special tokens, such as a beginning-of-text token.")
    var noSpecialTokens = false

    var count: Int { [text, file, messages].compactMap { $0 }.count }

    func validate() throws {
        if count > 1 { throw ValidationError("Give only one of --text, --file and --messages.") }
    }

    /// The text, rendered if it was messages, and its ids.
    func encode(_ tokenizer: Tokenizer) throws -> (text: String, ids: [Int32]) {
        if let messages {
            let rendered = try render(messages, tokenizer)
            // A template writes its own special tokens.
            return (rendered, tokenizer.encode(rendered, addSpecialTokens: false))
        }
        guard let plain = try text ?? file.map(readText) else { throw ValidationError("Give --text, --file or --messages.") }
        return (plain, tokenizer.encode(plain, addSpecialTokens: !noSpecialTokens))
    }

    private func render(_ path: String, _ tokenizer: Tokenizer) throws -> String {
        let json: JSONValue
        do { json = try JSONValue.parse(readText(path)) } catch let error as JSONError { throw ModelError("\(path): \(error)") }
        let messages = json["messages"] ?? json
        guard messages.array != nil else { throw ModelError("\(path): no JSON array of messages") }
        guard let template = tokenizer.chatTemplate else {
            throw ModelError("the model has no chat template; give --text instead of --messages")
        }
        return try template.render(
            messages: messages, addGenerationPrompt: !noGenerationPrompt, bosToken: tokenizer.beginningOfText?.text,
            eosToken: tokenizer.endOfText?.text, tools: json["tools"])
    }
}
