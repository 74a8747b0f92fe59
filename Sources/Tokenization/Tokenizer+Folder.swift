import Foundation
import JSON

extension Tokenizer {
    /// Reads the tokenizer of a model folder.
    ///
    /// The folder must hold tokenizer.json. Where they are there, tokenizer_config.json, special_tokens_map.json,
    /// generation_config.json, config.json and chat_template.jinja give the markers and the chat template.
    ///
    /// - Throws: `TokenizerError` that names the file.
    public init(folder: URL) throws {
        let file = folder.appending(path: "tokenizer.json")
        guard let data = try? Data(contentsOf: file, options: .mappedIfSafe) else {
            throw TokenizerError(
                source: file.path, reason: "the file cannot be read; point to a folder that holds a tokenizer.json")
        }
        self.init(
            try data.withUnsafeBytes { bytes in
                try bytes.withMemoryRebound(to: UInt8.self) { try TokenizerFile($0, source: file.path) }
            })
        let configurationFile = folder.appending(path: "tokenizer_config.json")
        if let configuration = try Self.document(configurationFile) {
            try configure(configuration, source: configurationFile.path)
        }
        if let map = try Self.document(folder.appending(path: "special_tokens_map.json")) {
            beginningOfText = beginningOfText ?? marker(map["bos_token"])
            endOfText = endOfText ?? marker(map["eos_token"])
        }
        for name in ["generation_config.json", "config.json"] where beginningOfText == nil || endOfText == nil {
            guard let document = try Self.document(folder.appending(path: name)) else { continue }
            beginningOfText = beginningOfText ?? marker(id: document["bos_token_id"])
            endOfText = endOfText ?? marker(id: document["eos_token_id"])
        }
        let templateFile = folder.appending(path: "chat_template.jinja")
        if let template = try? Data(contentsOf: templateFile) {
            chatTemplate = try Self.template(String(decoding: template, as: UTF8.self), source: templateFile.path)
        }
    }

    /// Takes the markers and the chat template from the contents of tokenizer_config.json.
    mutating func configure(_ configuration: JSONValue, source: String) throws {
        beginningOfText = marker(configuration["bos_token"])
        endOfText = marker(configuration["eos_token"])
        let template = configuration["chat_template"]
        let text =
            template?.string
            ?? template?.array?.first { $0["name"]?.string == "default" }?["template"]?.string
        if let text { chatTemplate = try Self.template(text, source: "\(source), chat_template") }
    }

    private static func template(_ text: String, source: String) throws -> ChatTemplate {
        do {
            return try ChatTemplate(source: text)
        } catch let error as TokenizerError {
            throw TokenizerError(source: source, reason: error.reason)
        }
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

    /// Reads a token written as text or as an object with a `content`.
    private func marker(_ value: JSONValue?) -> Marker? {
        guard let text = value?.string ?? value?["content"]?.string else { return nil }
        return Marker(text: text, id: id(of: text))
    }

    /// Reads a token given by id, or by a list of ids of which the first counts.
    private func marker(id value: JSONValue?) -> Marker? {
        guard let id = (value?.int ?? value?[0]?.int).flatMap(Int32.init(exactly:)), let text = token(id) else {
            return nil
        }
        return Marker(text: text, id: id)
    }
}
