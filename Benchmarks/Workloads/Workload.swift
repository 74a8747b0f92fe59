/// The workloads of `nla bench`: token counts as in the PyTorch script beside them, so that results compare line by line.
public enum Workload: String, CaseIterable, Sendable {
    /// 8 documents × 256 tokens, residual stream behind block K.
    case extract
    /// A activations × G samples, a 125-token prompt whose token 100 is the injected vector, N new tokens at temperature 1.
    case rollout
    /// One sequence, 125-token prompt, 32 new tokens, prompt time excluded.
    case decode1
    /// Verbalizer fine-tuning step: 8 × (125 prompt + 122 response) tokens, loss on the response, backward, AdamW.
    case verbalizerStep = "av_step"
    /// Reconstructor forward on 32 × 126 tokens.
    case score
    /// Reconstructor step: 8 × 126 tokens, linear head on the last token, normalized MSE, backward, AdamW.
    case reconstructorStep = "ar_step"
    /// Joint training step: A activations × G samples of N tokens behind the 125-token prompt at temperature 1; their
    /// reconstructions from 10 + N tokens as rewards; log-probabilities under a frozen reference; an update of the verbalizer with
    /// KL penalty, and one of the reconstructor.
    case jointStep = "rl_step"

    /// The key of its result.
    public var resultKey: String {
        switch self {
        case .extract: "extract_tokens_per_s"
        case .rollout: "rollout_new_tokens_per_s"
        case .decode1: "decode1_tokens_per_s"
        case .verbalizerStep: "av_step_s"
        case .score: "score_explanations_per_s"
        case .reconstructorStep: "ar_step_s"
        case .jointStep: "rl_step_s"
        }
    }
}
