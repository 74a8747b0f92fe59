import Runs

/// What the options of runs over whole documents have in common, each declared once.
package protocol DocumentOptions: RunOptions {
    /// `tiny-world`, or a JSON Lines file.
    var data: String { get set }
    /// A JSON Lines file to measure on; nil takes a part of `data`.
    var heldOut: String? { get set }
    /// Tokens of a step, about.
    var tokensPerStep: Int { get set }
    /// Longest part of a document that is read, in tokens.
    var documentTokens: Int { get set }
    /// Held-out documents of an evaluation.
    var evaluationDocuments: Int { get set }
}

extension DocumentOptions {
    package static var documentFields: [RunField<Self>] {
        [
            RunField(
                "data", \.data,
                "What to read: tiny-world, or a file with a \"text\" in each line (JSON Lines) or row (Parquet)."),
            RunField(
                "held_out", \.heldOut,
                "A JSON Lines file to measure on; none takes the held-out side of a tiny world, or a fiftieth of a file."
            ),
            RunField(
                "tokens_per_step", \.tokensPerStep, in: 1...1_000_000, "Tokens of a step, about: whole documents."),
            RunField(
                "document_tokens", \.documentTokens, in: 2...100_000, "How much of a document is read, in tokens."),
            RunField(
                "evaluation_documents", \.evaluationDocuments, in: 1...1_000_000, fixed: false,
                "Held-out documents of an evaluation."),
        ]
    }
}
