import Faithfulness
import Statistics
import Tensors
import Testing

@Suite("Rankings")
struct RankingTests {
    /// How often a true claim scores higher than a false one, pair by pair.
    private func area(_ scores: [Double], _ isTrue: [Bool], _ weights: [Double]) -> Double {
        var won = 0.0, pairs = 0.0
        for a in scores.indices where isTrue[a] {
            for b in scores.indices where !isTrue[b] {
                pairs += weights[a] * weights[b]
                won += weights[a] * weights[b] * (scores[a] > scores[b] ? 1 : scores[a] == scores[b] ? 0.5 : 0)
            }
        }
        return won / pairs
    }

    @Test("The area under the curve is that over all pairs, with ties and with documents drawn several times")
    func area() throws {
        var random = Random(seed: 3)
        for _ in 0..<20 {
            let count = Int.random(in: 5...60, using: &random)
            let scores = (0..<count).map { _ in Double(Int.random(in: 0..<8, using: &random)) }
            let isTrue = (0..<count).map { $0 == 0 || $0 > 1 && Bool.random(using: &random) }
            let clusters = (0..<count).map { $0 / 3 }
            let drawn = (0...count / 3).map { _ in Double(Int.random(in: 1...3, using: &random)) }
            let ranking = Ranking(scores, isTrue, clusters: clusters)
            let plain = try #require(ranking.area())
            #expect(abs(plain - area(scores, isTrue, scores.map { _ in 1 })) < 1e-12)
            let weighted = try #require(ranking.area { drawn[$0] })
            #expect(abs(weighted - area(scores, isTrue, clusters.map { drawn[$0] })) < 1e-12)
        }
        #expect(Ranking([1, 2], [true, true], clusters: [0, 1]).area() == nil)
    }

    @Test("Bins of a reliability diagram hold every claim once, the least confident first")
    func bins() {
        let confidences = (0..<23).map { Double(($0 * 7) % 23) / 23 }
        let isTrue = confidences.map { $0 > 0.4 }
        let bins = ReliabilityBin.bins(confidences, isTrue, count: 5)
        #expect(bins.reduce(0) { $0 + $1.count } == 23 && bins.count == 5)
        #expect(zip(bins, bins.dropFirst()).allSatisfy { $0.confidence < $1.confidence && $0.share <= $1.share })
        #expect(bins[0].share == 0 && bins[4].share == 1)
        #expect(ReliabilityBin.bins([0.5], [true], count: 10) == [ReliabilityBin(confidence: 0.5, share: 1, count: 1)])
    }

    @Test(
        "The calibration error is the distance of confidence and truth, bin by bin, with documents drawn several times")
    func calibration() throws {
        // Two bins: 0.2 where 1 of 2 is true, 0.9 where both are.
        let confidences = [0.2, 0.2, 0.9, 0.9], isTrue = [true, false, true, true]
        let calibration = Calibration(confidences, isTrue, clusters: [0, 1, 2, 3], bins: 2)
        #expect(abs(try #require(calibration.error()) - (0.3 + 0.1) / 2) < 1e-12)
        // The false claim's document drawn three times, the true one's once: 1 of 4 is true.
        let drawn = try #require(calibration.error { $0 == 1 ? 3 : 1 })
        #expect(abs(drawn - (4 * 0.05 + 2 * 0.1) / 6) < 1e-12)
        #expect(Calibration([], [], clusters: []).error() == nil)
    }
}
