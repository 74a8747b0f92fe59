import Tensors

/// Batched decoding on the leaves of a token tree. Every step extends all active leaves by one token; a finished leaf frees its
/// place at once, and new leaves may start between steps, on any node computed so far.
///
///     let session = DecodingSession(decoder, precision: .native)
///     let ends = session.prefill(tree)                       // one node per segment
///     let leaf = session.start(after: ends[0], options, seed: 7)
///     while !session.isIdle { for event in session.step() { … } }
///
/// What a leaf draws depends on its own seed and text, never on the leaves beside it (up to the rounding of sums).
public final class DecodingSession {
    /// A computed stretch of tokens that others can continue.
    public struct Node: Sendable, Hashable { let index: Int }
    /// A continuation being written.
    public struct Leaf: Sendable, Hashable { let index: Int }

    /// When and how a leaf is written.
    public struct Options: Sendable {
        /// How its tokens are drawn.
        public var sampling: Sampling
        /// Tokens at most, ≥ 1.
        public var maximumTokens: Int
        /// Tokens that end it; the token itself is part of the leaf.
        public var stopTokens: Set<Int32>
        /// What changes its logits before a token is drawn.
        public var rules = LogitRules()
        /// Tokens above it, for rules that ask what has been read.
        public var history: [Int32] = []
        /// How many of the most probable tokens are told at each step.
        public var alternatives = 0

        /// A leaf's settings.
        public init(sampling: Sampling = Sampling(), maximumTokens: Int, stopTokens: Set<Int32> = []) {
            self.sampling = sampling
            self.maximumTokens = maximumTokens
            self.stopTokens = stopTokens
        }
    }

    /// One token of one leaf.
    public struct Event: Sendable {
        /// Whose it is.
        public let leaf: Leaf
        /// The token.
        public let token: Int32
        /// Its log-probability under the model's own distribution.
        public let logProbability: Float
        /// The most probable tokens in its place, most probable first, as many as were asked for.
        public let alternatives: [(token: Int32, logProbability: Float)]
        /// Why the leaf ends with this token, if it does.
        public let end: End?
    }

    /// Why a leaf ended.
    public enum End: String, Sendable {
        /// It drew a stop token.
        case stopToken = "stop"
        /// It reached its length.
        case length
    }

    private struct Stored {
        var parent: Int?
        var rows: Range<Int>
        /// Position behind its last token.
        var end: Int
        /// Logits behind its last token, [1, vocabulary].
        var logits: Tensor?
    }

    private struct Active {
        let index: Int
        let parent: Int
        let options: Options
        var random: Random
        /// What its rules come to; nil without rules.
        var edits: LogitEdits?
        /// Its rows of the cache: reserved for `maximumTokens`, used so far for `computed`.
        let rows: Range<Int>
        var computed = 0
        var written = 0
        /// Drawn but not yet computed.
        var pending: Int32?
    }

    private let decoder: TransformerDecoder
    private let tape: Tape
    private let cache: KeyValueCache
    private var nodes: [Int: Stored] = [:]
    private var active: [Active] = []
    private var nextIndex = 0

    /// An empty session.
    ///
    /// - Parameters:
    ///   - expectedRows: tokens whose keys and values it will hold at once, as far as is known.
    ///   - rowLimit: tokens whose keys and values may be in memory; whoever asks for more than these at once gets them all the same.
    ///     Memory of what has ended is kept for what comes next up to there. With a limit nothing is taken before it is needed.
    public init(_ decoder: TransformerDecoder, precision: Precision, expectedRows: Int = 256, rowLimit: Int? = nil) {
        self.decoder = decoder
        tape = Tape(recording: false, precision: precision)
        cache = KeyValueCache(decoder.configuration, capacity: expectedRows, limit: rowLimit)
    }

    /// Whether no leaf is being written.
    public var isIdle: Bool { active.isEmpty }
    /// Leaves being written.
    public var activeCount: Int { active.count }

