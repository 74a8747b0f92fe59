import Tensors

/// What changes a model's logits before a token is drawn, depending on what has been read and written.
///
/// The order is vLLM's: tokens that are held back and the bias first, then the repetition penalty, then the frequency and the presence
/// penalty; temperature and the cuts of `Sampling` follow. Log-probabilities that are reported are the model's own, before all of
/// this.
public struct LogitRules: Sendable, Equatable {
    /// Logits of tokens of the prompt and of the text are divided by it where they are positive and multiplied by it otherwise
    /// (Keskar et al. 2019, arXiv:1909.05858, section 4.1); above 0, 1 for none.
    public var repetitionPenalty: Float = 1
    /// Taken from the logit of every token of the text.
    public var presencePenalty: Float = 0
    /// Taken from the logit of every token of the text, as often as it stands there.
    public var frequencyPenalty: Float = 0
    /// Added to the logits of tokens.
    public var bias: [Int32: Float] = [:]
    /// Until the text has so many tokens, none of `heldBack` is drawn.
    public var minimumTokens = 0
    /// Tokens that end texts.
    public var heldBack: Set<Int32> = []

    /// No rules.
    public init() {}
}

/// The edits that rules come to while a text is written, kept up to date token by token.
struct LogitEdits {
    private let rules: LogitRules
    /// One for each token concerned.
    private(set) var edits: [Sampling.Edit] = []
    private var places: [Int32: Int] = [:]
    private var written = 0
    /// Tokens of the text.
    private var counted: Set<Int32> = []

    /// - Parameter prompt: the tokens read so far, which count for the repetition penalty.
    init(_ rules: LogitRules, prompt: [Int32]) {
        self.rules = rules
        for (token, bias) in rules.bias { self[token].bias = bias }
        if rules.repetitionPenalty != 1 { for token in prompt { self[token].repetition = rules.repetitionPenalty } }
        if rules.minimumTokens > 0 { for token in rules.heldBack { self[token].bias = -.infinity } }
    }

    /// Takes a token that was drawn.
    mutating func append(_ token: Int32) {
        written += 1
        if rules.repetitionPenalty != 1 { self[token].repetition = rules.repetitionPenalty }
        if rules.presencePenalty != 0 || rules.frequencyPenalty != 0 {
            self[token].penalty += rules.frequencyPenalty + (counted.insert(token).inserted ? rules.presencePenalty : 0)
        }
        if written == rules.minimumTokens {
            for token in rules.heldBack { self[token].bias = rules.bias[token] ?? 0 }
        }
    }

    private subscript(_ token: Int32) -> Sampling.Edit {
        get { places[token].map { edits[$0] } ?? Sampling.Edit(token) }
        set {
            if let place = places[token] {
                edits[place] = newValue
            } else {
                places[token] = edits.count
                edits.append(newValue)
            }
        }
    }
}
