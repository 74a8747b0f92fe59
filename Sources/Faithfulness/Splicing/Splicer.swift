import Autoencoder
import Foundation
import JSON
import LanguageModel
import Tensors

/// Puts other vectors in the place of a target's activations, and looks at what it predicts then.
///
///     let splicer = try Splicer(target, precision: .native)
///     let effects = splicer.effects([.init(ids: ids, position: 12, vectors: reconstruction)], reach: 8)
///
/// A vector replaces the residual stream at the output of block K at one token. What stands before the token is computed once for all the
/// vectors of a place: each is a branch of one token tree.
public final class Splicer {
    /// A token of a text, and vectors to try there.
    public struct Patch {
        /// The text's tokens.
        public var ids: [Int32]
        /// Which of them.
        public var position: Int
        /// [n, d] float32, as they will stand in the residual stream.
        public var vectors: Tensor

        /// A place.
        public init(ids: [Int32], position: Int, vectors: Tensor) {
            self.ids = ids
            self.position = position
            self.vectors = vectors
        }
    }

    /// What a vector does to the target's predictions.
    public struct Effect: Sendable, Equatable {
        /// KL(clean ‖ spliced) of the next token's distribution at the token itself, in nats.
        public var divergence: Double
        /// The same at each of the tokens that follow, as far as they are looked at.
        public var following: [Double]
        /// Whether the likeliest next token stays the same.
        public var isSameChoice: Bool
    }

    let decoder: TransformerDecoder
    let layer: Int
    let precision: Precision
    /// A token that says nothing, for what is read without a text.
    private let neutral: Int32
    /// Rows of one pass.
    let rowsPerPass = 1024

    /// Width d of the vectors.
    package var width: Int { decoder.configuration.hiddenSize }

    /// A splicer of a target. Without a precision it computes in the weights' own.
    public init(_ target: Target, precision: Precision? = nil) throws {
        decoder = try target.decoder()
        layer = target.layer
        self.precision = try precision ?? target.checkpoint.naturalPrecision()
        let json = target.checkpoint.json
        let id = ["bos_token_id", "eos_token_id"].lazy.compactMap { json[$0]?.int ?? json[$0]?[0]?.int }.first ?? 0
        neutral = (0..<decoder.configuration.vocabularySize).contains(id) ? Int32(id) : 0
    }

    /// The effect of each vector at each place, on the token's own prediction and on up to `reach` that follow it in the text.
    public func effects(_ places: [Patch], reach: Int) -> [[Effect]] {
        for place in places {
            require(place.ids.indices.contains(place.position), "a place outside its text")
            require(place.vectors.width == decoder.configuration.hiddenSize, "vectors of another width")
        }
        let rows = places.map { place in
            let rest = min(reach, place.ids.count - 1 - place.position)
            return place.position + (place.vectors.rows + 1) * (rest + 1)
        }
        return Passes.split(rows, limit: rowsPerPass).flatMap { effectsOfPass(places[$0], reach: reach) }
    }

    private func effectsOfPass(_ places: ArraySlice<Patch>, reach: Int) -> [[Effect]] {
        var tree = TokenTree(), spliced: [Int32] = [], read: [Int32] = []
        /// For each place its branches, the untouched one first, as ranges of `read`.
        var branches: [[Range<Int>]] = []
        for place in places {
            let before = place.position > 0 ? tree.append(Array(place.ids[..<place.position])) : nil
            let end = min(place.ids.count, place.position + reach + 1)
            branches.append(
                (0...place.vectors.rows).map { branch in
                    let segment = tree.append(Array(place.ids[place.position..<end]), after: before)
                    let rows = tree.segments[segment].rows
                    if branch > 0 { spliced.append(Int32(rows.lowerBound)) }
                    read += rows.map(Int32.init)
                    return read.count - rows.count..<read.count
                })
        }
        let logits = self.logits(tree, read, spliced, Tensor.stacking(places.map(\.vectors)))
        func distribution(_ row: Int) -> NextTokenDistribution {
            NextTokenDistribution(logits.rows(row..<row + 1).floats())
        }
        return branches.map { branches in
            let clean = branches[0].map(distribution)
            return branches.dropFirst().map { rows in
                let distributions = rows.map(distribution)
                let divergences = zip(clean, distributions).map { $0.divergence(to: $1) }
                return Effect(
                    divergence: divergences[0], following: Array(divergences.dropFirst()),
                    isSameChoice: clean[0].likeliest == distributions[0].likeliest)
            }
        }
    }

