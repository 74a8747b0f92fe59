import Activations
import Autoencoder
import Claims
import JSON
import Teaching

/// An explanation of a held-out row as it stood at some step, for people to look at: a line of `samples.jsonl`.
struct ExplanationSample {
    /// The line, without the step.
    let json: JSONObject

    /// An explanation with the end of the text that it is about, its error, and what is true of its claims.
    init(
        _ store: ActivationStore, row: Int, _ explanation: Explanation, _ error: Double, _ grammar: any ClaimGrammar
    ) {
        let document = store.document(of: row), length = store.row(row).byteEnd
        let text = store.textSoFar(row)
        let standings = document.truths(at: length)
        let claims = grammar.read(explanation.description).claims.map { claim -> JSONValue in
            [
                "text": .string(grammar.sentence(claim) ?? "\(claim.question): \(claim.value)"),
                "true": .bool(document.isTrue(claim, at: length)),
                "standing": standings.first { $0.fact == claim }.map { .string($0.standing.rawValue) } ?? .null,
            ]
        }
        json = JSONObject([
            ("id", .string(store.id(of: row))), ("kind", .string(document.kind)),
            ("text", .string(String(text.suffix(400)))),
            ("explanation", .string(explanation.description)), ("complete", .bool(explanation.isComplete)),
            ("mse", .number(error)), ("claims", .array(claims)),
        ])
    }
}
