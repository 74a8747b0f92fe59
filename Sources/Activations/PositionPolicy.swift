import Claims
import Tensors
import Tokenization

/// At which tokens of a document activations are read.
///
/// Random positions are drawn by a generator keyed on seed and document id: a document has the same rows wherever and whenever
/// it is read.
public struct PositionPolicy: Sendable, Equatable {
    /// Random positions of each document; fewer where it is short.
    public var perDocument: Int
    /// Whether to read, besides, at the document's moments.
    public var includeMoments: Bool
    /// No position before this one is read (docs/method.md §4: early ones carry little), not at moments either.
    public var firstPosition: Int

    /// A policy.
    public init(perDocument: Int, includeMoments: Bool = false, firstPosition: Int = 0) {
        self.perDocument = perDocument
        self.includeMoments = includeMoments
        self.firstPosition = firstPosition
    }

    /// A position to read, and the moment that stands there, if it is not a random one.
    struct Choice: Equatable {
        let position: Int
        let moment: Int?
    }

    /// The positions of a document, increasing.
    ///
    /// Tokens that end within a character, or stand for no text, are left out. A moment's position is the last token that ends
    /// at its offset or before it: what follows is the answer. Of moments at one position the first counts; random
    /// positions are drawn among the others.
    func choices(_ tokens: PlacedTokens, of document: LabelledDocument, seed: UInt64) -> [Choice] {
        let text = Array(document.text.utf8)
        var candidates = tokens.textTokens.filter { position in
            let end = tokens.byteEnds[position]
            return position >= firstPosition && end > 0 && (end == text.count || text[end] & 0xC0 != 0x80)
        }
        var moments: [Int: Int] = [:]
        if includeMoments {
            for (index, moment) in document.moments.enumerated() {
                guard let position = candidates.last(where: { tokens.byteEnds[$0] <= moment.offset }) else { continue }
                if moments[position] == nil { moments[position] = index }
            }
        }
        candidates.removeAll { moments[$0] != nil }
        var random = Random(seed: seed, Random.key(document.id))
        let count = min(perDocument, candidates.count)
        for place in 0..<count {
            candidates.swapAt(place, Int.random(in: place..<candidates.count, using: &random))
        }
        let drawn = candidates.prefix(count).map { Choice(position: $0, moment: nil) }
        return (drawn + moments.map { Choice(position: $0.key, moment: $0.value) }).sorted { $0.position < $1.position }
    }
}
