import LanguageModel
import Tensors

/// What other vectors in an activation's place cost a target's predictions.
///
/// What stands before the token is computed once for all the vectors of a place: each is a branch of one token tree, beside an untouched
/// one.
package struct PredictionCost {
    /// A token of a document whose activation gives its place, with the document as far as it is looked at.
    package struct Splice: Sendable {
        let inputs: [Int32], targets: [Int32]
        let position: Int

        /// - Parameters:
        ///   - document: tokens, and those that follow each.
        ///   - position: of the token.
        package init(_ document: (inputs: [Int32], targets: [Int32]), position: Int) {
            require(document.inputs.indices.contains(position), "a place outside its document")
            let end = min(document.inputs.count, position + PredictionCost.reach + 1)
            inputs = Array(document.inputs[..<end])
            targets = Array(document.targets[..<end])
            self.position = position
        }
    }

    /// Predictions that are looked at behind the token's own.
    static let reach = 8
    /// Rows of one pass.
    private static let rowsPerPass = 4096

    private let decoder: TransformerDecoder
    private let layer: Int
    private let precision: Precision

    /// Of a target that is read at the output of block `layer`.
    package init(_ decoder: TransformerDecoder, layer: Int, precision: Precision) {
        self.decoder = decoder
        self.layer = layer
        self.precision = precision
    }

    /// For each vector the mean loss, in nats per token, of the token's prediction and those behind it, less the untouched activation's.
    ///
    /// - Parameters:
    ///   - vectors: [n, d] float32; each takes its place at the activation's own length.
    ///   - owners: the place of each, increasing.
    package func costs(_ places: [Splice], _ vectors: Tensor, owners: [Int]) -> [Double] {
        require(
            vectors.rows == owners.count && zip(owners, owners.dropFirst()).allSatisfy(<=),
            "an owner for each vector, in order")
        let counts = owners.reduce(into: [Int](repeating: 0, count: places.count)) { $0[$1] += 1 }
        let rows = zip(places, counts).map { place, count in
            place.position + (count + 1) * (place.inputs.count - place.position)
        }
        var result: [Double] = []
        for range in Passes.split(rows, limit: PredictionCost.rowsPerPass) {
            let own = result.count..<result.count + counts[range].reduce(0, +)
            guard !own.isEmpty else { continue }
            result += costs(places[range], counts[range], vectors.rows(own).copy())
        }
        return result
    }

    private func costs(_ places: ArraySlice<Splice>, _ counts: ArraySlice<Int>, _ vectors: Tensor) -> [Double] {
        var tree = TokenTree(), targets: [Int32] = [], spliced: [Int32] = [], branches: [[Range<Int>]] = []
        for (place, count) in zip(places, counts) {
            let before = place.position > 0 ? tree.append(Array(place.inputs[..<place.position])) : nil
            targets += place.targets[..<place.position]
            branches.append(
                (0...count).map { branch in
                    let segment = tree.append(Array(place.inputs[place.position...]), after: before)
                    targets += place.targets[place.position...]
                    let rows = tree.segments[segment].rows
                    if branch > 0 { spliced.append(Int32(rows.lowerBound)) }
                    return rows
                })
        }
        let tape = Tape(recording: false, precision: precision)
        let hidden = decoder.hidden(tree, tape: tape) { block, hidden in
            block == layer ? tape.splicing(Variable(vectors), into: spliced, of: hidden) : hidden
        }
        let values = decoder.logProbabilities(of: targets, hidden, tape: tape).value.floats()
        func loss(_ rows: Range<Int>) -> Double { -values[rows].reduce(0) { $0 + Double($1) } / Double(rows.count) }
        return branches.flatMap { rows in rows.dropFirst().map { loss($0) - loss(rows[0]) } }
    }
}
