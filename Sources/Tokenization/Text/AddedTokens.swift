import JSON

/// A token that is added to the model's pieces and that is recognized in text before anything else.
struct AddedToken: Sendable, Equatable {
    let content: String
    /// Matches only where no word character touches it.
    var isSingleWord = false
    /// Takes the white space before it along.
    var stripsLeft = false
    /// Takes the white space after it along.
    var stripsRight = false
    /// Is looked for after normalization rather than before.
    var isNormalized: Bool
    var isSpecial: Bool

    /// A token given as text only, which the package takes for a special one.
    init(special content: String) {
        self.content = content
        isNormalized = false
        isSpecial = true
    }

    /// Reads an object with a `content` and flags, or returns nil where there is no content. What is not said of the flags is no.
    init?(_ value: JSONValue) {
        guard let content = value["content"]?.string else { return nil }
        self.content = content
        isSingleWord = value["single_word"]?.bool ?? false
        stripsLeft = value["lstrip"]?.bool ?? false
        stripsRight = value["rstrip"]?.bool ?? false
        isSpecial = value["special"]?.bool ?? false
        isNormalized = value["normalized"]?.bool ?? !isSpecial
    }
}

/// Finds added tokens in text, the longest of those that begin leftmost, as the Rust package does.
struct AddedTokenMatcher: Sendable {
    enum Piece {
        /// An added token, and where what it takes of the text ends.
        case token(Int32, end: Int)
        case text(Range<Int>)
    }

    /// A token to look for.
    struct Pattern {
        let token: AddedToken
        let id: Int32
        let bytes: [UInt8]
        /// Whether what it matches stays text all the same, and is not looked at for other tokens either.
        let isIgnored: Bool
    }

    private let tokens: [Pattern]
    /// For each byte, whether a token begins with it, which rules out nearly every place in a text.
    private var canBegin = [Bool](repeating: false, count: 256)
    /// A trie: from node and byte to node.
    private var children: [UInt64: Int32] = [:]
    /// The token that ends at each node, as a position in `tokens`, or -1.
    private var tokenAtNode: [Int32] = [-1]

    /// Makes a matcher of tokens with the bytes to look for.
    init(_ patterns: [Pattern]) {
        tokens = patterns
        for (position, pattern) in patterns.enumerated() {
            guard let first = pattern.bytes.first else { continue }
            canBegin[Int(first)] = true
            var node: Int32 = 0
            for byte in pattern.bytes {
                let edge = Self.edge(node, byte)
                if let child = children[edge] {
                    node = child
                } else {
                    node = Int32(tokenAtNode.count)
                    tokenAtNode.append(-1)
                    children[edge] = node
                }
            }
            tokenAtNode[Int(node)] = Int32(position)
        }
    }

    private static func edge(_ node: Int32, _ byte: UInt8) -> UInt64 {
        UInt64(node) << 8 | UInt64(byte)
    }

    /// Calls `body` with the tokens in `text` and the stretches between them, in order.
    func split(_ text: UnsafeBufferPointer<UInt8>, _ body: (Piece) -> Void) {
        guard !tokens.isEmpty else {
            if !text.isEmpty { body(.text(0..<text.count)) }
            return
        }
        var coveredEnd = 0
        // Remembered, so that tokens among much white space do not each walk all of it.
        var whitespaceEnd = 0
        var position = 0
        while position < text.count {
            guard canBegin[Int(text[position])], let (found, matchEnd) = longestMatch(in: text, at: position) else {
                position += 1
                continue
            }
            let matchStart = position
            position = matchEnd
            let (token, id) = (tokens[found].token, tokens[found].id)
            if tokens[found].isIgnored { continue }
            if token.isSingleWord, touchesWord(text, matchStart, matchEnd) { continue }
            var (start, end) = (matchStart, matchEnd)
            if token.stripsLeft { start = whitespaceStart(text, before: start, notBefore: coveredEnd) }
            if token.stripsRight {
                whitespaceEnd = max(whitespaceEnd, end)
                whitespaceEnd = self.whitespaceEnd(text, after: whitespaceEnd)
                end = whitespaceEnd
            }
            // What an earlier token took along leaves nothing of one that strips.
            guard start < end else { continue }
            if coveredEnd < start { body(.text(coveredEnd..<start)) }
            body(.token(id, end: end))
            coveredEnd = end
        }
        if coveredEnd < text.count { body(.text(coveredEnd..<text.count)) }
    }

    private func longestMatch(in text: UnsafeBufferPointer<UInt8>, at start: Int) -> (Int, Int)? {
        var node: Int32 = 0
        var longest: (Int, Int)?
        var position = start
        while position < text.count, let child = children[Self.edge(node, text[position])] {
            node = child
            position += 1
            if tokenAtNode[Int(node)] >= 0 { longest = (Int(tokenAtNode[Int(node)]), position) }
        }
        return longest
    }

    private func touchesWord(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Bool {
        if start > 0, UTF8Scalar.decode(text, at: UTF8Scalar.start(before: start, in: text)).scalar.isWord {
            return true
        }
        return end < text.count && UTF8Scalar.decode(text, at: end).scalar.isWord
    }

    private func whitespaceStart(_ text: UnsafeBufferPointer<UInt8>, before end: Int, notBefore limit: Int) -> Int {
        var start = end
        // A match may itself begin within the white space that the one before it took along.
        while start > limit {
            let last = UTF8Scalar.start(before: start, in: text)
            guard UTF8Scalar.decode(text, at: last).scalar.isWhitespace else { break }
            start = last
        }
        return max(start, limit)
    }

    private func whitespaceEnd(_ text: UnsafeBufferPointer<UInt8>, after start: Int) -> Int {
        var end = start
        while end < text.count, case (let scalar, let next) = UTF8Scalar.decode(text, at: end),
            scalar.isWhitespace
        {
            end = next
        }
        return end
    }
}
