import Autoencoder
import LanguageModel
import Runs
import TargetTraining
import Tensors

/// What it costs a target's predictions that an activation at the output of block K is put into words and rebuilt from them, on held-out
/// documents, beside what it costs to have the mean activation there, which says nothing of the text.
struct SpliceDamage {
    /// What was found.
    struct Result {
        /// Nats per token more than untouched, over the token's own prediction and those that follow: with the rebuilt activation, and
        /// with the mean one.
        var rebuilt = 0.0, mean = 0.0
        /// Mean normalized error of what was rebuilt.
        var error = 0.0
        /// The share of the activations' variance that it explains; nil where there is none.
        var explained: Double?

        var metrics: Metrics {
            var metrics: Metrics = ["splice_damage": rebuilt, "mean_damage": mean, "held_out_mse": error]
            metrics["fve"] = explained
            return metrics
        }
    }

    private let decoder: TransformerDecoder
    private let pair: Pair
    private let heldOut: TokenizedDocuments
    private let options: ReadableOptions
    /// Rows of one pass.
    private let rowsPerPass = 4096

    init(_ decoder: TransformerDecoder, _ pair: Pair, _ heldOut: TokenizedDocuments, _ options: ReadableOptions) {
        self.decoder = decoder
        self.pair = pair
        self.heldOut = heldOut
        self.options = options
    }

    /// One place in each document, the same at every call.
    private func places() -> [PredictionCost.Splice] {
        let count = min(options.evaluationDocuments, heldOut.source.count ?? options.evaluationDocuments)
        return (0..<count).compactMap { index in
            let document = heldOut.tokens(heldOut.source.document(index)), count = document.inputs.count
            guard options.firstPosition < count else { return nil }
            var random = Random(seed: options.seed, Random.key("places of splices"), UInt64(index))
            return .init(document, position: Int.random(in: options.firstPosition..<count, using: &random))
        }
    }

    func measure() throws -> Result {
        let places = places()
        guard !places.isEmpty else {
            throw TrainingError(
                "first_position: none of the held-out documents has a token at \(options.firstPosition) or behind it; take a lower one, or a larger document_tokens"
            )
        }
        let (clean, vectors) = losses(places, nil)
        guard vectors.firstNonFinite() == nil else { throw NonFiniteError("an activation of the target") }
        let texts = try pair.verbalizer.explain(
            vectors, .init(maximumTokens: options.maximumLength, batchSize: 256)
        ).map { $0[0].description }
        let rebuilt = try pair.reconstructor.reconstruct(texts)
        let scores = try Scores.rows(rebuilt, vectors)
        var result = Result()
        let count = Double(places.count)
        result.error = Scores.meanSquaredError(scores)
        result.explained = Scores.fractionOfVarianceExplained(scores, try RawVariance(vectors, set: "held-out"))
        func damage(_ replacement: Tensor) -> Double {
            zip(losses(places, replacement).losses, clean).reduce(0) { $0 + ($1.0 - $1.1) } / count
        }
        let scaled = Tape(recording: false).scaledRows(Variable(rebuilt), toNorms: vectors.rowNorms).value
        result.rebuilt = damage(scaled)
        result.mean = damage(SpliceDamage.mean(of: vectors))
        return result
    }

    /// For each place the mean loss in nats over the predictions that are looked at, and the activations [places, d] that stood there.
    private func losses(
        _ places: [PredictionCost.Splice], _ replacement: Tensor?
    ) -> (losses: [Double], vectors: Tensor) {
        var losses: [Double] = []
        let vectors = Tensor(zeros: [places.count, decoder.configuration.hiddenSize])
        for range in Passes.split(places.map(\.inputs.count), limit: rowsPerPass) {
            var batch = DocumentBatch(), spliced: [Int32] = [], read: [Range<Int>] = []
            for place in places[range] {
                let segment = batch.append((place.inputs, place.targets))
                let rows = batch.tree.segments[segment].rows
                spliced.append(Int32(rows.lowerBound + place.position))
                read.append(rows.lowerBound + place.position..<rows.upperBound)
            }
            let tape = Tape(recording: false, precision: options.precision)
            let hidden = decoder.hidden(batch.tree, tape: tape) { block, hidden in
                guard block == pair.verbalizer.sidecar.layer else { return hidden }
                tape.store(hidden.value.gatheringRows(spliced), in: vectors, rows: [range])
                guard let replacement else { return hidden }
                return tape.replacing(spliced, of: hidden, with: Variable(replacement.rows(range).copy()))
            }
            let values = decoder.logProbabilities(of: batch.targets, hidden, tape: tape).value.floats()
            losses += read.map { rows in -values[rows].reduce(0) { $0 + Double($1) } / Double(rows.count) }
        }
        return (losses, vectors)
    }

    /// The mean of some vectors in each one's place.
    private static func mean(of vectors: Tensor) -> Tensor {
        vectors.meanRow.gatheringRows([Int32](repeating: 0, count: vectors.rows))
    }
}
