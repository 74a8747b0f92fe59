import ArgumentParser
import Foundation
import JSON
import LanguageModel
import Parquet
import Tokenization

/// `--text`, `--file` or `--messages`: the ways to give a command its text.
struct TextInput: ParsableArguments {
    @Option(parsing: .unconditional, help: ArgumentHelp("The text.", valueName: "text"))
    var text: String?

    @Option(help: ArgumentHelp("A file with the text.", valueName: "file"))
    var file: String?

    @Option(
        help: ArgumentHelp(
            "A chat: a JSON file with an array of objects with role and content, or a data set of chats.",
            valueName: "file"))
    var messages: String?

    @Option(
        help: ArgumentHelp("With --messages of a data set (Parquet, JSON Lines): which row, from 1.", valueName: "n"))
    var row: Int?

    @Option(
        help: "What conversations look like: messages, conversations or pairs; found by the first record by default.")
    var chatFormat: ChatFormat.Kind?

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
        if let row, messages == nil || row < 1 { throw ValidationError("--row, from 1, goes with --messages.") }
    }

    /// Throws where `--chat-format` is given and nothing that could be a chat.
    func checkChatFormat(of documents: String? = nil) throws {
        if chatFormat != nil && messages == nil && documents == nil {
            throw ValidationError("--chat-format goes with --messages, or with --documents where there are any.")
        }
    }

    /// The text, rendered if it was messages, and its ids. `folder` is the tokenizer's, for messages.
    ///
    /// - Parameter note: told what format a data set's conversations have.
    func encode(
        _ tokenizer: Tokenizer, _ folder: URL, note: (String) -> Void
    ) throws -> (text: String, ids: [Int32]) {
        if let messages {
            let rendered = try render(DataLocation.files(messages), tokenizer, folder, note)
            // A template writes its own special tokens.
            return (rendered, tokenizer.encode(rendered, addSpecialTokens: false))
        }
        let plain = try text ?? file.map(readText) ?? ""
        return (plain, tokenizer.encode(plain, addSpecialTokens: !noSpecialTokens))
    }

    private func render(
        _ files: [URL], _ tokenizer: Tokenizer, _ folder: URL, _ note: (String) -> Void
    ) throws -> String {
        let path = files[0].relativePath
        let isSet = row != nil || files.count > 1 || ParquetFile.isParquet(files[0])
        let json = try isSet ? record(row ?? 1, of: files) : readJSON(path)
        var conversation: Conversation
        do {
            // What is already as templates want it stays as it is.
            let isForeign = isSet || json.object != nil && json["messages"] == nil
            if isForeign || chatFormat != nil, let format = ChatFormat.detect(json, wanted: chatFormat) {
                conversation = try format.conversation(json, source: path)
                if isForeign { note("--messages: \(format.summary)") }
            } else if let chatFormat {
                throw ModelError(
                    "\(path): holds no \(chatFormat.rawValue); give another --chat-format, or none to have it found")
            } else {
                conversation = try Conversation(json, source: path)
            }
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

    /// A row of a data set.
    private func record(_ wanted: Int, of files: [URL]) throws -> JSONValue {
        struct Found: Error { let json: JSONValue }
        var count = 0
        do {
            try RecordReader.read(files, fields: ChatFormat.fields, failure: { ModelError($0) }) { record in
                count += 1
                if count == wanted { throw Found(json: record.json) }
            }
        } catch let found as Found { return found.json }
        throw ModelError("\(files[files.count - 1].relativePath): no row \(wanted); it has \(count)")
    }
}
