import JSON

/// A kind of model: which `model_type`s it reads, and what it makes of their `config.json`.
///
/// To add one, write a file beside this with its reader and put it into `all`; see CONTRIBUTING.md.
struct ModelFamily: Sendable {
    /// Values of `model_type` this family reads.
    let modelTypes: [String]
    /// Turns a configuration into the decoder it describes. Throws `ModelError` naming the key.
    let configuration: @Sendable (ConfigurationReader) throws -> DecoderConfiguration

    /// Every family, in the order they are named in messages.
    static let all: [ModelFamily] = [llama, qwen2, qwen3, gemma3]
}

extension DecoderConfiguration {
    /// Reads a `config.json`. A wrapped multimodal configuration (`text_config`) is read for its text part.
    ///
    /// - Parameters:
    ///   - json: the parsed file.
    ///   - source: its path, for messages.
    public init(json: JSONValue, source: String) throws {
        let outer = try ConfigurationReader(json, source: source)
        var reader = outer
        if let text = outer.value("text_config") {
            guard var object = text.object else { throw outer.fail("text_config", "not an object") }
            // A wrapped model ties its embeddings as the outer file says, and what the inner one says is read by nobody. Gemma's
            // default is to tie them.
            let key = "tie_word_embeddings"
            let isGemma = outer.value("model_type")?.string.map(ModelFamily.gemma3.modelTypes.contains) ?? false
            if let tied = outer.json[key] {
                object[key] = tied.isNull ? false : tied
            } else if isGemma {
                object[key] = true
            }
            reader = try ConfigurationReader(.object(object), source: "\(source): text_config")
        }
        if let message = json.errorMessage, outer.json["model_type"] == nil {
            throw ModelError(
                "\(source): a server's error message (\(outer.shown(.string(message)))), no configuration; download it again"
            )
        }
        let type = try reader.text("model_type", default: try? outer.text("model_type"))
        guard let family = ModelFamily.all.first(where: { $0.modelTypes.contains(type) }) else {
            let known = ModelFamily.all.flatMap(\.modelTypes).joined(separator: ", ")
            throw outer.fail(
                "model_type",
                "unknown architecture \(outer.shown(.string(type))); known are \(known) (CONTRIBUTING.md says how to add one)"
            )
        }
        for reader in [outer, reader] {
            for key in ["quantization_config", "compression_config", "quantization"] {
                try reader.refuse(key) { _ in false }
            }
        }
        self = try family.configuration(reader)
    }
}
