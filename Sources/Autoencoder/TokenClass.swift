import LanguageModel
import Tokenization

/// What a token is in its text, for measures that differ by it.
public enum TokenClass: String, Sendable, CaseIterable {
    /// The first token that a model reads, whose activation is of another size than all others in many models.
    case first
    case special
    case wordStart = "word start"
    case wordInside = "inside a word"
    case number
    case punctuation
    case space

    /// The kind of each token of a text that is read from its first one on.
    public static func of(_ ids: [Int32], _ tokenizer: Tokenizer) -> [TokenClass] {
        ids.enumerated().map { $0.offset == 0 ? .first : of($0.element, tokenizer) }
    }

    private static func of(_ id: Int32, _ tokenizer: Tokenizer) -> TokenClass {
        if tokenizer.specialTokenIDs.contains(id) { return .special }
        let piece = tokenizer.token(id) ?? "", text = tokenizer.decode([id], skipSpecialTokens: false)
        // Tokenizers write a space as one of these, and some leave it out where they decode a single token.
        let hasSpace = piece.hasPrefix("▁") || piece.hasPrefix("Ġ") || text.first?.isWhitespace == true
        guard let first = text.first(where: { !$0.isWhitespace }) else { return .space }
        if first.isNumber { return .number }
        // Bytes of a character belong to a word.
        if first.isLetter || first == "\u{FFFD}" { return hasSpace ? .wordStart : .wordInside }
        return .punctuation
    }
}
