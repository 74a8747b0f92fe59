import Claims

/// The claims of this world as short plain sentences, several for each question, that all read back as the same fact.
///
///     let grammar = TinyWorldGrammar()
///     grammar.sentence(Fact("the hero", "motive", "greedy"))          // The hero is greedy.
///     grammar.read("The hero is greedy. What a day!").claims          // [the hero: motive greedy]
///
/// Case and spacing do not matter. A sentence of a known frame with a value that the world does not have is a claim all the
/// same, and a false one; a sentence of no frame is no claim.
public struct TinyWorldGrammar: ClaimGrammar {
    private let sentences: [Question: [Frame]]
    /// By first word, and for frames that begin with their value by last word.
    private let byFirst: [[UInt8]: [Frame]]
    private let byLast: [[UInt8]: [Frame]]
    /// Values as the world writes them, by question and lowercase bytes.
    private let known: [Question: [[UInt8]: String]]

    /// A sentence with a gap.
    private struct Frame: Sendable {
        let question: Question
        let before: String
        let after: String
        /// The same, lowercase and without the full stop.
        let prefix: [UInt8]
        let suffix: [UInt8]
    }

    /// The grammar of every question of the world.
    public init() {
        var sentences: [Question: [Frame]] = [:], known: [Question: [[UInt8]: String]] = [:]
        var byFirst: [[UInt8]: [Frame]] = [:], byLast: [[UInt8]: [Frame]] = [:]
        for (question, texts) in ClaimFrames.all {
            for text in texts {
                let parts = text.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
                let frame = Frame(
                    question: question, before: parts[0], after: parts[1], prefix: Self.lowercased(parts[0].utf8),
                    suffix: Self.lowercased(parts[1].utf8.dropLast()))
                sentences[question, default: []].append(frame)
                if frame.prefix.isEmpty || frame.prefix == [Self.quote] {
                    byLast[Self.lastWord(frame.suffix[...]), default: []].append(frame)
                } else {
                    byFirst[Self.firstWord(frame.prefix[...]), default: []].append(frame)
                }
            }
            for value in TinyWorld.values(of: question) ?? [] {
                known[question, default: [:]][Self.lowercased(value.utf8)] = value
            }
        }
        (self.sentences, self.known, self.byFirst, self.byLast) = (sentences, known, byFirst, byLast)
    }

    public func sentence(_ fact: Fact) -> String? {
        sentences[fact.question].map { Self.text($0[0], fact.value) }
    }

    public func paraphrases(_ fact: Fact) -> [String] {
        (sentences[fact.question] ?? []).map { Self.text($0, fact.value) }
    }

    private static func text(_ frame: Frame, _ value: String) -> String {
        let text = frame.before + value + frame.after
        guard frame.before.isEmpty, let first = text.first else { return text }
        return first.uppercased() + text.dropFirst()
    }

    public func read(_ explanation: String) -> (claims: [Fact], other: [String]) {
        var claims: [Fact] = [], other: [String] = []
        for sentence in Self.split(Array(explanation.utf8)) {
            if let claim = claim(sentence) {
                claims.append(claim)
            } else {
                other.append(String(decoding: sentence, as: UTF8.self))
            }
        }
        return (claims, other)
    }

    /// What a sentence claims: by the frame with the most words of its own; of equals, the one whose value is known.
    private func claim(_ sentence: [UInt8]) -> Fact? {
        var body = sentence[...]
        while let last = body.last, Self.isStop(last) || last == Self.space { body.removeLast() }
        let original = body
        let lowered = Self.lowercased(body)
        var best: (frame: Frame, score: Int)?
        for frames in [byFirst[Self.firstWord(lowered[...])], byLast[Self.lastWord(lowered[...])]] {
            for frame in frames ?? [] {
                let length = frame.prefix.count + frame.suffix.count
                guard lowered.count > length, lowered.starts(with: frame.prefix), Self.ends(lowered, frame.suffix)
                else {
                    continue
                }
                let value = Array(lowered[frame.prefix.count..<lowered.count - frame.suffix.count])
                let score = 2 * length + (known[frame.question]?[value] == nil ? 0 : 1)
                if score > best?.score ?? 0 { best = (frame, score) }
            }
        }
        guard let frame = best?.frame else { return nil }
        let range = frame.prefix.count..<lowered.count - frame.suffix.count
        let value =
            known[frame.question]?[Array(lowered[range])]
            ?? String(decoding: original.dropFirst(range.lowerBound).prefix(range.count), as: UTF8.self)
        return Fact(frame.question.subject, frame.question.relation, value)
    }
}

extension TinyWorldGrammar {
    private static let quote = UInt8(ascii: "\"")
    private static let space = UInt8(ascii: " ")

    private static func isStop(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ".") || byte == UInt8(ascii: "!") || byte == UInt8(ascii: "?")
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == space || (9...13).contains(byte) }

    private static func lowercased(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    }

    private static func firstWord(_ bytes: ArraySlice<UInt8>) -> [UInt8] { Array(bytes.prefix { $0 != space }) }

    private static func lastWord(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        Array(bytes[((bytes.lastIndex(of: space) ?? bytes.startIndex - 1) + 1)...])
    }

    private static func ends(_ bytes: [UInt8], _ suffix: [UInt8]) -> Bool {
        bytes.count >= suffix.count && bytes[(bytes.count - suffix.count)...].elementsEqual(suffix)
    }

    /// Sentences, with single spaces; a full stop inside quotes ends none, unless the quotes never close.
    private static func split(_ bytes: [UInt8]) -> [[UInt8]] {
        var sentences: [[UInt8]] = [], sentence: [UInt8] = []
        var quoted = false
        var rest = bytes.lazy.filter { $0 == quote }.count
        func finish() {
            while sentence.last == space { sentence.removeLast() }
            if sentence.contains(where: { !isStop($0) }) { sentences.append(sentence) }
            sentence.removeAll(keepingCapacity: true)
        }
        for (index, byte) in bytes.enumerated() {
            if isSpace(byte) {
                if let last = sentence.last, last != space { sentence.append(space) }
                continue
            }
            sentence.append(byte)
            if byte == quote {
                rest -= 1
                quoted = !quoted && rest > 0
            }
            let isLast = index + 1 == bytes.count || isSpace(bytes[index + 1])
            if isStop(byte) && !quoted && isLast { finish() }
        }
        finish()
        return sentences
    }
}
