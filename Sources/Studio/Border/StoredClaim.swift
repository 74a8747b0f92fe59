import Claims
import JSON

/// A sentence of a stored explanation, with what is known of it.
struct StoredClaim: Sendable {
    var sentence: String
    /// What it says, where that can be read.
    var fact: Fact?
    /// How probable it is to be true.
    var confidence: Confidence?
    /// `true`, `latent` (true, and nowhere said) or `false`; nil where nobody knows.
    var truth: String?

    /// Sentences of one explanation, and characters of one sentence: more than any explanation that a studio writes has.
    static let limit = 1 << 17, sentenceLimit = 1 << 17

    init(_ sentence: String, fact: Fact?, confidence: Confidence? = nil, truth: String? = nil) {
        self.sentence = sentence
        self.fact = fact
        self.confidence = confidence
        self.truth = truth
    }

    init(_ json: ForeignJSON) throws {
        sentence = try json.text("sentence", limit: StoredClaim.sentenceLimit)
        confidence = try json.confidence("confidence")
        truth = try json.word("truth", of: ["true", "latent", "false"])
        guard let fact = json.field("fact") else { return }
        let part = json.at(fact, "fact"), limit = StoredClaim.sentenceLimit
        do {
            self.fact = Fact(
                try part.text("subject", limit: limit), try part.text("relation", limit: limit),
                try part.text("value", limit: limit))
        } catch {
            if json.attitude == .refuses { throw error }
        }
    }

    /// As the page reads it.
    var json: JSONValue {
        [
            "sentence": .string(sentence), "fact": fact.map(StudioEndpoints.json) ?? .null,
            "confidence": JSONValue(confidence?.value), "truth": JSONValue(truth),
            "words": JSONValue(StudioEndpoints.words(confidence)),
        ]
    }
}

extension [StoredClaim] {
    var json: JSONValue { .array(map(\.json)) }
}
