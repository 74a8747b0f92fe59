import Tensors

/// How well scores tell true claims from false ones.
package struct Ranking: Sendable {
    /// Claims, the lowest score first.
    private let order: [Int]
    private let scores: [Double]
    private let isTrue: [Bool]
    private let clusters: [Int]

    /// - Parameter clusters: each claim's document, for intervals.
    package init(_ scores: [Double], _ isTrue: [Bool], clusters: [Int]) {
        require(scores.count == isTrue.count && scores.count == clusters.count, "a label and a document for each score")
        order = scores.indices.sorted { scores[$0] < scores[$1] }
        self.scores = scores
        self.isTrue = isTrue
        self.clusters = clusters
    }

    /// The area under the ROC curve: how often a true claim scores higher than a false one, equal scores counting half (Mann and
    /// Whitney 1947). Nil unless there are both.
    ///
    /// - Parameter weight: of each claim's document.
    package func area(_ weight: (_ cluster: Int) -> Double = { _ in 1 }) -> Double? {
        var below = 0.0, pairs = 0.0, trueCount = 0.0
        var begin = 0
        while begin < order.count {
            var end = begin, own = (true: 0.0, false: 0.0)
            while end < order.count, scores[order[end]] == scores[order[begin]] {
                let claim = order[end]
                if isTrue[claim] { own.true += weight(clusters[claim]) } else { own.false += weight(clusters[claim]) }
                end += 1
            }
            pairs += own.true * (below + own.false / 2)
            below += own.false
            trueCount += own.true
            begin = end
        }
        return trueCount > 0 && below > 0 ? pairs / (trueCount * below) : nil
    }
}

/// Claims of about the same confidence, and how many of them are true.
public struct ReliabilityBin: Sendable, Equatable {
    /// Their mean confidence.
    public let confidence: Double
    /// The share that is true.
    public let share: Double
    /// How many there are.
    public let count: Int

    package init(confidence: Double, share: Double, count: Int) {
        self.confidence = confidence
        self.share = share
        self.count = count
    }

    /// Cuts claims into bins of equal size, the least confident first (Bröcker and Smith 2007 say why not of equal width).
    package static func bins(_ confidences: [Double], _ isTrue: [Bool], count: Int = 10) -> [ReliabilityBin] {
        places(confidences, count: count).map { own in
            let size = Double(own.count)
            return ReliabilityBin(
                confidence: own.reduce(0) { $0 + confidences[$1] } / size,
                share: Double(own.count { isTrue[$0] }) / size, count: own.count)
        }
    }

    /// The claims of each bin.
    fileprivate static func places(_ confidences: [Double], count: Int) -> [ArraySlice<Int>] {
        let order = confidences.indices.sorted { (confidences[$0], $0) < (confidences[$1], $1) }
        return (0..<count).map { order[$0 * order.count / count..<($0 + 1) * order.count / count] }
            .filter { !$0.isEmpty }
    }
}

/// How far confidences are from the truth: the mean distance between confidence and the share that is true, over bins of equal size
/// (the expected calibration error). Never below 0, so that over few claims it is too large on average.
package struct Calibration: Sendable {
    private let bins: [ArraySlice<Int>]
    private let confidences: [Double]
    private let isTrue: [Bool]
    private let clusters: [Int]

    /// - Parameter clusters: each claim's document, for intervals.
    package init(_ confidences: [Double], _ isTrue: [Bool], clusters: [Int], bins: Int = 10) {
        require(confidences.count == isTrue.count && isTrue.count == clusters.count, "a label and a document for each")
        self.bins = ReliabilityBin.places(confidences, count: bins)
        self.confidences = confidences
        self.isTrue = isTrue
        self.clusters = clusters
    }

    /// The error; nil over nothing. The bins stay those of all claims.
    ///
    /// - Parameter weight: of each claim's document.
    package func error(_ weight: (_ cluster: Int) -> Double = { _ in 1 }) -> Double? {
        var error = 0.0, total = 0.0
        for bin in bins {
            var size = 0.0, excess = 0.0
            for claim in bin {
                let weight = weight(clusters[claim])
                size += weight
                excess += weight * (confidences[claim] - (isTrue[claim] ? 1 : 0))
            }
            error += abs(excess)
            total += size
        }
        return total > 0 ? error / total : nil
    }
}
