import Tensors

/// A forest of token segments: the one input of everything the decoder does.
///
/// A segment continues its parent: its tokens attend to their ancestors and to their own past, and to nothing else. A prompt
/// that many continuations share is one segment, computed once, and in the backward pass it collects what every continuation
/// sends back. Prefill, decoding, scoring and training are all this.
///
///     var tree = TokenTree()
///     let prompt = tree.append(promptTokens)
///     let answers = samples.map { tree.append($0, after: prompt) }
///
/// Rows are numbered through the segments in the order of appending.
public struct TokenTree: Sendable {
    /// Consecutive tokens with one parent.
    public struct Segment: Sendable {
        /// The segment this one continues; nil for a root.
        public let parent: Int?
        /// Row of its first token.
        public let firstRow: Int
        /// Position of its first token: the number of tokens above it.
        public let firstPosition: Int
        /// Number of tokens.
        public let count: Int

        /// Its rows.
        public var rows: Range<Int> { firstRow..<firstRow + count }
    }

    /// The segments, parents before children.
    public private(set) var segments: [Segment] = []
    /// All tokens, row by row.
    public private(set) var tokens: [Int32] = []
    /// Position of each row on its path from the root.
    public private(set) var positions: [Int32] = []
    /// Rows whose embedding is replaced by a vector, and which row of the vectors' tensor takes its place.
    public private(set) var injectedRows: [Int32] = []

    /// An empty forest.
    public init() {}

    /// Appends a segment; returns its index. Empty segments are allowed and pass their parent through.
    @discardableResult
    public mutating func append(_ newTokens: [Int32], after parent: Int? = nil) -> Int {
        require(parent.map { segments.indices.contains($0) } ?? true, "no segment \(parent ?? -1) to continue")
        let above = parent.map { segments[$0].firstPosition + segments[$0].count } ?? 0
        segments.append(Segment(parent: parent, firstRow: tokens.count, firstPosition: above, count: newTokens.count))
        tokens += newTokens
        positions += (0..<newTokens.count).map { Int32(above + $0) }
        return segments.count - 1
    }

    /// Marks a token as injected. The n-th call uses row n of the vectors given to the decoder.
    public mutating func inject(segment: Int, offset: Int) {
        require(segments.indices.contains(segment) && (0..<segments[segment].count).contains(offset), "no such token")
        injectedRows.append(Int32(segments[segment].firstRow + offset))
    }

    /// Number of rows.
    public var rowCount: Int { tokens.count }
    /// Longest path from a root, in tokens.
    public var depth: Int { Int(positions.max() ?? -1) + 1 }

    /// The segments from a root to `segment`, itself included.
    func path(to segment: Int) -> [Int] {
        var path = [segment]
        while let parent = segments[path[path.count - 1]].parent { path.append(parent) }
        return path.reversed()
    }

    /// The attention layout of all rows, or of some rows (increasing within a segment), over all rows as keys.
    func layout(of rows: [Int32]? = nil) -> AttentionLayout {
        var layout = AttentionLayout()
        let paths = segments.indices.map { path(to: $0).map { segments[$0].rows } }
        guard let rows else {
            for (index, segment) in segments.enumerated() where segment.count > 0 {
                layout.append(count: segment.count, firstVisible: segment.firstPosition + 1, spans: paths[index])
            }
            return layout
        }
        var owner = [Int](repeating: 0, count: rowCount)
        for (index, segment) in segments.enumerated() { for row in segment.rows { owner[row] = index } }
        var begin = 0
        while begin < rows.count {
            var end = begin + 1
            let segment = owner[Int(rows[begin])]
            while end < rows.count, rows[end] == rows[end - 1] + 1, owner[Int(rows[end])] == segment { end += 1 }
            layout.append(
                count: end - begin, firstVisible: Int(positions[Int(rows[begin])]) + 1, spans: paths[segment])
            begin = end
        }
        return layout
    }
}
