import Claims
import Faithfulness
import JSON

extension StudioEndpoints {
    /// What an explanation claims, sentence by sentence, with what is known of each: how probable it is, and whether it is true.
    ///
    /// - Parameter sentences: with the confidence in each; nil where there is none.
    func claims(
        _ description: String, _ sentences: [ConfidenceReader.Sentence]?, _ text: Readings.Encoded?, at position: Int
    ) -> [StoredClaim] {
        let parts = sentences ?? Sentences.split(description).map { .init(text: $0, confidence: nil) }
        let place = text.flatMap { text in text.byteEnds.map { (text.document, $0[position]) } }
        return parts.map { part in
            let fact = facts.grammar.read(part.text).claims.first
            let truth = fact.flatMap { fact in place.flatMap { StudioEndpoints.truth(of: fact, in: $0.0, at: $0.1) } }
            return StoredClaim(part.text, fact: fact, confidence: part.confidence, truth: truth)
        }
    }

    /// A fact as the page reads it.
    static func json(_ fact: Fact) -> JSONValue {
        ["subject": .string(fact.subject), "relation": .string(fact.relation), "value": .string(fact.value)]
    }

    /// Whether a claim is true of the beginning of a document; nil where no document is known.
    private static func truth(of claim: Fact, in document: LabelledDocument?, at length: Int) -> String? {
        guard let document else { return nil }
        guard document.isTrue(claim, at: length) else { return "false" }
        let standing = document.truths(at: length).first { $0.fact == claim }?.standing
        return standing == .latent ? "latent" : "true"
    }

    /// What a confidence means, in a sentence.
    static func words(_ confidence: Confidence?) -> String? {
        guard let confidence else { return nil }
        return
            "Of claims with evidence like this one's, about \(confidence.percent) in 100 are true, as far as this text is like those that the confidence was learnt from."
    }
}
