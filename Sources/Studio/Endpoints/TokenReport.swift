import JSON
import Tokenization

/// What clients of `/v1` are told of the tokens of a text: each token's own bytes, its log-probability, and the most probable tokens in
/// its place.
struct TokenReport: Sendable {
    /// A token as it is told.
    struct Token: Sendable {
        /// The bytes that the token stands for, which may be a part of a character.
        let bytes: [UInt8]
        let logProbability: Float
        /// The bytes as text, or, where they are none, written out: `\xf0\x9f`.
        var text: String {
            String(validating: bytes, as: UTF8.self)
                ?? bytes.map { "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
    }

    private let tokenizer: Tokenizer
    /// Whether special tokens are left out of the text.
    private let skipsSpecialTokens: Bool
    /// Whether no token of the text came yet.
    private var isFirst = true

    init(_ tokenizer: Tokenizer, skipsSpecialTokens: Bool) {
        self.tokenizer = tokenizer
        self.skipsSpecialTokens = skipsSpecialTokens
    }

    /// Takes the text's next token.
    mutating func append(_ event: Scheduler.WritingEvent) -> (token: Token, alternatives: [Token]) {
        let token = token(event.id, event.logProbability)
        let alternatives = event.alternatives.map { self.token($0.token, $0.logProbability) }
        if !(skipsSpecialTokens && tokenizer.specialTokenIDs.contains(event.id)) { isFirst = false }
        return (token, alternatives)
    }

    private func token(_ id: Int32, _ logProbability: Float) -> Token {
        Token(bytes: tokenizer.bytes(of: id, isFirst: isFirst) ?? [], logProbability: logProbability)
    }
}

extension TokenReport.Token {
    /// As chats have it.
    var json: JSONObject {
        JSONObject([
            ("token", .string(text)), ("logprob", .number(Double(logProbability))),
            ("bytes", .array(bytes.map { .integer(Int($0)) })),
        ])
    }
}
