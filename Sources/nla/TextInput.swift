import ArgumentParser
import Foundation
import JSON
import LanguageModel
import Tokenization

/// `--text`, `--file` or `--messages`: the ways to give a command its text.
struct TextInput: ParsableArguments {
    @Option(parsing: .unconditional, help: ArgumentHelp("The text.", valueName: "text"))
    var text: String?

    @Option(help: ArgumentHelp("A file with the text.", valueName: "file"))
    var file: String?

    @Option(
        help: ArgumentHelp(
            "A JSON file with chat messages: an array of objects with role and content.", valueName: "file.json"))
    var messages: String?

    @Flag(help: "With --messages: do not open the assistant's turn.")
    var noGenerationPrompt = false

    @Flag(help: "Do not add the tokenizer's special tokens, such as a beginning-of-text token.")
    var noSpecialTokens = false

    var count: Int { [text, file, messages].compactMap { $0 }.count }

    func validate() throws {
        if count > 1 { throw ValidationError("Give only one of --text, --file and --messages.") }
        if noGenerationPrompt && messages == nil {
            throw ValidationError("--no-generation-prompt goes with --messages.")
        }
    }

    /// The text, rendered if it was messages, and its ids. `folder` is the tokenizer's, for messages.
    func encode(_ tokenizer: Tokenizer, _ folder: URL) throws -> (text: String, ids: [Int32]) {
        if let messages {
            let rendered = try render(messages, tokenizer, folder)
            // A template writes its own special tokens.
            return (rendered, tokenizer.encode(rendered, addSpecialTokens: false))
        }
        let plain = try text ?? file.map(readText) ?? ""
        return (plain, tokenizer.encode(plain, addSpecialTokens: !noSpecialTokens))
    }

    private func render(_ path: String, _ tokenizer: Tokenizer, _ folder: URL) throws -> String {
        let json = try readJSON(path)
        var conversation: Conversation
        do {
            conversation = try Conversation(json, source: path)
        } catch let error as TokenizerError {
            throw ModelError("\(error)")
        }
        if noGenerationPrompt { conversation.addsGenerationPrompt = false }
        guard !conversation.messages.isEmpty else {
            throw ModelError("\(path): an array of messages is needed, each with \"role\" and \"content\"")
        }
        guard !tokenizer.chatTemplates.isEmpty else {
            throw ModelError("\(folder.path): the model has no chat template; give --text instead of --messages")
        }
        do {
            return try tokenizer.render(conversation)
        } catch let error as TokenizerError {
            throw ModelError("\(folder.path): \(error) (messages of \(path))")
        }
    }
}