    /// Computes a tree. Its roots may continue a node computed earlier.
    ///
    /// - Parameters:
    ///   - vectors: [injected, d] float32 for the tree's injected rows.
    ///   - ends: segments that leaves will start from; all childless ones by default. Behind an empty segment the logits are
    ///     its parent's.
    ///   - observer: sees, and may replace, the residual stream at the output of every block; the last block's rows are the ends only.
    /// - Returns: a node for each segment.
    @discardableResult
    public func prefill(
        _ tree: TokenTree, vectors: Tensor? = nil, after base: Node? = nil, logitsFor ends: [Int]? = nil,
        observer: BlockObserver? = nil
    ) -> [Node] {
        require(tree.rowCount > 0, "an empty tree")
        let parents = Set(tree.segments.compactMap(\.parent))
        let asked = ends ?? tree.segments.indices.filter { !parents.contains($0) }
        // Where each asked segment's last token lies: in itself, in a parent, or above the tree.
        let sources = asked.map { segment in
            var source: Int? = segment
            while let index = source, tree.segments[index].count == 0 { source = tree.segments[index].parent }
            return source
        }
        let ends = Array(Set(sources.compactMap { $0 })).sorted()
        let above = base.map { stored($0.index).end } ?? 0
        let first = nextIndex
        nextIndex += tree.segments.count
        for (index, segment) in tree.segments.enumerated() {
            nodes[first + index] = Stored(
                parent: segment.parent.map { first + $0 } ?? base?.index, rows: cache.take(segment.count),
                end: above + segment.firstPosition + segment.count)
        }
        var all = AttentionLayout(), last = AttentionLayout()
        for index in tree.segments.indices where tree.segments[index].count > 0 {
            let spans = spans(to: first + index)
            let s = tree.segments[index]
            all.append(count: s.count, firstVisible: above + s.firstPosition + 1, spans: spans)
        }
        for index in ends {
            let s = tree.segments[index]
            last.append(count: 1, firstVisible: above + s.firstPosition + s.count, spans: spans(to: first + index))
        }
        let positions = tree.positions.map { $0 + Int32(above) }
        let rows = ends.map { Int32(tree.segments[$0].rows.upperBound - 1) }
        let pass = TransformerDecoder.Pass(
            tokens: tree.tokens, positions: positions, injected: tree.injectedRows, layout: all,
            depth: above + tree.depth,
            cached: (cache, tree.segments.indices.map { nodes[first + $0]?.rows ?? 0..<0 }))
        let hidden = decoder.run(
            pass, vectors: vectors.map { Variable($0) }, through: decoder.blocks.count - 1,
            read: ends.isEmpty ? nil : (rows, rows.map { positions[Int($0)] }, last), tape: tape,
            observer: observer)
        if !ends.isEmpty {
            let logits = decoder.logits(hidden, tape: tape)
            // Each a copy of its own: a node that lives long would keep the logits of all that were computed with it.
            for (row, index) in ends.enumerated() {
                let own = logits.rows(row..<row + 1)
                nodes[first + index]?.logits = ends.count > 1 ? own.copy() : own
            }
        }
        for (segment, source) in zip(asked, sources) {
            let logits = source.map { stored(first + $0).logits } ?? base.map { stored($0.index).logits }
            nodes[first + segment]?.logits = logits ?? nil
        }
        return tree.segments.indices.map { Node(index: first + $0) }
    }

    private func stored(_ index: Int) -> Stored {
        guard let node = nodes[index] else { trap("node \(index) was released") }
        return node
    }

    /// The cache rows from the root to a node.
    private func spans(to index: Int) -> [Range<Int>] {
        var spans: [Range<Int>] = []
        var next: Int? = index
        while let index = next {
            let node = stored(index)
            if !node.rows.isEmpty { spans.append(node.rows) }
            next = node.parent
        }
        return spans.reversed()
    }

    /// The logits [1, vocabulary] behind a node's last token, float32; nil if they were not asked for.
    public func logits(behind node: Node) -> Tensor? { stored(node.index).logits }

