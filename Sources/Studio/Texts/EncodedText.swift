import HTTPTypes
import JSON
import Tokenization

/// A text as the target reads it.
struct EncodedText: Sendable {
    /// The text, rendered if it was a chat.
    var text: String
    var ids: [Int32]
    /// How each token is shown.
    var readable: [ReadableToken]
    /// Where in a chat each token comes from; empty for a plain text.
    var spans: [ChatSpan]

    /// Encodes what a request is about. Throws `InvalidRequest` for a chat that the template refuses, and for too many tokens.
    ///
    /// - Parameter addsSpecialTokens: whether those of the tokenizer are put around what a chat template writes, which usually writes
    ///   its own.
    init(
        _ request: TextRequest, _ model: ModelFacts.Writer, limit: Int, addsSpecialTokens: Bool = false
    ) throws {
        let tokenizer = model.tokenizer
        switch request.source {
        case .text(let text):
            self.text = text
            ids = tokenizer.encode(text)
            spans = []
        case .messages(let messages):
            let chat = try EncodedText.render(request, messages, model)
            text = chat.text
            (ids, spans) = EncodedText.encode(chat, tokenizer, addsSpecialTokens: addsSpecialTokens)
        }
        guard ids.count <= limit else {
            throw InvalidRequest("the text has \(ids.count) tokens, at most \(limit) are read; send a shorter one")
        }
        if let id = ids.first(where: { Int($0) >= model.vocabularySize }) {
            throw ErrorReply(
                .internalServerError,
                "\(model.name): token \(id) is outside its vocabulary; tokenizer and weights do not belong together")
        }
        readable = ReadableTokens.all(ids, tokenizer)
    }

    private static func render(
        _ request: TextRequest, _ messages: [ChatMessage], _ model: ModelFacts.Writer
    ) throws -> RenderedChat {
        guard !model.tokenizer.chatTemplates.isEmpty else {
            throw InvalidRequest("\(model.name) has no chat template; send `text`", at: ["messages"])
        }
        do {
            return try RenderedChat(request, messages, model.tokenizer)
        } catch let error as TokenizerError {
            throw InvalidRequest("the chat template refuses the messages: \(error.reason)", at: ["messages"])
        }
    }

    /// The ids, and the span of each token: that in which its first byte lies. None where the tokens have no places in the text.
    private static func encode(
        _ chat: RenderedChat, _ tokenizer: Tokenizer, addsSpecialTokens: Bool
    ) -> ([Int32], [ChatSpan]) {
        guard !chat.spans.isEmpty,
            let placed = try? tokenizer.encodeWithPlaces(chat.text, addSpecialTokens: addsSpecialTokens)
        else {
            return (tokenizer.encode(chat.text, addSpecialTokens: addsSpecialTokens), [])
        }
        var begin = 0, span = 0
        let spans = placed.byteEnds.map { end in
            while span < chat.spans.count - 1, begin >= chat.spans[span].byteEnd { span += 1 }
            begin = end
            return chat.spans[span]
        }
        return (placed.ids, spans)
    }

    /// What the contract says of the token at a position.
    func information(at position: Int) -> JSONObject {
        TokenInformation.json(
            readable[position], ids[position], position: position, span: spans.isEmpty ? nil : spans[position])
    }

    /// All tokens.
    var tokens: [JSONValue] { ids.indices.map { .object(information(at: $0)) } }
}

/// The contract's `TokenInfo`.
enum TokenInformation {
    static func json(_ token: ReadableToken, _ id: Int32, position: Int, span: ChatSpan?) -> JSONObject {
        var object = JSONObject()
        object["token"] = .string(token.text)
        object["token_id"] = .integer(Int(id))
        object["position"] = .integer(position)
        object["role"] = JSONValue(span?.role)
        object["message_index"] = JSONValue(span?.message)
        object["section"] = JSONValue(span?.section.rawValue)
        object["channel"] = JSONValue(span?.channel)
        object["fragment_index"] = .integer(token.fragmentIndex)
        object["fragment_count"] = .integer(token.fragmentCount)
        return object
    }
}
