import Hummingbird
import JSON

extension Endpoints {
    /// `POST /tokenize`: the tokens of a text or a chat, and where each comes from.
    func tokenize(_ request: RequestFields) async throws -> Response {
        var fields = request
        let text = try await readText(&fields)
        return try await pool.run(size: text.text.utf8.count) {
            Response(json: [
                "tokens": .array(text.tokens), "prompt_length": .integer(text.ids.count), "text": .string(text.text),
            ])
        }
    }

    /// The text that a request wants read, once all its other fields have been looked at. Throws for what is wrong with any.
    func readText(_ fields: inout RequestFields) async throws -> EncodedText {
        let input = TextRequest(&fields, limit: settings.maximumInputCharacters)
        try fields.check()
        guard let input else { throw InvalidRequest("there is nothing to read; send `text` or `messages`") }
        return try await encode(input)
    }

    /// Encodes a text for the target.
    func encode(_ input: TextRequest, addsSpecialTokens: Bool = false) async throws -> EncodedText {
        let target = try target(), limit = settings.maximumInputTokens
        return try await pool.run(size: input.byteCount) {
            try EncodedText(input, target, limit: limit, addsSpecialTokens: addsSpecialTokens)
        }
    }

    /// The same where there must be something to compute.
    func readTextWithTokens(_ fields: inout RequestFields) async throws -> EncodedText {
        let text = try await readText(&fields)
        guard !text.ids.isEmpty else {
            throw InvalidRequest("the text has no tokens; send some text", at: ["text"])
        }
        return text
    }
}