    /// Begins a continuation of a node that has logits.
    public func start(after node: Node, _ options: Options, seed: UInt64) -> Leaf {
        require(stored(node.index).logits != nil, "a leaf after a node without logits")
        require(options.maximumTokens >= 1, "a leaf of no tokens")
        nextIndex += 1
        active.append(
            Active(
                index: nextIndex - 1, parent: node.index, options: options, random: Random(seed: seed),
                edits: options.rules == LogitRules() ? nil : LogitEdits(options.rules, prompt: options.history),
                rows: cache.take(options.maximumTokens)))
        return Leaf(index: nextIndex - 1)
    }

    /// Ends a leaf early and frees its place. Nothing happens if it has ended.
    public func cancel(_ leaf: Leaf) {
        guard let index = active.firstIndex(where: { $0.index == leaf.index }) else { return }
        cache.give(active[index].rows)
        active.remove(at: index)
    }

    /// Frees a node. Its continuations must have ended.
    public func release(_ node: Node) {
        guard let known = nodes.removeValue(forKey: node.index) else { return }
        cache.give(known.rows)
    }

    /// One more token for every active leaf, in the order of starting.
    public func step() -> [Event] {
        guard !active.isEmpty else { return [] }
        let continuing = active.indices.filter { active[$0].pending != nil }
        let fresh = active.indices.filter { active[$0].pending == nil }
        var events: [Int: Event] = [:]
        if !continuing.isEmpty {
            let logits = extend(continuing)
            draw(continuing, from: logits, into: &events)
        }
        for index in fresh {
            // Leaves of one node draw from the same logits; the row is small beside a step.
            if let logits = stored(active[index].parent).logits { draw([index], from: logits, into: &events) }
        }
        let ordered = active.indices.compactMap { events[$0] }
        let ended = Set(ordered.filter { $0.end != nil }.map(\.leaf.index))
        for leaf in active where ended.contains(leaf.index) { cache.give(leaf.rows) }
        active.removeAll { ended.contains($0.index) }
        return ordered
    }

    /// Computes the pending token of each leaf; returns logits, a row each.
    private func extend(_ leaves: [Int]) -> Tensor {
        var layout = AttentionLayout()
        var tokens: [Int32] = [], positions: [Int32] = [], rows: [Range<Int>] = []
        for index in leaves {
            let leaf = active[index]
            let above = stored(leaf.parent).end
            let own = leaf.rows.lowerBound..<leaf.rows.lowerBound + leaf.computed + 1
            layout.append(count: 1, firstVisible: above + leaf.computed + 1, spans: spans(to: leaf.parent) + [own])
            tokens.append(leaf.pending ?? 0)
            positions.append(Int32(above + leaf.computed))
            rows.append(own.upperBound - 1..<own.upperBound)
            active[index].computed += 1
        }
        let pass = TransformerDecoder.Pass(
            tokens: tokens, positions: positions, layout: layout, depth: Int(positions.max() ?? 0) + 1,
            cached: (cache, rows))
        let hidden = decoder.run(pass, vectors: nil, through: decoder.blocks.count - 1, tape: tape)
        return decoder.logits(hidden, tape: tape)
    }

    private func draw(_ leaves: [Int], from logits: Tensor, into events: inout [Int: Event]) {
        let uniforms = leaves.map { active[$0].random.uniform() }
        let hasEdits = leaves.contains { active[$0].edits != nil }
        let (tokens, logProbabilities) = Sampling.draw(
            from: logits, leaves.map { active[$0].options.sampling },
            edits: hasEdits ? leaves.map { active[$0].edits?.edits ?? [] } : [], uniforms: uniforms)
        for (row, index) in leaves.enumerated() {
            active[index].pending = tokens[row]
            active[index].written += 1
            active[index].edits?.append(tokens[row])
            let leaf = active[index]
            let end: End? =
                leaf.options.stopTokens.contains(tokens[row])
                ? .stopToken : leaf.written >= leaf.options.maximumTokens ? .length : nil
            events[index] = Event(
                leaf: Leaf(index: leaf.index), token: tokens[row], logProbability: logProbabilities[row],
                alternatives: leaf.options.alternatives == 0
                    ? []
                    : Sampling.mostProbable(
                        leaf.options.alternatives, of: logits, row: row, known: (tokens[row], logProbabilities[row])),
                end: end)
        }
    }
}
