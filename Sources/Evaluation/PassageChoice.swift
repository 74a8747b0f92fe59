import Activations
import Tensors

/// Whether an explanation tells its passage from nine others of the same kind: a reader's reconstruction is held against ten candidates, and
/// the nearest is picked. Chance is 10%.
///
/// Two questions are asked. Of the *vectors*, each candidate is an activation; the words about the last token help. Of the *passages*, each
/// candidate is the mean of its document's activations, of the true one without the activation that is explained; only what holds of
/// the whole passage helps. Directions are compared behind their common mean, which no passage is told by.
struct PassageChoice {
    /// Candidates of each choice.
    static let candidates = 10

    /// For each row the rows that it is to be told from, as places among the rows; nil where there are too few documents of its kind.
    private let others: [[Int]?]
    private let truths: [[Double]]
    private let passages: [[Double]?]
    private let mean: [Double]

    /// - Parameter rows: rows of a store that are explained, at most a few of each document.
    init(_ store: ActivationStore, rows: [Int], seed: UInt64) {
        let documents = rows.map { store.row($0).document }
        let byKind = Dictionary(grouping: rows.indices) { store.documents.kind(of: documents[$0]) }
        others = rows.indices.map { place in
            let own = byKind[store.documents.kind(of: documents[place])] ?? []
            var random = Random(seed: seed, Random.key("passages"), UInt64(rows[place]))
            return PassageChoice.draw(own, but: documents[place], documents, using: &random)
        }
        let vectors = PassageChoice.unit(store.vectors(rows))
        mean = PassageChoice.mean(vectors)
        let center = mean
        truths = vectors.map { PassageChoice.centered($0, center) }
        // Every row of the documents that are asked about.
        let wanted = Set(documents)
        var rowsOf: [Int: [Int]] = [:]
        for row in 0..<store.rowCount where wanted.contains(store.row(row).document) {
            rowsOf[store.row(row).document, default: []].append(row)
        }
        passages = rows.indices.map { place in
            let all = (rowsOf[documents[place]] ?? []).filter { $0 != rows[place] }
            guard !all.isEmpty else { return nil }
            return PassageChoice.centered(PassageChoice.mean(PassageChoice.unit(store.vectors(all))), center)
        }
    }

    /// Nine places of other documents, each document once.
    private static func draw(
        _ places: [Int], but own: Int, _ documents: [Int], using random: inout Random
    ) -> [Int]? {
        var seen: Set<Int> = [own], chosen: [Int] = []
        for place in places.shuffled(using: &random) where seen.insert(documents[place]).inserted {
            chosen.append(place)
            if chosen.count == candidates - 1 { return chosen }
        }
        return nil
    }

    /// What a choice is among.
    enum Question: String, CaseIterable {
        case vector, passage
    }

    /// For each row whether the reconstruction [rows, d] is nearest to the true candidate; nil where there are not ten.
    func isRight(_ reconstructions: Tensor, _ question: Question) -> [Bool?] {
        PassageChoice.unit(reconstructions).enumerated().map { place, vector in
            guard let others = others[place] else { return nil }
            let own = PassageChoice.centered(vector, mean)
            let all = ([place] + others).map { question == .vector ? truths[$0] : passages[$0] }
            let scores = all.compactMap { $0.map { zip(own, $0).reduce(0.0) { $0 + $1.0 * $1.1 } } }
            guard scores.count == all.count else { return nil }
            return scores.dropFirst().allSatisfy { $0 < scores[0] }
        }
    }

    private static func unit(_ tensor: Tensor) -> [[Double]] {
        let values = tensor.floats(), width = tensor.width
        return (0..<tensor.rows).map { normalized(values[$0 * width..<($0 + 1) * width].map(Double.init)) }
    }

    private static func normalized(_ vector: [Double]) -> [Double] {
        let norm = vector.reduce(0.0) { $0 + $1 * $1 }.squareRoot()
        return norm > 0 ? vector.map { $0 / norm } : vector
    }

    private static func centered(_ vector: [Double], _ mean: [Double]) -> [Double] {
        normalized(zip(vector, mean).map { $0 - $1 })
    }

    private static func mean(_ vectors: [[Double]]) -> [Double] {
        var sum = [Double](repeating: 0, count: vectors.first?.count ?? 0)
        for vector in vectors { for (index, value) in vector.enumerated() { sum[index] += value } }
        return sum.map { $0 / Double(max(1, vectors.count)) }
    }
}
