import Autoencoder
import Claims
import Tokenization

/// Finds which tokens of an explanation say the values of its claims: of `The hero is greedy.` those of `greedy`.
package struct ClaimTokens {
    private let grammar: any ClaimGrammar
    private let tokenizer: Tokenizer

    package init(_ grammar: any ClaimGrammar, _ tokenizer: Tokenizer) {
        self.grammar = grammar
        self.tokenizer = tokenizer
    }

    /// For each token of an explanation whether it is part of a claim's value.
    package func isValue(_ explanation: Explanation) -> [Bool] {
        let values = valueRanges(explanation)
        return tokenRanges(explanation).map { token in values.contains { $0.bytes.overlaps(token) } }
    }

    /// The mean log-probability of the tokens that say each claim's value, where the explanation has log-probabilities; of equal
    /// claims that of the first.
    package func meanLogProbabilities(_ explanation: Explanation) -> [Fact: Double] {
        guard explanation.logProbabilities.count == explanation.ids.count else { return [:] }
        let tokens = tokenRanges(explanation)
        var means: [Fact: Double] = [:]
        for (claim, bytes) in valueRanges(explanation) where means[claim] == nil {
            let own = tokens.indices.filter { tokens[$0].overlaps(bytes) }
            guard !own.isEmpty else { continue }
            means[claim] = own.reduce(0) { $0 + Double(explanation.logProbabilities[$1]) } / Double(own.count)
        }
        return means
    }

    /// The bytes of each token.
    private func tokenRanges(_ explanation: Explanation) -> [Range<Int>] {
        var end = 0
        return tokenizer.byteLengths(of: explanation.ids).map { length in
            end += length
            return end - length..<end
        }
    }

    /// The bytes of the text that say each claim's value.
    private func valueRanges(_ explanation: Explanation) -> [(claim: Fact, bytes: Range<Int>)] {
        let text = Array(explanation.text.utf8)
        var begin = 0
        return Sentences.split(explanation.description).compactMap { sentence in
            guard let place = text.firstRange(of: Array(sentence.utf8), from: begin) else { return nil }
            begin = place.upperBound
            guard let claim = grammar.read(sentence).claims.first else { return nil }
            let lower = Array(sentence.lowercased().utf8), wanted = Array(claim.value.lowercased().utf8)
            // Lowercasing may change lengths outside ASCII; then the whole sentence counts.
            guard lower.count == sentence.utf8.count else { return (claim, place) }
            return lower.lastRange(of: wanted).map {
                (claim, place.lowerBound + $0.lowerBound..<place.lowerBound + $0.upperBound)
            }
        }
    }
}

extension [UInt8] {
    /// The first place of `pattern` at or behind `start`.
    fileprivate func firstRange(of pattern: [UInt8], from start: Int) -> Range<Int>? {
        places(of: pattern, in: start..<Swift.max(start, count)).first
    }

    /// The last place of `pattern`.
    fileprivate func lastRange(of pattern: [UInt8]) -> Range<Int>? { places(of: pattern, in: 0..<count).last }

    private func places(of pattern: [UInt8], in range: Range<Int>) -> [Range<Int>] {
        guard !pattern.isEmpty, range.count >= pattern.count else { return [] }
        return (range.lowerBound...range.upperBound - pattern.count).compactMap { begin in
            self[begin..<begin + pattern.count].elementsEqual(pattern) ? begin..<begin + pattern.count : nil
        }
    }
}
