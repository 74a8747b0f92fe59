import Tokenization

/// A token of a text as a person can read it.
public enum DisplayedToken {
    /// The token's text. A token that is only a part of a character's bytes is shown as that character with its number among the
    /// parts, such as `京 2/3`.
    public static func text(of ids: [Int32], at position: Int, _ tokenizer: Tokenizer) -> String {
        func decoded(_ range: Range<Int>) -> String { tokenizer.decode(Array(ids[range]), skipSpecialTokens: false) }
        let alone = decoded(position..<position + 1)
        guard alone.unicodeScalars.contains("\u{FFFD}") else { return alone }
        // A character has at most four bytes.
        for length in 2...4 {
            for begin in max(0, position - length + 1)...position where begin + length <= ids.count {
                let whole = decoded(begin..<begin + length)
                if !whole.unicodeScalars.contains("\u{FFFD}") {
                    return "\(whole) \(position - begin + 1)/\(length)"
                }
            }
        }
        return tokenizer.token(ids[position]) ?? alone
    }
}
