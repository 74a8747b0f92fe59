import Foundation
import Tensors

/// A 95% interval of recall at a false-positive rate of 1% that takes the threshold for what it is: found in a few hundred texts.
///
/// A Wilson interval holds the threshold for fixed. Drawing both the texts with the value and those without again, with repeats, and
/// setting the threshold anew each time does not. At 0 and 1 it collapses, so that it stands beside the other and not in its place.
package struct RecallInterval {
    /// Percentiles 2.5 to 97.5 of the draws.
    package let range: ClosedRange<Double>

    /// Draws.
    private static let draws = 1000

    /// Nil of nothing.
    ///
    /// - Parameter scores: of each target those where the value holds, and those elsewhere, which its threshold is set on.
    package init?(_ scores: [(hidden: [Float], others: [Float])]) {
        guard !scores.isEmpty, scores.allSatisfy({ !$0.hidden.isEmpty && !$0.others.isEmpty }) else { return nil }
        let total = scores.reduce(0) { $0 + $1.hidden.count }
        let sorted = scores.map { (hidden: $0.hidden, others: $0.others.sorted(by: >)) }
        var random = Random(seed: 0, Random.key("recall"))
        let recalls = (0..<RecallInterval.draws).map { _ -> Double in
            var hits = 0
            for (hidden, others) in sorted {
                let level = others[RecallInterval.rank(of: others.count, &random)]
                hits += hidden.indices.count { _ in
                    hidden[Int.random(in: hidden.indices, using: &random)] > level
                }
            }
            return Double(hits) / Double(total)
        }.sorted()
        let end = recalls.count - 1
        range = recalls[Int((0.025 * Double(end)).rounded())]...recalls[Int((0.975 * Double(end)).rounded())]
    }

    /// The place, from above, of the threshold among `count` scores that were drawn again with repeats.
    private static func rank(of count: Int, _ random: inout Random) -> Int {
        // At most this many may lie above.
        let allowed = Int(DetectorThresholds.falsePositiveRate * Double(count))
        var highest: [Int] = []
        for _ in 0..<count {
            let place = Int.random(in: 0..<count, using: &random)
            guard highest.count <= allowed || place < highest[allowed] else { continue }
            highest.insert(place, at: highest.firstIndex { $0 > place } ?? highest.endIndex)
            if highest.count > allowed + 1 { highest.removeLast() }
        }
        return highest[min(allowed, highest.count - 1)]
    }
}
