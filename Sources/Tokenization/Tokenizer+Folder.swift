import Foundation
import GGUF
import JSON

extension Tokenizer {
    /// Reads the tokenizer of a model folder.
    ///
    /// The folder must hold tokenizer.json. Where they are there, tokenizer_config.json, special_tokens_map.json and
    /// added_tokens.json give special tokens, generation_config.json and config.json the markers that these do not name, and
    /// chat_template.jinja, chat_template.json and chat_templates/ the chat templates. A GGUF file has its own tokenizer; one in a folder
    /// is asked where there is no tokenizer.json.
    ///
    /// - Throws: `TokenizerError` that names the file.
    public init(folder: URL) throws {
        if let gguf = try Tokenizer.ggufFile(folder) {
            try self.init(gguf: gguf)
            return
        }
        let file = folder.appending(path: "tokenizer.json")
        guard let data = try? Data(contentsOf: file, options: .mappedIfSafe) else {
            throw TokenizerError(
                source: file.path, reason: "the file cannot be read; point to a folder that holds a tokenizer.json")
        }
        let contents = try data.withUnsafeBytes { bytes in
            try bytes.withMemoryRebound(to: UInt8.self) { try TokenizerFile($0, source: file.path) }
        }
        self.init(contents)
        let configurationFile = folder.appending(path: "tokenizer_config.json")
        let configuration = try Self.document(configurationFile)
        let settings = try SpecialTokenSettings(
            contents, configuration: configuration,
            map: try Self.document(folder.appending(path: "special_tokens_map.json")),
            added: try Self.document(folder.appending(path: "added_tokens.json")), source: configurationFile.path)
        apply(settings)
        try checkAddedTokens()
        // Templates do not get these: what no tokenizer file names, they do not know.
        for name in ["generation_config.json", "config.json"] {
            guard let document = try Self.document(folder.appending(path: name)) else { continue }
            if beginningOfText == nil, !settings.nullNames.contains("bos_token") {
                beginningOfText = marker(id: document["bos_token_id"])
            }
            if endOfText == nil, !settings.nullNames.contains("eos_token") {
                endOfText = marker(id: document["eos_token_id"])
            }
        }
        chatTemplates = try ChatTemplateFiles.templates(configuration, folder: folder)
    }

    /// Reads a JSON file, or returns nil where there is none.
    private static func document(_ file: URL) throws -> JSONValue? {
        guard let data = try? Data(contentsOf: file) else { return nil }
        do {
            return try JSONValue.parse(data)
        } catch let error as JSONError {
            throw TokenizerError(source: file.path, reason: data.withUnsafeBytes { TokenizerFile.reason(error, $0) })
        }
    }

    /// Reads a token given by id, or by a list of ids of which the first counts.
    private func marker(id value: JSONValue?) -> Marker? {
        guard let id = (value?.int ?? value?[0]?.int).flatMap(Int32.init(exactly:)), let text = token(id) else {
            return nil
        }
        return Marker(text: text, id: id)
    }
}
