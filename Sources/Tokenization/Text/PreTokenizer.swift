/// How text is split into words before byte-pair encoding: a step of tokenizer.json's `pre_tokenizer`.
indirect enum PreTokenizer: Sendable {
    /// Splits with a pattern, if any, and spells bytes in the characters that stand for them.
    case byteLevel(addsPrefixSpace: Bool, pattern: RegularExpression?)
    case split(TextPattern, SplitBehavior, inverted: Bool)
    case digits(individually: Bool)
    case whitespace
    case whitespaceSplit
    case punctuation(SplitBehavior)
    case metaspace(Metaspace)
    /// BERT's: white space goes, every punctuation character is a word.
    case bert
    /// Splits at a character, which goes.
    case characterDelimiter([UInt8])
    /// Words of so many characters.
    case fixedLength(Int)
    case sequence([PreTokenizer])

    /// Splits the words there are so far further.
    func apply(to words: inout Words) {
        switch self {
        case .byteLevel(let addsPrefixSpace, let pattern):
            if addsPrefixSpace {
                words.rewrite { word in
                    guard word.bytes.first != 0x20 else { return nil }
                    var word = word
                    word.prepend([0x20])
                    return word
                }
            }
            if let pattern { words.split(.isolated) { text, body in pattern.forEachMatch(in: text, body) } }
            words.spellBytes()
        case .split(let pattern, let behavior, let inverted):
            words.split(behavior, inverted: inverted) { text, body in pattern.forEachMatch(in: text, body) }
        case .digits(let individually):
            words.split(individually ? .isolated : .contiguous, onCharacters: \.isNumeric)
        case .whitespace:
            words.split(.removed, inverted: true, Self.forEachWordOrSymbolRun)
        case .whitespaceSplit:
            words.split(.removed, onCharacters: \.isWhitespace)
        case .punctuation(let behavior):
            words.split(behavior, onCharacters: \.isPunctuation)
        case .metaspace(let metaspace):
            metaspace.apply(to: &words)
        case .bert:
            words.split(.removed, onCharacters: \.isWhitespace)
            words.split(.isolated, onCharacters: \.isPunctuation)
        case .characterDelimiter(let character):
            words.split(.removed) { text, body in
                TextPattern.string(character).forEachMatch(in: text, body)
            }
        case .fixedLength(let length): words.cut(everyCharacters: length)
        case .sequence(let steps):
            for step in steps { step.apply(to: &words) }
        }
    }

    /// The matches of `\w+|[^\w\s]+`.
    private static func forEachWordOrSymbolRun(_ text: UnsafeBufferPointer<UInt8>, _ body: (Int, Int) -> Void) {
        enum Kind { case word, symbol, space }
        var runStart = 0
        var runKind = Kind.space
        var position = 0
        while position < text.count {
            let (scalar, end) = UTF8Scalar.decode(text, at: position)
            let kind: Kind = scalar.isWord ? .word : scalar.isWhitespace ? .space : .symbol
            if kind != runKind {
                if runKind != .space { body(runStart, position) }
                runStart = position
                runKind = kind
            }
            position = end
        }
        if runKind != .space { body(runStart, text.count) }
    }
}

/// What becomes of the matches that text is split at.
enum SplitBehavior: String, Sendable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"

    /// Puts together the parts of a text, which alternate freely between matches and what lies between them.
    func combine(_ parts: [Words.Part]) -> [Words.Part] {
        switch self {
        case .isolated: return parts
        case .removed: return parts.filter { !$0.isMatch }
        case .contiguous: return Self.merge(parts) { part, previous in part.isMatch == previous }
        case .mergedWithPrevious: return Self.merge(parts) { part, previous in part.isMatch && !previous }
        case .mergedWithNext:
            return Self.merge(parts.reversed()) { part, previous in part.isMatch && !previous }.reversed()
        }
    }

    /// Merges a part into the neighbour before it where `joins` says so, given whether that neighbour was a match.
    private static func merge(_ parts: [Words.Part], _ joins: (Words.Part, Bool) -> Bool) -> [Words.Part] {
        var merged: [Words.Part] = []
        var previousIsMatch = false
        for part in parts {
            if joins(part, previousIsMatch), let last = merged.last {
                let range =
                    min(
                        last.range.lowerBound, part.range.lowerBound)..<max(
                        last.range.upperBound, part.range.upperBound)
                merged[merged.count - 1] = Words.Part(range: range, isMatch: last.isMatch)
            } else {
                merged.append(part)
            }
            previousIsMatch = part.isMatch
        }
        return merged
    }
}

/// SentencePiece's way with spaces: each becomes a visible character, which words keep in front.
struct Metaspace: Sendable {
    /// When the character is put before text that does not begin with it.
    enum PrependScheme: String, Sendable {
        case always, never, first
    }

    let replacement: [UInt8]
    let prependScheme: PrependScheme
    let splits: Bool

    func apply(to words: inout Words) {
        let space = TextPattern.string([0x20])
        words.rewrite { word in
            var text = word.replacing(space, with: replacement)
            let prepends = prependScheme == .always || prependScheme == .first && word.origin != nil
            if prepends, !text.bytes.starts(with: replacement) { text.prepend(replacement) }
            return text
        }
        guard splits else { return }
        let pattern = TextPattern.string(replacement)
        words.split(.mergedWithNext) { text, body in pattern.forEachMatch(in: text, body) }
    }
}
