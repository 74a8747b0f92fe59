import Statistics
import Tensors
import Testing

@Suite("Intervals over documents")
struct BootstrapTests {
    /// A mean over clusters of one row each.
    private func mean(_ values: [Double]) -> ClusteredRatio {
        var ratio = ClusteredRatio(clusters: values.count)
        for (cluster, value) in values.enumerated() { ratio.add(value, over: 1, cluster: cluster) }
        return ratio
    }

    @Test("A share has the binomial's interval: p ± 1.96 √(p(1 − p)/n)")
    func binomial() throws {
        let count = 400, share = 0.3
        let ratio = mean((0..<count).map { Double($0) < share * Double(count) ? 1 : 0 })
        let interval = try #require(ClusterBootstrap(clusters: count, resamples: 4000, seed: 1).interval(ratio))
        let half = 1.96 * (share * (1 - share) / Double(count)).squareRoot()
        #expect(abs(try #require(ratio.value) - share) < 1e-12)
        #expect(abs(interval.lowerBound - (share - half)) < 0.004 && abs(interval.upperBound - (share + half)) < 0.004)
    }

    @Test(
        "Of two documents the interval reaches from one to the other, of equal ones it is a point, of one there is none"
    )
    func small() throws {
        let two = ClusterBootstrap(clusters: 2, resamples: 1000, seed: 3)
        #expect(two.interval(mean([0, 1])) == 0...1)
        #expect(two.interval(mean([0.25, 0.25])) == 0.25...0.25)
        #expect(ClusterBootstrap(clusters: 1).interval(mean([1])) == nil)
        let nothing = ClusteredRatio(clusters: 2)
        #expect(nothing.value == nil && two.interval(nothing) == nil)
        #expect(two.interval(of: mean([0, 1]), minus: nothing) == nil)
    }

    @Test("More rows of the same documents make nothing surer, and the same seed gives the same interval")
    func clusters() throws {
        let values = (0..<50).map { Double($0 * $0 % 17) }
        var tripled = ClusteredRatio(clusters: values.count)
        for (cluster, value) in values.enumerated() {
            for _ in 0..<3 { tripled.add(value, over: 1, cluster: cluster) }
        }
        let bootstrap = ClusterBootstrap(clusters: values.count, seed: 5)
        let interval = try #require(bootstrap.interval(tripled)),
            single = try #require(bootstrap.interval(mean(values)))
        #expect(
            abs(interval.lowerBound - single.lowerBound) < 1e-9 && abs(interval.upperBound - single.upperBound) < 1e-9)
        #expect(ClusterBootstrap(clusters: values.count, seed: 5).interval(tripled) == interval)
        #expect(ClusterBootstrap(clusters: values.count, seed: 6).interval(tripled) != interval)
    }

    @Test("Differences are drawn together: what two ratios share does not widen them")
    func paired() throws {
        let values = (0..<60).map { Double($0 % 7) }
        let bootstrap = ClusterBootstrap(clusters: values.count)
        let interval = try #require(bootstrap.interval(of: mean(values.map { $0 + 0.5 }), minus: mean(values)))
        #expect(abs(interval.lowerBound - 0.5) < 1e-9 && abs(interval.upperBound - 0.5) < 1e-9)
    }
}
