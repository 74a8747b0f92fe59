import Claims
import LanguageModel
import Runs
import Tokenization

/// Documents as a language model is trained on them: their tokens, then the end-of-text token.
package struct TokenizedDocuments: Sendable {
    /// The documents.
    package let source: any DocumentSource
    /// Turns their text into tokens.
    package let tokenizer: Tokenizer
    /// How much of a document is read, in tokens.
    package let limit: Int
    private let endOfText: Int32

    /// Throws a ``TrainingError`` if the tokenizer has no end-of-text token.
    package init(_ source: any DocumentSource, _ tokenizer: Tokenizer, limit: Int) throws {
        guard let end = tokenizer.endOfText?.id else {
            throw TrainingError(
                "the tokenizer has no end-of-text token; name one as eos_token in tokenizer_config.json")
        }
        self.source = source
        self.tokenizer = tokenizer
        self.limit = limit
        endOfText = end
    }

    /// What the model reads of a document, and the token that follows each of these.
    package func tokens(_ document: LabelledDocument) -> (inputs: [Int32], targets: [Int32]) {
        let all = (tokenizer.encode(document.text) + [endOfText]).prefix(limit + 1)
        return (Array(all.dropLast()), Array(all.dropFirst()))
    }

    /// Tokens of a document on average, over the first few hundred.
    package func averageLength() -> Double {
        let sample = min(256, source.count ?? 256)
        let total = (0..<sample).reduce(0) { $0 + tokens(source.document($1)).inputs.count }
        return max(1, Double(total) / Double(max(1, sample)))
    }

    /// How many documents have so many tokens on average, at least one.
    package func count(tokens: Int) -> Int { max(1, Int((Double(tokens) / averageLength()).rounded())) }
}

/// Documents of one pass through a decoder, each a root of the tree.
package struct DocumentBatch: Sendable {
    /// Their tokens.
    package var tree = TokenTree()
    /// The token that follows each row.
    package var targets: [Int32] = []

    /// Nothing.
    package init() {}

    /// Appends a document; returns its segment.
    @discardableResult
    package mutating func append(_ document: (inputs: [Int32], targets: [Int32])) -> Int {
        targets += document.targets
        return tree.append(document.inputs)
    }
}
