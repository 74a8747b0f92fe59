import Activations
import Autoencoder
import JSON
import LanguageModel
import Tensors

/// What an activation is worth to somebody without words: the mean direction of the activations at the same tokens, fitted on other documents,
/// and a linear map from the tokens' embeddings. An explanation is worth what it adds to these.
///
/// A table holds, for each key, the mean of the unit vectors ĝ that were met there. A key that was met n times is shrunk towards the coarser
/// table, as if that had been met `shrinkage` times more: (Σĝ + λ·v) / (n + λ); a key that was never met has the coarser table's vector.
/// Predictions are scored as reconstructions are, against the same denominator (docs/method.md §3).
public struct LookupTables {
    /// What a vector is looked up by.
    public enum Table: String, Sendable, CaseIterable {
        /// Nothing: one vector for all.
        case mean
        /// The row's token; coarser is the mean.
        case token
        /// The token and the one before it; coarser is the token.
        case previousToken = "previous_token"
        /// The token and what the target takes to come next; coarser is the token.
        case tokenNext = "token_next"
        /// The kind of document with both; coarser is both.
        case kindTokenNext = "kind_token_next"
        /// No table: least squares from the embeddings of the token before, the token and the next one.
        case linear

        /// What tables call it.
        package var title: String {
            switch self {
            case .mean: "the mean"
            case .token: "a table of the token"
            case .previousToken: "a table of previous and current token"
            case .tokenNext: "a table of the token and the target's next"
            case .kindTokenNext: "a table of kind, token and the target's next"
            case .linear: "least squares from embeddings of previous, current and next token"
            }
        }

        /// The table that a key goes back to.
        fileprivate var coarser: Table? {
            switch self {
            case .mean, .linear: nil
            case .token: .mean
            case .previousToken, .tokenNext: .token
            case .kindTokenNext: .tokenNext
            }
        }
    }

    /// How tables are fitted.
    public struct Options: Sendable, Equatable {
        /// Rows to fit, spread evenly over the splits.
        public var rows = 20_000
        /// λ: how many rows the coarser table's vector counts as.
        public var shrinkage = 1.0
        /// The ridge of least squares, as a share of the mean square of an input.
        public var ridge = 1e-3

        /// The usual ones.
        public init() {}
    }

    /// What tables say of some rows.
    public struct Readings: Sendable {
        /// Each row's predicted vector, [rows, d], by table.
        public let vectors: [Table: Tensor]
        /// The share of the rows whose key was met in fitting.
        public let met: [Table: Double]
        /// Rows that were fitted, and the splits that they are of.
        public let fittedRows: Int, fittedSplits: [String]
        /// λ.
        public let shrinkage: Double
    }

    private struct Key: Hashable {
        var first: Int32, second: Int32 = -1, kind: Int32 = -1
    }

    /// The splits that were fitted.
    public let splits: [String]
    private let options: Options
    private let reader: RowTokenReader
    private let embedding: Tensor?
    /// Unit vectors of the fitted rows, [rows, d].
    private let vectors: Tensor
    private let mean: [Double]
    private var rowsOf: [Table: [Key: [Int32]]] = [:]
    private var kinds: [String: Int32] = [:]
    private var map: LeastSquares?
    private let hasNext: Bool

    /// Fits tables to rows of splits that are not evaluated. Throws a one-line error where a split has no rows.
    ///
    /// - Parameters:
    ///   - reader: says each row's tokens; without the target's next token the tables of it are left out.
    ///   - embedding: the target's table [vocabulary, d], for least squares; nil leaves it out.
    public init(
        _ store: ActivationStore, splits: [String], _ reader: RowTokenReader, embedding: Tensor?,
        _ options: Options = Options()
    ) throws {
        require(!splits.isEmpty && options.rows > 0, "nothing to fit tables to")
        self.splits = splits
        self.options = options
        self.reader = reader
        let all = try splits.flatMap { try store.rows(ofSplit: $0) }.sorted()
        let count = min(options.rows, all.count)
        let rows = (0..<count).map { all[$0 * all.count / count] }
        let tokens = try reader.tokens(rows)
        vectors = LookupTables.unit(store.vectors(rows))
        hasNext = tokens.allSatisfy { $0.next != nil }
        self.embedding = hasNext ? embedding : nil
        let width = vectors.width
        var sum = [Double](repeating: 0, count: width)
        for (index, value) in vectors.floats().enumerated() { sum[index % width] += Double(value) }
        mean = sum.map { $0 / Double(count) }
        for token in tokens where kinds[token.kind] == nil { kinds[token.kind] = Int32(kinds.count) }
        for table in Table.allCases where table != .mean && table != .linear {
            var groups: [Key: [Int32]] = [:]
            for (row, token) in tokens.enumerated() {
                if let key = key(table, token) { groups[key, default: []].append(Int32(row)) }
            }
            if !groups.isEmpty { rowsOf[table] = groups }
        }
        if let embedding = self.embedding {
            var sums = LeastSquares.Sums(inputs: 3 * embedding.width, outputs: width)
            for begin in stride(from: 0, to: count, by: 4096) {
                let range = begin..<min(count, begin + 4096)
                sums.add(LookupTables.features(Array(tokens[range]), embedding), vectors.rows(range))
            }
            map = sums.solve(ridge: options.ridge)
        }
    }

