import LanguageModel

/// Which tokens of a text to explain.
public enum TextPositions {
    /// As many as are explained of a text without being asked for.
    public static let defaultCount = 32

    /// Positions in increasing order, or in the order asked for. Negative ones count from the end. Throws for a text without tokens
    /// and for positions outside it.
    ///
    /// - Parameters:
    ///   - positions: those asked for.
    ///   - every: every n-th token, counted back from the last.
    public static func chosen(of count: Int, positions: [Int]? = nil, every: Int? = nil) throws -> [Int] {
        guard count > 0 else { throw ModelError("the text has no tokens; give some text") }
        if let positions {
            return try positions.map { position in
                let index = position < 0 ? count + position : position
                guard (0..<count).contains(index) else {
                    throw ModelError("position \(position) is outside the text, which has \(count) tokens")
                }
                return index
            }
        }
        let step = every ?? max(1, (count + defaultCount - 1) / defaultCount)
        return stride(from: count - 1, through: 0, by: -step).reversed()
    }
}
