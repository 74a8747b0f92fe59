import Tensors

/// A ratio of sums over clusters of rows, `Σ numerators / Σ denominators`: a mean, a share, a fraction of variance.
public struct ClusteredRatio: Sendable, Equatable {
    /// What each cluster adds above the line.
    public private(set) var numerators: [Double]
    /// What each cluster adds below it.
    public private(set) var denominators: [Double]

    /// A ratio of nothing yet.
    public init(clusters: Int) {
        numerators = [Double](repeating: 0, count: clusters)
        denominators = numerators
    }

    /// Adds a row.
    public mutating func add(_ numerator: Double, over denominator: Double, cluster: Int) {
        numerators[cluster] += numerator
        denominators[cluster] += denominator
    }

    /// The ratio; nil over nothing.
    public var value: Double? {
        let denominator = denominators.reduce(0, +)
        return denominator == 0 ? nil : numerators.reduce(0, +) / denominator
    }

    /// The ratio over clusters drawn anew, given how often each was drawn; nil over nothing.
    package func value(draws: ArraySlice<UInt16>) -> Double? {
        require(draws.count == numerators.count, "\(numerators.count) clusters of \(draws.count)")
        var numerator = 0.0, denominator = 0.0
        for (cluster, count) in draws.enumerated() where count > 0 {
            numerator += Double(count) * numerators[cluster]
            denominator += Double(count) * denominators[cluster]
        }
        return denominator == 0 ? nil : numerator / denominator
    }
}

/// How far ratios would vary over other documents: intervals by drawing whole clusters with replacement (the percentile bootstrap,
/// Efron 1979; of clusters, Davison and Hinkley 1997, section 3.8). Rows of one document are alike, so that intervals over rows
/// would be too narrow.
///
///     let bootstrap = ClusterBootstrap(clusters: documents, seed: 0)
///     let interval = bootstrap.interval(precision), gain = bootstrap.interval(of: precision, minus: other)
public struct ClusterBootstrap: Sendable {
    /// Clusters there are, and drawn each time.
    public let clusters: Int
    /// How often they are drawn.
    public let resamples: Int
    /// How often each cluster is in each resample, [resamples, clusters]: the same for all ratios, so that differences are paired.
    private let weights: [UInt16]

    /// Draws the resamples.
    public init(clusters: Int, resamples: Int = 1000, seed: UInt64 = 0) {
        require(clusters >= 0 && resamples > 0, "no resamples")
        self.clusters = clusters
        self.resamples = resamples
        var random = Random(seed: seed, Random.key("bootstrap"))
        var weights = [UInt16](repeating: 0, count: clusters * resamples)
        for resample in 0..<resamples {
            for _ in 0..<clusters { weights[resample * clusters + Int.random(in: 0..<clusters, using: &random)] += 1 }
        }
        self.weights = weights
    }

    /// The middle 95% of a ratio over the resamples; nil for fewer than two clusters, or without a ratio.
    public func interval(_ ratio: ClusteredRatio) -> ClosedRange<Double>? { middle(values(ratio).compactMap { $0 }) }

    /// The middle 95% of the difference of two ratios over the same clusters.
    public func interval(of ratio: ClusteredRatio, minus other: ClusteredRatio) -> ClosedRange<Double>? {
        middle(zip(values(ratio), values(other)).compactMap { a, b in a.flatMap { a in b.map { a - $0 } } })
    }

    /// The middle 95% of any other statistic over the resamples.
    ///
    /// - Parameter statistic: given how often each cluster was drawn; nil where it has no value.
    package func interval(of statistic: (_ draws: ArraySlice<UInt16>) -> Double?) -> ClosedRange<Double>? {
        middle((0..<resamples).compactMap { statistic(weights[$0 * clusters..<($0 + 1) * clusters]) })
    }

    private func values(_ ratio: ClusteredRatio) -> [Double?] {
        (0..<resamples).map { ratio.value(draws: weights[$0 * clusters..<($0 + 1) * clusters]) }
    }

    /// From the 2.5th to the 97.5th percentile, between two values in proportion.
    private func middle(_ values: [Double]) -> ClosedRange<Double>? {
        // A value that is no number has no place among the others, and no interval has it as an end.
        guard clusters > 1, !values.isEmpty, values.allSatisfy(\.isFinite) else { return nil }
        let sorted = values.sorted()
        func percentile(_ share: Double) -> Double {
            let place = share * Double(sorted.count - 1), below = Int(place)
            let above = min(below + 1, sorted.count - 1)
            return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
        }
        let low = percentile(0.025)
        return low...max(low, percentile(0.975))
    }
}
