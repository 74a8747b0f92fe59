import Tokenization

/// How a token is shown: its text, or, for one of several tokens that share the bytes of a character, that character.
struct ReadableToken: Sendable, Equatable {
    /// The text. The same for all tokens of a run.
    var text: String
    /// Which token of its run this is, and of how many; 0 and 1 for a token that is text by itself.
    var fragmentIndex = 0, fragmentCount = 1
}

/// Groups tokens into runs that are text: usually one token each, several where a character's bytes are spread over tokens.
struct ReadableTokens {
    private let tokenizer: Tokenizer
    /// Tokens that are no text yet.
    private var waiting: [Int32] = []
    /// No character needs more: four bytes, and a token at each end that reaches into its neighbours.
    private static let longestRun = 8

    init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

    /// All tokens of a text.
    static func all(_ ids: [Int32], _ tokenizer: Tokenizer) -> [ReadableToken] {
        var tokens = ReadableTokens(tokenizer)
        return ids.flatMap { tokens.append($0) } + tokens.finish()
    }

    /// Takes a token; returns those that can now be shown, in order.
    mutating func append(_ id: Int32) -> [ReadableToken] {
        waiting.append(id)
        let text = decoded(waiting[...])
        if !text.unicodeScalars.contains("\u{FFFD}") {
            let count = waiting.count
            waiting = []
            return (0..<count).map { ReadableToken(text: text, fragmentIndex: $0, fragmentCount: count) }
        }
        // Bytes that never become a character, such as one cut off by a token that is text by itself.
        if waiting.count > 1, isText(id) {
            let cut = waiting.dropLast().map { alone($0) }
            waiting = []
            return cut + [alone(id)]
        }
        return waiting.count >= ReadableTokens.longestRun ? finish() : []
    }

    /// What still waited. No character came of it.
    mutating func finish() -> [ReadableToken] {
        defer { waiting = [] }
        return waiting.map { alone($0) }
    }

    private func alone(_ id: Int32) -> ReadableToken { ReadableToken(text: decoded([id])) }

    private func isText(_ id: Int32) -> Bool { !decoded([id]).unicodeScalars.contains("\u{FFFD}") }

    private func decoded(_ ids: ArraySlice<Int32>) -> String {
        tokenizer.decode(Array(ids), skipSpecialTokens: false)
    }
}
