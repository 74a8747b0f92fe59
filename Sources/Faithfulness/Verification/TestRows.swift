import Activations
import Autoencoder
import Claims
import Foundation
import LanguageModel
import Tensors
import Tokenization

/// Rows of a store with the tokens of their texts: what a target needs to go on from there.
package struct TestRows {
    let store: ActivationStore
    /// Rows of the store.
    let rows: [Int]
    /// Each row's document, numbered from 0 in the order in which they come.
    let clusters: [Int]
    /// The tokens of each row's whole text.
    package let ids: [[Int32]]
    /// Each row's token.
    package let positions: [Int]
    /// [rows, d] float32
    package let vectors: Tensor

    var count: Int { rows.count }
    /// Whether facts are known of any of the documents.
    var isLabelled: Bool { rows.contains { !store.document(of: $0).truths.isEmpty } }
    var clusterCount: Int { (clusters.max() ?? -1) + 1 }

    /// Up to `count` rows, spread evenly over a split. Throws if the target's tokenizer does not find the store's tokens.
    init(_ store: ActivationStore, split: String, count: Int, _ target: Target) throws {
        try self.init(store, rows: store.rows(ofSplit: split).spread(count), target)
    }

    /// Some rows. Throws if the target's tokenizer does not find the store's tokens.
    package init(_ store: ActivationStore, rows: [Int], _ target: Target) throws {
        self.store = store
        self.rows = rows
        var numbers: [Int: Int] = [:], texts: [Int: PlacedTokens] = [:]
        clusters = rows.map { row in
            let document = store.row(row).document, number = numbers[document] ?? numbers.count
            numbers[document] = number
            return number
        }
        ids = try rows.map { row in
            let place = store.row(row)
            let tokens = try texts[place.document] ?? target.tokenizer.encodeWithPlaces(store.document(of: row).text)
            texts[place.document] = tokens
            guard tokens.ids.indices.contains(place.position), tokens.byteEnds[place.position] == place.byteEnd else {
                throw ModelError(
                    "\(store.folder.path): document \(store.document(of: row).id) has other tokens than when it was read; use the target's own tokenizer, or build the store again"
                )
            }
            return tokens.ids
        }
        positions = rows.map { store.row($0).position }
        vectors = store.vectors(rows)
    }

    /// The activations of the tokens up to `reach` before and behind each row's.
    ///
    /// - Parameter decoder: a changed copy of the target to read; nil reads the target itself.
    package func neighbours(
        _ target: Target, reach: Int, precision: Precision?, of decoder: TransformerDecoder? = nil
    ) throws -> Neighbours {
        var texts: [[Int32]] = [], places: [[Int]] = [], owners: [Int] = [], isLater: [Bool] = []
        for row in rows.indices {
            let position = positions[row]
            let around = Neighbours.positions(around: position, reach: reach, count: ids[row].count)
            guard let last = around.last else { continue }
            // What follows the last of them does not matter to them.
            texts.append(Array(ids[row][...last]))
            places.append(around)
            owners += around.map { _ in row }
            isLater += around.map { $0 > position }
        }
        let found =
            owners.isEmpty
            ? Tensor(zeros: [0, vectors.width])
            : try target.activations(texts, at: places, precision: precision, of: decoder)
        return Neighbours(found, owners: owners, isLater: isLater)
    }
}

extension Target {
    /// The activations [n, d] at the output of block K at positions of several texts, in order.
    ///
    /// - Parameter decoder: a changed copy to read; nil reads the target itself.
    package func activations(
        _ texts: [[Int32]], at positions: [[Int]], precision: Precision?, of decoder: TransformerDecoder? = nil
    ) throws -> Tensor {
        let extractor = ActivationExtractor(
            checkpoint, try decoder ?? TransformerDecoder(checkpoint, blockCount: layer + 1),
            precision: try precision ?? checkpoint.naturalPrecision())
        let result = try extractor.extract(texts, at: positions, layers: [layer])
        guard let activations = result.hidden[layer] else { trap("no activations at the output of block \(layer)") }
        return activations
    }
}
