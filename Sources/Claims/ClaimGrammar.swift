/// Facts as sentences, and sentences back as facts.
///
/// Explanations are written and judged through this: the teacher states facts with it, and precision and recall come from
/// reading a verbalizer's explanations with it.
public protocol ClaimGrammar: Sendable {
    /// The usual sentence for a fact, with its full stop; nil for a question the grammar does not know.
    func sentence(_ fact: Fact) -> String?
    /// Every sentence the grammar has for a fact, the usual one first.
    func paraphrases(_ fact: Fact) -> [String]
    /// The facts that an explanation claims, in order, and its sentences that are no claim this grammar knows.
    func read(_ explanation: String) -> (claims: [Fact], other: [String])
}

/// The question that every text answers: what are its last words?
///
/// The value is one to a few words in order; it is true of a text that ends with them.
public let endingQuestion = Question(subject: "the text", relation: "ends with")

extension LabelledDocument {
    /// Whether a claim is true of the first `length` bytes of the text: one of its truths, or its true last words.
    public func isTrue(_ claim: Fact, at length: Int) -> Bool {
        if claim.question == endingQuestion {
            return LabelledDocument.ends(text.utf8.prefix(length), with: claim.value)
        }
        return truths.contains { $0.fact == claim && $0.standing(at: length) != nil }
    }

    /// Whether a text ends with whole words: the words stand at its end, and no letter stands directly before them. Any white space
    /// is as good as another.
    static func ends(_ text: some BidirectionalCollection<UInt8>, with words: String) -> Bool {
        var rest = text[...], wanted = Array(words.utf8)[...]
        guard let first = wanted.first, !isSpace(first) else { return false }
        while let byte = wanted.popLast() {
            guard let own = rest.popLast() else { return false }
            if isSpace(byte) {
                guard isSpace(own) else { return false }
                while let next = wanted.last, isSpace(next) { wanted.removeLast() }
                while let next = rest.last, isSpace(next) { rest.removeLast() }
            } else if byte != own {
                return false
            }
        }
        guard let before = rest.last else { return true }
        return !isWordByte(before) || !isWordByte(first)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        byte >= 0x80 || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
