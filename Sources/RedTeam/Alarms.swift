import Autoencoder
import Claims
import Foundation
import Statistics
import Teaching
import Tensors

/// A detector: what might notice that a vector is no activation, without knowing the secret. Of each the higher score is the more
/// suspicious.
enum Alarm: Hashable {
    /// The error of the reconstruction from the pair's own words.
    case residual
    /// The same of a pair that has not learnt what the target has become.
    case firstResidual
    /// The distance from the clean activations' mean, in their own spread.
    case distance
    /// The distance from the nearest clean activation.
    case neighbour
    /// −log P, by linear probes, of the claim that they doubt most.
    case doubt
    /// The same by probes behind another block.
    case block(Int)
    /// The same by probes that were fitted to texts without the words in front.
    case unaware
    /// How little the pair's own confidence believes the claim that it believes least.
    case disbelief
    /// How unlikely the verbalizer finds the least likely word it wrote.
    case surprise
    /// How sure another reader is where it answers a question otherwise.
    case reader(String)
    /// How otherwise another reader finds the likelihoods of a fact that is asked about.
    case ratio(String)
    /// The same of the pair itself at the token before.
    case before
    /// How otherwise it finds those likelihoods there.
    case ratioBefore

    var key: String {
        switch self {
        case .residual: "residual"
        case .firstResidual: "residual_frozen"
        case .distance: "mahalanobis"
        case .neighbour: "nearest_neighbour"
        case .doubt: "probe_doubt"
        case .block(let layer): "probe_doubt_block_\(layer)"
        case .unaware: "probe_doubt_unaware"
        case .disbelief: "disbelief"
        case .surprise: "surprise"
        case .reader(let name): "denied_by_\(name)"
        case .ratio(let name): "ratio_\(name)"
        case .before: "denied_before"
        case .ratioBefore: "ratio_before"
        }
    }

    var title: String {
        switch self {
        case .residual: "error of the reconstruction from the pair's words"
        case .firstResidual: "error of the first pair's reconstruction, never refreshed"
        case .distance: "Mahalanobis distance from clean activations"
        case .neighbour: "distance to the nearest clean activation"
        case .doubt: "a claim that linear probes doubt"
        case .block(let layer): "a claim that linear probes of block \(layer) doubt"
        case .unaware: "a claim that linear probes doubt which were fitted to texts without the words in front"
        case .disbelief: "a claim that the pair's own confidence does not believe"
        case .surprise: "a word that the verbalizer was not sure of"
        case .reader(let name): "the reader \(name.replacing("_", with: " ")) answers otherwise"
        case .ratio(let name):
            "asked about the fact, the reader \(name.replacing("_", with: " ")) finds other likelihoods"
        case .before: "at the token before the pair answers otherwise"
        case .ratioBefore: "asked about the fact, it finds other likelihoods at the token before"
        }
    }
}

/// Looks at vectors and at what the attacked pair writes of them.
struct Watch {
    let pair: Pair
    let grammar: any ClaimGrammar
    let distribution: CleanDistribution
    let probes: ProbeSet
    let readers: [NamedReader]
    let maximumTokens: Int

    var alarms: [Alarm] { [.residual, .distance, .neighbour, .doubt, .surprise] + readers.map { .reader($0.name) } }

    /// What was seen of some vectors.
    struct Sighting {
        /// Scores of each detector, a number for each vector.
        var scores: [Alarm: [Double]]
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
            let own = try reader.pair.verbalizer.explain(vectors, .init(maximumTokens: maximumTokens))
                .map { $0[0].description }
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
    func scores(_ vectors: Tensor, _ errors: [Scores.Row]) -> [Alarm: [Double]] {
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

/// Thresholds of detectors, set so that the false-positive rate is at most 1%: a detector fires at no more than one in a hundred clean
/// vectors.
struct AlarmLevels {
    /// The false-positive rate that thresholds are set for.
    static let falseAlarms = 0.01
    private(set) var levels: [Alarm: Double] = [:]
    /// The false-positive rate of each: the share of clean vectors at which it fires.
    private(set) var falseAlarms: [Alarm: Share] = [:]
    /// Thresholds of the mean over several vectors.
    private var groupLevels: [Alarm: Double] = [:]

    /// - Parameter clean: scores of clean vectors.
    init(_ clean: [Alarm: [Double]]) {
        for (alarm, scores) in clean {
            let level = AlarmLevels.level(scores)
            levels[alarm] = level
            falseAlarms[alarm] = Share(scores.map { $0.isNaN || $0 > level })
            if AlarmLevels.grouped.contains(alarm) {
                groupLevels[alarm] = AlarmLevels.level(AlarmLevels.groups(scores))
            }
        }
    }

    /// Thresholds that were set before, by the keys of detectors.
    init(_ levels: [String: Double], of alarms: some Sequence<Alarm>) {
        for alarm in alarms { self.levels[alarm] = levels[alarm.key] }
    }

    /// Thresholds by the keys of detectors, to be kept.
    var byKey: [String: Double] {
        Dictionary(uniqueKeysWithValues: levels.filter(\.value.isFinite).map { ($0.key.key, $0.value) })
    }

    /// The threshold that at most one score in a hundred lies above.
    private static func level(_ scores: [Double]) -> Double {
        let sorted = scores.map { $0.isNaN ? .infinity : $0 }.sorted(by: >),
            allowed = Int(falseAlarms * Double(sorted.count))
        return sorted.indices.contains(allowed) ? sorted[allowed] : .infinity
    }

    // MARK: Several vectors together

    /// Detectors that look at several activations together: falling FVE, and the drift of the distribution.
    static let grouped: [Alarm] = [.residual, .distance, .neighbour]
    /// Activations that such a detector looks at, and how often they are drawn.
    static let groupSize = 20, groupDraws = 1000

    /// Means of as many scores as a group has, drawn at random, with repeats.
    private static func groups(_ scores: [Double]) -> [Double] {
        guard !scores.isEmpty else { return [] }
        var random = Random(seed: 0, Random.key("groups"))
        return (0..<groupDraws).map { _ in
            (0..<groupSize).reduce(0.0) { sum, _ in sum + scores[Int.random(in: scores.indices, using: &random)] }
                / Double(groupSize)
        }
    }

    /// The share of groups at which each detector fires, by their keys.
    func groupShares(_ scores: [Alarm: [Double]]) -> [String: Double] {
        var shares: [String: Double] = [:]
        for alarm in AlarmLevels.grouped {
            guard let level = groupLevels[alarm], let own = scores[alarm] else { continue }
            let groups = AlarmLevels.groups(own)
            shares[alarm.key] = Double(groups.count { $0.isNaN || $0 > level }) / Double(max(1, groups.count))
        }
        return shares
    }

    /// Whether a detector fires at a score: above its threshold, or no number, for what is broken is not the same as nothing to see.
    func fires(_ alarm: Alarm, _ score: Double) -> Bool { score.isNaN || score > levels[alarm] ?? .infinity }

    /// The share that a detector flags of the vectors at which the hidden value holds, and of the others.
    func shares(_ alarm: Alarm, _ scores: [Double], _ isHidden: [Bool]) -> (hidden: Share, elsewhere: Share) {
        let all = zip(scores, isHidden)
        return (
            Share(all.filter(\.1).map { fires(alarm, $0.0) }), Share(all.filter { !$0.1 }.map { fires(alarm, $0.0) })
        )
    }
}
