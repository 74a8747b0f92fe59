import Foundation

/// What a verbalizer wrote about an activation.
public struct Explanation: Sendable, Equatable {
    /// The text as written, tags and all.
    public var text: String
    /// The tokens it wrote, the last one included, whatever it was.
    public var ids: [Int32]
    /// The log-probability of each token under the verbalizer's own distribution (temperature 1).
    public var logProbabilities: [Float]

    /// A text with its tokens.
    public init(text: String, ids: [Int32] = [], logProbabilities: [Float] = []) {
        self.text = text
        self.ids = ids
        self.logProbabilities = logProbabilities
    }

    /// What explanations are written between.
    public static let openTag = "<explanation>", closeTag = "</explanation>"

    /// Whether both tags are there: otherwise the extraction failed (docs/method.md §2).
    public var isComplete: Bool { Explanation.inside(text) != nil }

    /// The explanation: what stands between the tags, stripped. Where a tag is missing, the text up to the other, or from it on.
    public var description: String {
        if let inside = Explanation.inside(text) { return inside }
        let rest = text.range(of: Explanation.openTag).map { text[$0.upperBound...] } ?? text[...]
        let body = rest.range(of: Explanation.closeTag).map { rest[..<$0.lowerBound] } ?? rest
        return body.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The text between the first open tag and the next close tag, stripped; nil if one of them is missing.
    public static func inside(_ text: String) -> String? {
        guard let open = text.range(of: openTag),
            let close = text.range(of: closeTag, range: open.upperBound..<text.endIndex)
        else { return nil }
        return text[open.upperBound..<close.lowerBound].trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
