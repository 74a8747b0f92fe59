import Activations
import Claims
import Foundation
import LanguageModel
import Teaching
import Tensors
import Tokenization

/// The tokens at a row of a store, which somebody knows who reads the text and no activation.
public struct RowTokens: Sendable, Equatable {
    /// The row's own token.
    public var current: Int32
    /// The one before it; nil at the beginning.
    public var previous: Int32?
    /// The one that the target takes to be the most probable next; nil where nobody asked it.
    public var next: Int32?
    /// The kind of document.
    public var kind: String

    /// Tokens of a row.
    public init(current: Int32, previous: Int32?, next: Int32?, kind: String) {
        self.current = current
        self.previous = previous
        self.next = next
        self.kind = kind
    }
}

/// Where the target's most probable next token comes from.
public enum NextTokens {
    /// Nowhere.
    case unknown
    /// From what `nla data continue` wrote.
    case continuations(Continuations)
    /// From the target itself, which is run to its end.
    case target(TransformerDecoder, Precision)
}

/// Reads rows' tokens, document by document.
public struct RowTokenReader {
    private let store: ActivationStore
    private let tokenizer: Tokenizer
    private let next: NextTokens
    /// Tokens of documents that the target reads at once.
    private let tokensPerPass = 2048

    /// A reader. The tokenizer must be the one that the store's tokens were made with.
    public init(_ store: ActivationStore, _ tokenizer: Tokenizer, next: NextTokens = .unknown) {
        self.store = store
        self.tokenizer = tokenizer
        self.next = next
    }

    /// The tokens of rows, in their order. Throws a ``ModelError`` where the tokenizer does not fit the store, or continuations are
    /// missing.
    public func tokens(_ rows: [Int]) throws -> [RowTokens] {
        var result: [RowTokens?] = .init(repeating: nil, count: rows.count)
        let order = rows.indices.sorted { (rows[$0], $0) < (rows[$1], $1) }
        var batch: [(ids: [Int32], places: [Int])] = [], size = 0, begin = 0
        func flush() throws {
            try read(batch, rows, into: &result)
            batch = []
            size = 0
        }
        while begin < order.count {
            let document = store.row(rows[order[begin]]).document
            let places = order[begin...].prefix { store.row(rows[$0]).document == document }
            begin += places.count
            let ids = try tokenizer.encodeWithPlaces(store.documents[document].document.text).ids
            let needed = (places.map { store.row(rows[$0]).position }.max() ?? 0) + 1
            guard needed <= ids.count else {
                throw ModelError(
                    "\(store.folder.path): document \(store.documents[document].document.id) has \(ids.count) tokens under this tokenizer, and a row at token \(needed - 1); the tokenizer is not the one that the store was made with"
                )
            }
            batch.append((Array(ids.prefix(needed)), Array(places)))
            size += needed
            if size >= tokensPerPass { try flush() }
        }
        try flush()
        return result.compactMap { $0 }
    }

    private func read(
        _ batch: [(ids: [Int32], places: [Int])], _ rows: [Int], into result: inout [RowTokens?]
    ) throws {
        guard !batch.isEmpty else { return }
        let likeliest = try likeliest(batch, rows)
        var index = 0
        for (ids, places) in batch {
            for place in places {
                let position = store.row(rows[place]).position
                result[place] = RowTokens(
                    current: ids[position], previous: position > 0 ? ids[position - 1] : nil, next: likeliest?[index],
                    kind: store.documents.kind(of: store.row(rows[place]).document))
                index += 1
            }
        }
    }

    /// The most probable next token of each row of a batch, in order; nil where it is not asked for.
    private func likeliest(_ batch: [(ids: [Int32], places: [Int])], _ rows: [Int]) throws -> [Int32]? {
        switch next {
        case .unknown: return nil
        case .continuations(let known):
            return try batch.flatMap(\.places).map { place in
                guard let id = known[store, rows[place]]?.ids.first else {
                    throw ModelError(
                        "\(known.file.path): has no continuation of the row \(store.id(of: rows[place])); continue every split that is read"
                    )
                }
                return id
            }
        case .target(let decoder, let precision):
            var tree = TokenTree(), wanted: [Int32] = [], owner: [Int] = []
            for (ids, places) in batch {
                let segment = tree.append(ids), first = tree.segments[segment].firstRow
                let positions = places.map { store.row(rows[$0]).position }
                // Each row once, though two of the store's may stand at one token.
                for position in Set(positions).sorted() { wanted.append(Int32(first + position)) }
                owner += positions.map { first + $0 }
            }
            let tape = Tape(recording: false, precision: precision)
            let logits = decoder.logits(decoder.hidden(tree, rows: wanted, tape: tape), tape: tape)
            guard logits.firstNonFinite() == nil else { throw ModelError("the target computes NaN; try --dtype f32") }
            var found: [Int: Int32] = [:]
            for (row, place) in wanted.enumerated() {
                found[Int(place)] = Int32(NextTokenDistribution(logits.rows(row..<row + 1).floats()).likeliest)
            }
            return owner.map { found[$0] ?? 0 }
        }
    }
}
