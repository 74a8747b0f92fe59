import Hummingbird
import JSON

extension Endpoints {
    /// `POST /tokenize`: the tokens of a text or a chat, and where each comes from.
    func tokenize(_ request: RequestFields) throws -> Response {
        var fields = request
        let text = try readText(&fields)
        return Response(json: [
            "tokens": .array(text.tokens), "prompt_length": .integer(text.ids.count), "text": .string(text.text),
        ])
    }

    /// The text that a request wants read, once all its other fields have been looked at. Throws for what is wrong with any.
    func readText(_ fields: inout RequestFields) throws -> EncodedText {
        let input = TextRequest(&fields, limit: settings.maximumInputCharacters)
        try fields.check()
        guard let input else { throw InvalidRequest("there is nothing to read; send `text` or `messages`") }
        return try EncodedText(input, target(), limit: settings.maximumInputTokens)
    }

    /// The same where there must be something to compute.
    func readTextWithTokens(_ fields: inout RequestFields) throws -> EncodedText {
        let text = try readText(&fields)
        guard !text.ids.isEmpty else {
            throw InvalidRequest("the text has no tokens; send some text", at: ["text"])
        }
        return text
    }
}
