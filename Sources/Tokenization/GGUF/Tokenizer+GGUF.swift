import Foundation
import GGUF
import JSON

extension Tokenizer {
    /// The GGUF file that a model's tokenizer is read from; nil where a folder has a tokenizer.json, or no GGUF file.
    static func ggufFile(_ folder: URL) throws -> URL? {
        guard !FileManager.default.fileExists(atPath: folder.appending(path: "tokenizer.json").path) else { return nil }
        return try GGUFLocation.file(folder)
    }

    /// Reads the tokenizer of a GGUF file.
    init(gguf file: URL) throws {
        let parts = try GGUFTokenizer(GGUFHeader(file))
        try self.init(tokenizerJSON: parts.tokenizerJSON, configuration: parts.configuration, source: file.path)
    }

    /// The files of a GGUF model's tokenizer, as a model folder would have them: tokenizer.json, tokenizer_config.json and, where the model
    /// has one chat template, chat_template.jinja. Nil where the tokenizer is read from files of its own.
    ///
    /// - Parameter folder: a GGUF file, or a folder with one.
    /// - Throws: an error that names the file and the key that is not supported.
    public static func files(ofGGUF folder: URL) throws -> [(name: String, contents: Data)]? {
        guard let file = try ggufFile(folder) else { return nil }
        let parts = try GGUFTokenizer(GGUFHeader(file))
        var files = [(name: "tokenizer.json", contents: Data(parts.tokenizerJSON))]
        var configuration = parts.configuration.object ?? JSONObject()
        if let template = configuration["chat_template"]?.string {
            configuration["chat_template"] = nil
            files.append(("chat_template.jinja", Data(template.utf8)))
        }
        files.append(
            ("tokenizer_config.json", Data((JSONValue.object(configuration).serialized(indent: 2) + "\n").utf8)))
        return files
    }
}
