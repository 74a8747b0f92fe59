import JSON

/// The contents of tokenizer.json.
struct TokenizerFile {
    var model: BytePairEncoder
    /// The added tokens with the ids that the file gives them.
    var addedTokens: [(id: Int, token: AddedToken)]
    var normalizer: Normalizer?
    var preTokenizer: PreTokenizer?
    var postProcessor: PostProcessor
    /// Nil where the file has no decoder, which is not the same as one without steps.
    var decoder: [DecoderStep]?
    /// The token of the section `padding`. Padding itself is nothing that single texts need.
    var paddingToken: String?
    let source: String

    /// Reads the file's bytes.
    ///
    /// - Throws: `TokenizerError` that names `source`.
    init(_ bytes: UnsafeBufferPointer<UInt8>, source: String) throws {
        do {
            var reader = JSONReader(bytes)
            // Checked once for the whole file, so that pieces need not be checked one by one.
            if let offset = UTF8Validation.firstInvalidOffset(in: bytes) {
                throw reader.error("this byte is not valid UTF-8", at: offset)
            }
            var model: BytePairEncoder?
            var parts = JSONObject()
            try reader.readObject { reader, key in
                let key = String(decoding: key, as: UTF8.self)
                if key == "model", reader.peek() == UInt8(ascii: "{") {
                    model = try ModelReader.read(&reader, source: source)
                } else {
                    parts[key] = try reader.readValue()
                }
            }
            try reader.expectEnd()
            guard let model else {
                throw TokenizerError(source: source, reason: "there is no \"model\" object; is this a tokenizer.json?")
            }
            try self.init(model: model, parts: parts, source: source)
        } catch let error as JSONError {
            throw TokenizerError(source: source, reason: Self.reason(error, UnsafeRawBufferPointer(bytes)))
        }
    }

    /// What a file is that should be JSON and is not, or what is wrong in it.
    static func reason(_ error: JSONError, _ bytes: UnsafeRawBufferPointer) -> String {
        FileFormat.complaint(of: bytes, wanted: .json) ?? "\(error); download the file again"
    }

    private init(model: BytePairEncoder, parts: JSONObject, source: String) throws {
        let components = ComponentReader(source: source)
        self.source = source
        paddingToken = parts["padding"]?["pad_token"]?.string
        self.model = model
        addedTokens = try Self.addedTokens(parts["added_tokens"], source: source)
        normalizer = try components.normalizer(parts["normalizer"])
        preTokenizer = try components.preTokenizer(parts["pre_tokenizer"])
        postProcessor = try components.postProcessor(parts["post_processor"])
        decoder = try components.decoder(parts["decoder"])
    }

    private static func addedTokens(_ value: JSONValue?, source: String) throws -> [(id: Int, token: AddedToken)] {
        try (value?.array ?? []).enumerated().map { position, value in
            guard let token = AddedToken(value), let id = value["id"]?.int, (0...Int(Vocabulary.largestID)).contains(id)
            else {
                throw TokenizerError(
                    source: source,
                    reason: "added token \(position) needs a \"content\" and an \"id\" from 0 to "
                        + "\(Vocabulary.largestID); write both")
            }
            return (id, token)
        }
    }
}
