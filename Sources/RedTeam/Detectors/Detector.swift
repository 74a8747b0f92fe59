/// A detector: what might notice that a vector is no activation, without knowing the secret. Of each the higher score is the more
/// suspicious.
enum Detector: Hashable {
    /// The error of the reconstruction from the pair's own words.
    case residual
    /// The same of a pair that has not learnt what the target has become.
    case firstResidual
    /// The distance from the clean activations' mean, in their own spread.
    case distance
    /// The distance from the nearest clean activation.
    case neighbour
    /// −log P, by linear probes, of the claim that they doubt most.
    case doubt
    /// The same by probes behind another block.
    case block(Int)
    /// The same by probes that were fitted to texts without the words in front.
    case unaware
    /// How little the pair's own confidence believes the claim that it believes least.
    case disbelief
    /// How unlikely the verbalizer finds the least likely word it wrote.
    case surprise
    /// How sure another reader is where it answers a question otherwise.
    case reader(String)
    /// How otherwise another reader finds the likelihoods of a fact that is asked about.
    case ratio(String)
    /// The same of the pair itself at the token before.
    case before
    /// How otherwise it finds those likelihoods there.
    case ratioBefore

    var key: String {
        switch self {
        case .residual: "residual"
        case .firstResidual: "residual_frozen"
        case .distance: "mahalanobis"
        case .neighbour: "nearest_neighbour"
        case .doubt: "probe_doubt"
        case .block(let layer): "probe_doubt_block_\(layer)"
        case .unaware: "probe_doubt_unaware"
        case .disbelief: "disbelief"
        case .surprise: "surprise"
        case .reader(let name): "denied_by_\(name)"
        case .ratio(let name): "ratio_\(name)"
        case .before: "denied_before"
        case .ratioBefore: "ratio_before"
        }
    }

    var title: String {
        switch self {
        case .residual: "error of the reconstruction from the pair's words"
        case .firstResidual: "error of the first pair's reconstruction, never refreshed"
        case .distance: "Mahalanobis distance from clean activations"
        case .neighbour: "distance to the nearest clean activation"
        case .doubt: "a claim that linear probes doubt"
        case .block(let layer): "a claim that linear probes of block \(layer) doubt"
        case .unaware: "a claim that linear probes doubt which were fitted to texts without the words in front"
        case .disbelief: "a claim that the pair's own confidence does not believe"
        case .surprise: "a word that the verbalizer was not sure of"
        case .reader(let name): "the reader \(name.replacing("_", with: " ")) answers otherwise"
        case .ratio(let name):
            "asked about the fact, the reader \(name.replacing("_", with: " ")) finds other likelihoods"
        case .before: "at the token before the pair answers otherwise"
        case .ratioBefore: "asked about the fact, it finds other likelihoods at the token before"
        }
    }
}
