import Autoencoder
import Claims
import Faithfulness
import Foundation
import Statistics
import Teaching
import Tensors

/// Looks at vectors and at what the attacked pair writes of them.
struct Watch {
    let pair: Pair
    let grammar: any ClaimGrammar
    let distribution: CleanDistribution
    let probes: ProbeSet
    let readers: [NamedReader]
    let maximumTokens: Int

    var detectors: [Detector] {
        [.residual, .distance, .neighbour, .doubt, .surprise] + readers.map { .reader($0.name) }
    }

    /// What was seen of some vectors.
    struct Sighting {
        /// Scores of each detector, a number for each vector.
        var scores: [Detector: [Double]]
        /// Each vector's error and cosine against the reconstruction.
        var errors: [Scores.Row]
        /// What linear probes read.
        var probed: ProbeReading
        /// What each other reader writes.
        var others: [String: [String]]
    }

    /// - Parameters:
    ///   - vectors: [n, d] float32.
    ///   - explanations: what the attacked pair writes of each.
    func look(at vectors: Tensor, _ explanations: [Explanation]) throws -> Sighting {
        let words = explanations.map(\.description)
        let errors = try Scores.rows(pair.reconstructor.reconstruct(words), vectors)
        let probed = probes.read(vectors)
        var scores = distribution.scores(vectors, errors)
        scores[.doubt] = grammar.doubts(words, probed)
        scores[.surprise] = explanations.map { -Double($0.logProbabilities.smallest() ?? 0) }
        var others: [String: [String]] = [:]
        for reader in readers {
            let own = try reader.pair.verbalizer.mostProbable(vectors, maximumTokens: maximumTokens).map(\.description)
            others[reader.name] = own
            scores[.reader(reader.name)] = reader.pair.verbalizer.denials(words, own: own, vectors, grammar)
        }
        return Sighting(scores: scores, errors: errors, probed: probed, others: others)
    }
}

extension CleanDistribution {
    /// Scores of the detectors that ask no other reader.
    ///
    /// - Parameter errors: of the reconstructions from what the pair writes of each vector.
    func scores(_ vectors: Tensor, _ errors: [Scores.Row]) -> [Detector: [Double]] {
        [
            .residual: errors.map(\.meanSquaredError), .distance: mahalanobis(vectors), .neighbour: nearest(vectors),
        ]
    }
}

extension ClaimGrammar {
    /// −log P of each explanation's claim that linear probes doubt most, in nats; 0 where they doubt none.
    ///
    /// Of last words, and of values that a probe has not met, they know nothing.
    func doubts(_ explanations: [String], _ probed: ProbeReading) -> [Double] {
        explanations.enumerated().map { row, text in
            read(text).claims.filter { $0.question != endingQuestion }
                .compactMap { probed.probability(of: $0, row: row) }.filter { $0 != 0 }
                .map { -log(Double($0)) }.largest() ?? 0
        }
    }
}