    /// log P of each continuation when a vector stands at the output of block K of a single token that says nothing: what the vector alone lets
    /// the target expect.
    ///
    /// - Parameters:
    ///   - vectors: [n, d] float32.
    ///   - continuations: for each vector some continuations of at least one token.
    public func logLikelihoods(_ vectors: Tensor, of continuations: [[[Int32]]]) -> [[Double]] {
        require(vectors.rows == continuations.count, "continuations for each vector")
        let rows = continuations.map { 1 + $0.reduce(0) { $0 + $1.count - 1 } }
        return Passes.split(rows, limit: rowsPerPass).flatMap { range in
            likelihoodsOfPass(vectors.rows(range), continuations[range])
        }
    }

    private func likelihoodsOfPass(_ vectors: Tensor, _ continuations: ArraySlice<[[Int32]]>) -> [[Double]] {
        var tree = TokenTree(), spliced: [Int32] = [], predicting: [Int32] = [], targets: [Int32] = []
        var ranges: [[Range<Int>]] = []
        for continuations in continuations {
            let root = tree.append([neutral])
            let first = Int32(tree.segments[root].firstRow)
            spliced.append(first)
            ranges.append(
                continuations.map { tokens in
                    require(!tokens.isEmpty, "a continuation of no tokens")
                    let segment = tree.append(Array(tokens.dropLast()), after: root)
                    predicting += [first] + tree.segments[segment].rows.map(Int32.init)
                    targets += tokens
                    return targets.count - tokens.count..<targets.count
                })
        }
        let tape = Tape(recording: false, precision: precision)
        let hidden = hidden(tree, spliced, vectors, tape)
        let result = decoder.logProbabilities(
            of: targets, Variable(hidden.gatheringRows(predicting)), tape: tape
        ).value.floats()
        return ranges.map { $0.map { $0.reduce(0) { $0 + Double(result[$1]) } } }
    }

    /// The residual stream at the output of the last block, with `vectors` at the output of block K at the rows `spliced`.
    func hidden(_ tree: TokenTree, _ spliced: [Int32], _ vectors: Tensor, _ tape: Tape) -> Tensor {
        let replacement = Variable(vectors.converted(to: .float32))
        return decoder.hidden(tree, tape: tape) { [layer] block, hidden in
            block == layer && !spliced.isEmpty ? tape.replacing(spliced, of: hidden, with: replacement) : hidden
        }.value
    }

    private func logits(_ tree: TokenTree, _ rows: [Int32], _ spliced: [Int32], _ vectors: Tensor) -> Tensor {
        let tape = Tape(recording: false, precision: precision)
        return decoder.logits(Variable(hidden(tree, spliced, vectors, tape).gatheringRows(rows)), tape: tape)
    }
}

extension Tensor {
    /// Matrices of one width below one another, in float32.
    static func stacking(_ tensors: [Tensor]) -> Tensor {
        let places = tensors.indices.flatMap { index in
            (0..<tensors[index].rows).map { (tensor: index, row: $0) }
        }
        return gatheringRows(places, of: tensors, width: tensors.first?.width ?? 0)
    }

    /// The same directions, each with the norm of the other's row. Zero stays zero.
    func scaled(toNormsOf other: Tensor) -> Tensor {
        require(shape == other.shape, "\(shape) and \(other.shape)")
        return Tape(recording: false).scaledRows(Variable(self), toNorms: other.rowNorms).value
    }

    /// The same directions, all of one norm. Zero stays zero.
    func scaled(toNorm norm: Double) -> Tensor {
        Tape(recording: false).scaledRows(Variable(self), toNorm: norm).value
    }
}

extension ArraySlice<Float> {
    /// Σ x², in float64.
    package var squaredNorm: Double { reduce(0) { $0 + Double($1) * Double($1) } }

    /// Σ (x − y)², in float64.
    package func squaredDistance(to other: ArraySlice<Float>) -> Double {
        zip(self, other).reduce(0) { $0 + pow(Double($1.0 - $1.1), 2) }
    }
}
