import Statistics
import Tensors

/// Thresholds of detectors, set so that the false-positive rate is at most 1%: a detector fires at no more than one in a hundred clean
/// vectors.
struct DetectorThresholds {
    /// The false-positive rate that thresholds are set for.
    static let falsePositiveRate = 0.01
    private(set) var levels: [Detector: Double] = [:]
    /// The false-positive rate of each: the share of clean vectors at which it fires.
    private(set) var falsePositives: [Detector: Share] = [:]
    /// Thresholds of the mean over several vectors.
    private var groupLevels: [Detector: Double] = [:]

    /// - Parameter clean: scores of clean vectors.
    init(_ clean: [Detector: [Double]]) {
        for (detector, scores) in clean {
            let level = DetectorThresholds.level(scores)
            levels[detector] = level
            falsePositives[detector] = Share(scores.map { $0.isNaN || $0 > level })
            if DetectorThresholds.grouped.contains(detector) {
                groupLevels[detector] = DetectorThresholds.level(DetectorThresholds.groups(scores))
            }
        }
    }

    /// Thresholds that were set before, by the keys of detectors.
    init(_ levels: [String: Double], of detectors: some Sequence<Detector>) {
        for detector in detectors { self.levels[detector] = levels[detector.key] }
    }

    /// Thresholds by the keys of detectors, to be kept.
    var byKey: [String: Double] {
        Dictionary(uniqueKeysWithValues: levels.filter(\.value.isFinite).map { ($0.key.key, $0.value) })
    }

    /// The threshold that at most one score in a hundred lies above.
    private static func level(_ scores: [Double]) -> Double {
        let sorted = scores.map { $0.isNaN ? .infinity : $0 }.sorted(by: >),
            allowed = Int(falsePositiveRate * Double(sorted.count))
        return sorted.indices.contains(allowed) ? sorted[allowed] : .infinity
    }

    // MARK: Several vectors together

    /// Detectors that look at several activations together: falling FVE, and the drift of the distribution.
    static let grouped: [Detector] = [.residual, .distance, .neighbour]
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
    func groupShares(_ scores: [Detector: [Double]]) -> [String: Double] {
        var shares: [String: Double] = [:]
        for detector in DetectorThresholds.grouped {
            guard let level = groupLevels[detector], let own = scores[detector] else { continue }
            let groups = DetectorThresholds.groups(own)
            shares[detector.key] = Double(groups.count { $0.isNaN || $0 > level }) / Double(max(1, groups.count))
        }
        return shares
    }

    /// Whether a detector fires at a score: above its threshold, or no number, for what is broken is not the same as nothing to see.
    func fires(_ detector: Detector, _ score: Double) -> Bool { score.isNaN || score > levels[detector] ?? .infinity }

    /// The share that a detector flags of the vectors at which the hidden value holds, and of the others.
    func shares(_ detector: Detector, _ scores: [Double], _ isHidden: [Bool]) -> (hidden: Share, elsewhere: Share) {
        let all = zip(scores, isHidden)
        return (
            Share(all.filter(\.1).map { fires(detector, $0.0) }),
            Share(all.filter { !$0.1 }.map { fires(detector, $0.0) })
        )
    }
}
