import LanguageModel
import Tensors

extension Splicer {
    /// A token of a text with what is needed to try vectors in its place again and again: blocks up to K are computed once.
    public struct Site: Sendable {
        /// The text's tokens, up to the last whose prediction is looked at.
        let ids: [Int32]
        /// Which of them is spliced.
        let position: Int
        /// [ids, d] float32, the untouched residual stream at the output of block K.
        let stream: Tensor
        /// The untouched predictions at the token and at each behind it, [ids − position, vocabulary].
        let clean: TokenDistributions

        /// Predictions that are looked at: the token's own, and those of the tokens behind it.
        public var predictionCount: Int { ids.count - position }
        /// The activation that stands there, [1, d].
        public var activation: Tensor { stream.rows(position..<position + 1) }
        /// The likeliest next tokens at the token itself with their probabilities, the likeliest first.
        public func likeliest(_ count: Int) -> [(token: Int32, probability: Float)] {
            Splicer.likeliest(clean, count)
        }
    }

    static func likeliest(_ distributions: TokenDistributions, _ count: Int) -> [(token: Int32, probability: Float)] {
        let values = distributions.probabilities.rows(0..<1).floats()
        let order = values.indices.sorted { (values[$1], $0) < (values[$0], $1) }
        return order.prefix(count).map { (Int32($0), values[$0]) }
    }

    /// The sites of tokens of texts, each with up to `reach` tokens that follow it.
    public func sites(_ places: [(ids: [Int32], position: Int)], reach: Int) -> [Site] {
        let texts = places.map { place in
            require(place.ids.indices.contains(place.position), "a place outside its text")
            return Array(place.ids.prefix(place.position + reach + 1))
        }
        return Passes.split(texts.map(\.count), limit: rowsPerPass).flatMap { range -> [Site] in
            var tree = TokenTree(), stream: Tensor?
            let rows = range.map { index in
                let segment = tree.append(texts[index])
                return tree.segments[segment].rows
            }
            let tape = Tape(recording: false, precision: precision)
            let hidden = decoder.hidden(tree, tape: tape) { [layer] block, hidden in
                if block == layer { stream = hidden.value.copy() }
                return hidden
            }
            guard let stream else { trap("nothing at the output of block \(layer)") }
            return zip(range, rows).map { index, rows in
                let position = places[index].position
                let read = (rows.lowerBound + position..<rows.upperBound).map(Int32.init)
                return Site(
                    ids: texts[index], position: position, stream: stream.rows(rows),
                    clean: decoder.distributions(Variable(hidden.value.gatheringRows(read)), tape: tape))
            }
        }
    }

    /// KL(clean ‖ spliced) in nats of each prediction that is looked at, with a gradient by the vectors.
    ///
    /// - Parameter vectors: [sites, d] float32, one at the output of block K at each site.
    /// - Returns: the divergences of all sites one after another, and where those of each lie: first the token's own prediction.
    public func divergences(
        _ sites: [Site], vectors: Variable, tape: Tape
    ) -> (values: Variable, ranges: [Range<Int>]) {
        require(!sites.isEmpty && vectors.value.rows == sites.count, "a vector for each site")
        var tree = TokenTree(), spliced: [Int32] = [], read: [Int32] = [], ranges: [Range<Int>] = []
        for site in sites {
            let segment = tree.append(site.ids), rows = tree.segments[segment].rows
            spliced.append(Int32(rows.lowerBound + site.position))
            ranges.append(read.count..<read.count + site.predictionCount)
            read += (rows.lowerBound + site.position..<rows.upperBound).map(Int32.init)
        }
        let stream = tape.replacing(
            spliced, of: Variable(Tensor.stacking(sites.map(\.stream))), with: vectors)
        let hidden = decoder.hidden(tree, behind: layer, stream: stream, rows: read, tape: tape)
        let clean = TokenDistributions.stacking(sites.map(\.clean))
        return (decoder.divergences(from: clean, hidden, tape: tape), ranges)
    }

    /// The likeliest next tokens at a site with a vector [1, d] in the activation's place, the likeliest first.
    public func likeliest(_ count: Int, at site: Site, with vector: Tensor) -> [(token: Int32, probability: Float)] {
        var tree = TokenTree()
        tree.append(Array(site.ids[...site.position]))
        let tape = Tape(recording: false, precision: precision)
        let hidden = hidden(tree, [Int32(site.position)], vector, tape)
        let last = Variable(hidden.gatheringRows([Int32(site.position)]))
        return Splicer.likeliest(decoder.distributions(last, tape: tape), count)
    }
}