    /// The tables that could be fitted.
    public var tables: [Table] {
        Table.allCases.filter { $0 == .mean || rowsOf[$0] != nil || ($0 == .linear && map != nil) }
    }

    /// What the tables say of rows, which must not be of the splits that were fitted.
    public func readings(_ rows: [Int]) throws -> Readings {
        let tokens = try reader.tokens(rows), width = vectors.width, known = vectors.floats()
        var predicted: [Table: Tensor] = [:], met: [Table: Double] = [:]
        var cache: [Table: [Key: [Double]]] = [:]
        func vector(_ table: Table, _ token: RowTokens) -> [Double] {
            guard let coarser = table.coarser else { return mean }
            guard let key = key(table, token), let rows = rowsOf[table]?[key] else { return vector(coarser, token) }
            if let found = cache[table]?[key] { return found }
            var sum = vector(coarser, token).map { $0 * options.shrinkage }
            for row in rows {
                let begin = Int(row) * width
                for index in 0..<width { sum[index] += Double(known[begin + index]) }
            }
            let total = Double(rows.count) + options.shrinkage
            let result = sum.map { $0 / total }
            cache[table, default: [:]][key] = result
            return result
        }
        for table in tables where table != .linear {
            predicted[table] = Tensor(
                tokens.flatMap { vector(table, $0).map { Float($0) } }, shape: [tokens.count, width])
            guard table != .mean else { continue }
            let count = tokens.count { key(table, $0).map { rowsOf[table]?[$0] != nil } ?? false }
            met[table] = Double(count) / Double(max(1, tokens.count))
        }
        if let map, let embedding {
            predicted[.linear] = map.predict(LookupTables.features(tokens, embedding))
        }
        return Readings(
            vectors: predicted, met: met, fittedRows: vectors.rows, fittedSplits: splits, shrinkage: options.shrinkage)
    }

    /// What a row is looked up by; nil where it does not have it.
    private func key(_ table: Table, _ token: RowTokens) -> Key? {
        switch table {
        case .mean, .linear: nil
        case .token: Key(first: token.current)
        case .previousToken: token.previous.map { Key(first: token.current, second: $0) }
        case .tokenNext: token.next.map { Key(first: token.current, second: $0) }
        case .kindTokenNext:
            token.next.flatMap { next in
                kinds[token.kind].map { Key(first: token.current, second: next, kind: $0) }
            }
        }
    }

    /// The embeddings of previous, current and next token beside one another, [n, 3d]; zeros where there is none.
    private static func features(_ tokens: [RowTokens], _ embedding: Tensor) -> Tensor {
        let width = embedding.width
        let ids = tokens.flatMap { [$0.previous, $0.current, $0.next] }
        let rows = embedding.gatheringRows(ids.map { $0 ?? 0 }).converted(to: .float32)
        var values = rows.floats()
        for (place, id) in ids.enumerated() where id == nil {
            for index in place * width..<(place + 1) * width { values[index] = 0 }
        }
        return Tensor(values, shape: [tokens.count, 3 * width])
    }

    /// The vectors at length 1; zeros stay.
    private static func unit(_ vectors: Tensor) -> Tensor {
        var values = vectors.floats()
        let width = vectors.width
        for begin in stride(from: 0, to: values.count, by: width) {
            let norm = values[begin..<begin + width].reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            guard norm > 0 else { continue }
            for index in begin..<begin + width { values[index] = Float(Double(values[index]) / norm) }
        }
        return Tensor(values, shape: vectors.shape)
    }
}
