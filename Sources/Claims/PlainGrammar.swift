/// A grammar for any labelled documents: «The hero's motive is "greedy".»
///
/// Values are quoted, so that they may hold anything but a double quote; a fact that holds one has no sentence.
public struct PlainGrammar: ClaimGrammar {
    /// The grammar.
    public init() {}

    public func sentence(_ fact: Fact) -> String? { paraphrases(fact).first }

    public func paraphrases(_ fact: Fact) -> [String] {
        let parts = [fact.subject, fact.relation, fact.value]
        guard parts.allSatisfy({ !$0.isEmpty && !$0.contains("\"") && !$0.contains("\n") }),
            !fact.subject.hasPrefix("The "), !fact.relation.contains("'s "), !fact.relation.hasSuffix(" is")
        else { return [] }
        if fact.question == endingQuestion { return ["The text ends with \"\(fact.value)\"."] }
        // Only the article changes its first letter: a name begins as it is written.
        let beginning = fact.subject.hasPrefix("the ") ? "T" + fact.subject.dropFirst() : fact.subject
        return [
            "\(beginning)'s \(fact.relation) is \"\(fact.value)\".",
            "\"\(fact.value)\" is \(fact.subject)'s \(fact.relation).",
        ]
    }

    public func read(_ explanation: String) -> (claims: [Fact], other: [String]) {
        var claims: [Fact] = [], other: [String] = []
        for sentence in Sentences.split(explanation) {
            if let fact = read(sentence: sentence) { claims.append(fact) } else { other.append(sentence) }
        }
        return (claims, other)
    }

    private func read(sentence: String) -> Fact? {
        guard sentence.hasSuffix(".") else { return nil }
        let body = String(sentence.dropLast())
        let pieces = body.split(separator: "\"", omittingEmptySubsequences: false).map(String.init)
        guard pieces.count == 3 else { return nil }
        let (before, value, after) = (pieces[0], pieces[1], pieces[2])
        if before == "The text ends with ", after.isEmpty {
            return Fact(endingQuestion.subject, endingQuestion.relation, value)
        }
        let question: String
        if after.isEmpty, before.hasSuffix(" is ") {
            question = (before.hasPrefix("The ") ? "t" + before.dropFirst() : before).dropLast(4).description
        } else if before.isEmpty, after.hasPrefix(" is ") {
            question = String(after.dropFirst(4))
        } else {
            return nil
        }
        // The last one: a subject may hold one itself.
        guard let mark = question.ranges(of: "'s ").last, mark.lowerBound > question.startIndex,
            mark.upperBound < question.endIndex
        else { return nil }
        return Fact(String(question[..<mark.lowerBound]), String(question[mark.upperBound...]), value)
    }
}

/// The sentences of an explanation.
public enum Sentences {
    /// Cuts behind full stops, exclamation and question marks that a space follows, outside double quotes, and at line ends.
    public static func split(_ text: String) -> [String] {
        var sentences: [String] = [], current = "", isQuoted = false, isEnded = false
        for character in text {
            if character == "\n" || (isEnded && character.isWhitespace) {
                if !current.isEmpty { sentences.append(current) }
                (current, isQuoted, isEnded) = ("", false, false)
                continue
            }
            if current.isEmpty, character.isWhitespace { continue }
            if character == "\"" { isQuoted.toggle() }
            current.append(character)
            isEnded = !isQuoted && (".!?".contains(character) || (isEnded && character == "\""))
        }
        if !current.isEmpty { sentences.append(current) }
        return sentences
    }
}
