import Foundation
import GRDB

extension Library {
    /// A stored explanation whose activation is near to a vector.
    struct Neighbour: Sendable {
        /// The explanation's number.
        let id: Int64
        let cosine: Double
    }

    /// Stored activations that a vector is held against, the newest.
    static let maximumCompared = 20_000
    /// Of which so many are read at a time. Between two of these, others get their turn.
    private static let comparedAtOnce = 512

    /// The explanations of a pair, edited ones aside and one for each place, whose activations are nearest to a vector; nearest first.
    ///
    /// Activations are read one by one and not kept: a search holds the numbers of the explanations, and all searches together no
    /// more activations than the library has readers.
    ///
    /// - Parameter check: called now and then; what it throws ends the search.
    func nearest(
        to vector: [Float], ofPair pair: String, count: Int, check: () throws -> Void
    ) async throws -> [Neighbour] {
        let norm = vector.norm
        guard norm > 0 else { return [] }
        let ids = try await read { database in
            try Int64.fetchAll(
                database,
                sql: """
                    SELECT MAX(id) FROM explanation
                    WHERE pair = ? AND origin <> 'edited' AND typeof(activation) = 'blob' AND length(activation) = ?
                    GROUP BY readingId, position ORDER BY 1 DESC LIMIT ?
                    """, arguments: [pair, 4 * vector.count, Library.maximumCompared])
        }
        var nearest: [Neighbour] = []
        for begin in stride(from: 0, to: ids.count, by: Library.comparedAtOnce) {
            try check()
            let page = ids[begin..<min(ids.count, begin + Library.comparedAtOnce)]
            let found = try await read { database in
                var found: [Neighbour] = []
                let rows = try Row.fetchCursor(
                    database,
                    sql:
                        "SELECT id, activation FROM explanation WHERE id IN (\(page.map(String.init).joined(separator: ",")))"
                )
                while let row = try rows.next() {
                    let stored = StoredRow(row, "explanation")
                    guard let bytes = stored.data("activation"), let cosine = bytes.cosine(to: vector, norm: norm)
                    else { continue }
                    found.append(Neighbour(id: try stored.number("id"), cosine: cosine))
                }
                return found
            }
            nearest = Array((nearest + found).sorted { ($0.cosine, $0.id) > ($1.cosine, $1.id) }.prefix(count))
        }
        return nearest
    }
}

extension Data {
    /// The cosine between a vector and the little-endian float32 numbers that these bytes are; nil where they are another number of
    /// numbers, all zero, or not all finite.
    fileprivate func cosine(to vector: [Float], norm: Double) -> Double? {
        guard count == 4 * vector.count else { return nil }
        var dot = 0.0, square = 0.0
        withUnsafeBytes { raw in
            for (index, own) in vector.enumerated() {
                let bits = UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self))
                let other = Double(Float(bitPattern: bits))
                dot += Double(own) * other
                square += other * other
            }
        }
        guard square > 0, square.isFinite else { return nil }
        return dot / (norm * square.squareRoot())
    }
}
