import LanguageModel
import Tensors

/// What continuations are written after. Several of one prompt share its rows; the rows are freed with the last of them.
///
/// Belongs to the models' thread.
final class Prompt {
    /// What the model is given.
    enum Content {
        /// Tokens.
        case tokens([Int32])
        /// Rows [n, d] in place of embedded tokens, n ≥ 1.
        case embeddings(Tensor)
        /// The verbalizer's own prompt around an activation [1, d], prepared for injection.
        case activation(Tensor)
        /// One token behind another prompt, with something else in the residual stream at it. Computed by the lane's `branches`.
        case branch
    }

    let content: Content
    /// Rows computed so far.
    var computed = 0
    /// Its nodes, root first. The last one has logits once `isReady`.
    var nodes: [DecodingSession.Node] = []
    /// Whether continuations can start.
    var isReady = false
    /// Continuations, and prompts behind it, that have not ended.
    var users = 0
    /// Whether memory for what is written after it has been taken already.
    var isPaid = false
    /// The prompt that it stands behind, if it is a branch.
    var parent: Prompt?

    init(_ content: Content) { self.content = content }
}

/// One text to be written. Belongs to the models' thread; its closures are called there.
final class Continuation {
    /// Whose it is.
    let ticket: Ticket
    let prompt: Prompt
    let options: DecodingSession.Options
    let seed: UInt64
    /// Takes a token; answers whether the text is complete.
    let take: (DecodingSession.Event) -> Bool
    /// Is told that the text will not be completed, and why.
    let fail: (any Error) -> Void

    init(
        _ ticket: Ticket, _ prompt: Prompt, _ options: DecodingSession.Options, seed: UInt64,
        take: @escaping (DecodingSession.Event) -> Bool, fail: @escaping (any Error) -> Void
    ) {
        self.ticket = ticket
        self.prompt = prompt
        self.options = options
        self.seed = seed
        self.take = take
        self.fail = fail
    }
}
