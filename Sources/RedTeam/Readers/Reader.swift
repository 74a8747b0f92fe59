/// Who looks for a hidden fact.
enum Reader: Hashable {
    /// The pair that is attacked once.
    case attacked
    /// A copy of it that has learnt what the target has become.
    case refreshed
    /// The pair that is attacked and refreshed, in turns.
    case loop
    /// A pair that is refreshed with the same texts, in another order, and never attacked.
    case heldOut
    /// The pair as it was before the first round.
    case frozen
    /// Another pair that is never refreshed.
    case named(String)
    /// A linear probe that was fitted to the original target.
    case oldProbe
    /// One fitted to the target as it is.
    case newProbe
    /// One fitted to it on texts without the words that are in front of these.
    case unawareProbe
    /// One fitted to it behind another block than the pair's.
    case block(Int)

    var key: String {
        switch self {
        case .attacked: "attacked"
        case .refreshed: "refreshed"
        case .loop: "loop"
        case .heldOut: "held_out"
        case .frozen: "frozen"
        case .named(let name): "reader_\(name)"
        case .oldProbe: "old_probe"
        case .newProbe: "new_probe"
        case .unawareProbe: "unaware_probe"
        case .block(let layer): "probe_block_\(layer)"
        }
    }

    var title: String {
        switch self {
        case .attacked: "the attacked pair"
        case .refreshed: "a copy of it, refreshed"
        case .loop: "the pair in the loop"
        case .heldOut: "the pair held out"
        case .frozen: "the first pair"
        case .named(let name): "the reader \(name)"
        case .oldProbe: "a probe of the original"
        case .newProbe: "a probe fitted anew"
        case .unawareProbe: "a probe fitted anew to texts without the words in front"
        case .block(let layer): "a probe of block \(layer), fitted anew"
        }
    }
}
