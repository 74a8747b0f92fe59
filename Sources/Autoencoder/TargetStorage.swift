import LanguageModel

/// Which weights may stand in for those of the target that a pair was trained on.
///
/// A content hash is of weights as they are stored, so a quantized copy of a target has another one.
public enum TargetStorage: Sendable {
    /// The weights whose hash was recorded, and no others.
    case recorded
    /// Also a copy that says that it was quantized from them, as `nla quantize` writes it.
    case quantized
    /// Any model of the width and depth: that it is the target, stored otherwise, is the user's word.
    case any

    /// Whether weights of another hash are taken.
    ///
    /// - Parameters:
    ///   - origin: the hash of the model that they were quantized from, where they say so.
    ///   - wanted: the hash that was recorded.
    public func allows(_ origin: String?, for wanted: String) -> Bool {
        switch self {
        case .recorded: false
        case .quantized: origin == wanted.lowercased()
        case .any: true
        }
    }

    /// What to say of scores on activations of a model that is stored in another way than the one that a pair was trained on, in one line; nil
    /// where it is not, or where nothing is known of it.
    ///
    /// - Parameters:
    ///   - used: how the model in use is stored.
    ///   - trainedOn: how the one that the pair was trained on was stored, if that was recorded.
    ///   - isRecorded: whether the hash is the recorded one; nil where there is none to compare.
    public static func note(_ used: String?, trainedOn: String?, isRecorded: Bool?) -> String? {
        guard isRecorded != true else { return nil }
        if isRecorded == nil {
            guard let used, let trainedOn, used != trainedOn else { return nil }
        }
        let own = used.map { "is stored as \($0)" } ?? "has other weights"
        let other = trainedOn.map { "on \($0)" } ?? "on other weights of it"
        return "note: the target \(own), the pair was trained \(other); "
            + "nla compare-targets says how far its activations are"
    }

    /// The end of an error about weights of another hash, where they may be the target's in another storage.
    static func hint(_ checkpoint: Checkpoint) -> String {
        checkpoint.isQuantized
            ? "; it is stored as \(checkpoint.storage): if it was made from that model, give --any-storage" : ""
    }
}
