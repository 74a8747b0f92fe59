/// Learns a byte-level vocabulary from texts, as GPT-2 and Qwen2 have them (Sennrich et al. 2016; Radford et al. 2019).
///
///     var trainer = try BytePairTrainer(.init(vocabularySize: 4000, extraTokens: [.special("<|im_end|>")]))
///     for text in texts { trainer.add(text) }
///     try trainer.train().write(to: folder, endOfText: "<|im_end|>")
///
/// Merges are those of the `tokenizers` package's `BpeTrainer` with equal settings: the most frequent pair first, of equally
/// frequent ones the pair with the lower ids. Every byte is a piece, so every text can be encoded.
public struct BytePairTrainer: Sendable {
    /// How text is split into words, which no piece reaches beyond.
    public enum Pattern: Sendable {
        /// GPT-2's: contractions, letters, digits and symbols apart, each with the space before it.
        case gpt2
        /// Qwen2's: digits one by one, line breaks apart.
        case qwen2
    }

    /// A token that stands for itself wherever it occurs in a text, and is no part of any word.
    public struct ExtraToken: Sendable, Equatable {
        /// Its text.
        public var content: String
        /// Whether decoding leaves it out, as markup.
        public var isSpecial: Bool

        /// A token that is text, such as a marker character.
        public static func text(_ content: String) -> ExtraToken { ExtraToken(content: content, isSpecial: false) }
        /// A token that is markup, such as `<|im_end|>`.
        public static func special(_ content: String) -> ExtraToken { ExtraToken(content: content, isSpecial: true) }
    }

    /// How to train.
    public struct Options: Sendable {
        /// Ids in all: 256 bytes, the pieces that merges make, and the extra tokens. Fewer come out when the texts run out of
        /// pairs.
        public var vocabularySize: Int
        /// How often a pair must occur to be merged.
        public var minimumFrequency: Int
        /// How text is split into words.
        public var pattern: Pattern
        /// Tokens whose ids follow those of the pieces, in this order.
        public var extraTokens: [ExtraToken]

        /// Options.
        public init(
            vocabularySize: Int, minimumFrequency: Int = 2, pattern: Pattern = .qwen2, extraTokens: [ExtraToken] = []
        ) {
            self.vocabularySize = vocabularySize
            self.minimumFrequency = minimumFrequency
            self.pattern = pattern
            self.extraTokens = extraTokens
        }
    }

    private let options: Options
    private let preTokenizer: PreTokenizer?
    private let matcher: AddedTokenMatcher
    private var words = WordCounts()

    /// A trainer that has seen no text. Throws a `TokenizerError` for a size that does not hold the bytes and the extra tokens,
    /// and for extra tokens that are empty or named twice.
    public init(_ options: Options) throws {
        let contents = options.extraTokens.map { Array($0.content.utf8) }
        guard Set(contents).count == contents.count, !contents.contains([]) else {
            throw TokenizerError(
                source: "the extra tokens", reason: "one is empty or stands there twice; name each once")
        }
        let range = 256 + contents.count...Int(Vocabulary.largestID)
        guard range.contains(options.vocabularySize) else {
            throw TokenizerError(
                source: "a vocabulary of \(options.vocabularySize)",
                reason:
                    "256 bytes and \(contents.count) extra tokens take \(range.lowerBound); ask for at least as many")
        }
        self.options = options
        preTokenizer = try ComponentReader(source: "the trainer").preTokenizer(options.pattern.json)
        matcher = AddedTokenMatcher(
            zip(options.extraTokens, contents).map { token, bytes in
                AddedTokenMatcher.Pattern(
                    token: AddedToken(special: token.content), id: 0, bytes: bytes, isIgnored: false)
            })
    }

    /// Counts the words of a text. Extra tokens in it separate words and are not learned from.
    public mutating func add(_ text: String) {
        let (matcher, preTokenizer) = (matcher, preTokenizer)
        var text = text
        text.withUTF8 { bytes in
            matcher.split(bytes) { piece in
                guard case .text(let range) = piece else { return }
                let part = NormalizedText(original: Array(bytes[range]), beginsText: range.lowerBound == 0)
                var split = Words(part.bytes, origin: part.origin)
                preTokenizer?.apply(to: &split)
                split.forEach { words.add($0) }
            }
        }
    }

    /// Learns from the words counted so far.
    ///
    /// Takes time in proportion to the distinct words that each merge touches: about a second for 4,000 pieces of two million
    /// words.
    ///
    /// - Parameter progress: called after every hundredth merge with the number of pieces.
    public func train(progress: (Int) -> Void = { _ in }) -> TrainedTokenizer {
        var learner = MergeLearner(words)
        let size = options.vocabularySize - options.extraTokens.count
        while learner.pieces.count < size, learner.merge(minimumFrequency: options.minimumFrequency) {
            if learner.merges.count % 100 == 0 { progress(learner.pieces.count) }
        }
        let pieces = learner.pieces.map { String(decoding: $0, as: UTF8.self) }
        return TrainedTokenizer(
            pieces: pieces,
            merges: learner.merges.map { (pieces[Int($0.left)], pieces[Int($0.right)]) },
            extraTokens: options.extraTokens, pattern: options.pattern)
    }
}

/// Distinct words, spelled in the byte alphabet, with how often each occurs.
struct WordCounts: Sendable {
    /// Words, with their place in `counts` for an id.
    private(set) var words = Vocabulary()
    private(set) var counts: [Int] = []

    /// Counts a word. Beyond sixteen million distinct ones, new words are left out.
    mutating func add(_ word: UnsafeBufferPointer<UInt8>) {
        if let place = words.id(of: word) {
            counts[Int(place)] += 1
        } else if counts.count <= Int(Vocabulary.largestID) {
            words.insert(word, id: Int32(counts.count))
            counts.append(1)
        }
    }
}
