import Foundation
import Tensors

/// How many of some independent cases: a share with its interval.
///
/// The interval is over cases. Texts that one fine-tuned target reads share that target, so that of several targets the lowest and the
/// highest say more.
package struct Share: Sendable, Equatable, Codable {
    /// Cases of which it holds.
    package var hits = 0
    /// All cases.
    package var count = 0
    /// The lowest and the highest of several shares that were pooled, seeds for instance; nil of one.
    package private(set) var parts: ClosedRange<Double>?
    /// An interval that takes in what the Wilson interval leaves out, a threshold that was found in the same texts for instance.
    package var resampled: ClosedRange<Double>?
    /// How often the same cases stand in it; 1 where all are different.
    package var repeats = 1

    private enum CodingKeys: CodingKey { case hits, count }

    /// Of nothing yet.
    package init() {}

    /// Reads what was written. Throws where more cases hold than there are.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        hits = try values.decode(Int.self, forKey: .hits)
        count = try values.decode(Int.self, forKey: .count)
        guard (0...1_000_000_000_000).contains(count), (0...count).contains(hits) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "\(hits) of \(count) cases"))
        }
    }

    /// Of cases that each say whether it holds.
    package init(_ cases: some Sequence<Bool>) { for hit in cases { add(hit) } }

    /// Of the cases of several.
    package init(pooling shares: some Sequence<Share>) {
        var values: [Double] = []
        for share in shares where share.count > 0 {
            hits += share.hits
            count += share.count
            values.append(Double(share.hits) / Double(share.count))
        }
        if values.count > 1, let low = values.min(), let high = values.max() { parts = low...high }
    }

    /// Whether it, and each part of it, is at least this much.
    package func isEverywhere(atLeast least: Double) -> Bool { (parts?.lowerBound ?? estimate?.value ?? -1) >= least }
    /// Whether it, and each part of it, is at most this much.
    package func isEverywhere(atMost most: Double) -> Bool { (parts?.upperBound ?? estimate?.value ?? 2) <= most }

    package mutating func add(_ hit: Bool) {
        hits += hit ? 1 : 0
        count += 1
    }

    /// The share with its 95% interval (Wilson 1927), which stays inside 0...1 and does not collapse at its ends, and the resampled one,
    /// where there is one, as far as it reaches beyond; nil of nothing.
    package var estimate: Estimate? {
        guard count > 0 else { return nil }
        let n = Double(count) / Double(repeats), p = Double(hits) / Double(count), z = 1.959963984540054
        let middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        let half = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot() / (1 + z * z / n)
        let low = (middle - half).atLeast(0), high = (middle + half).atMost(1)
        return Estimate(
            value: p, interval: min(low, resampled?.lowerBound ?? low)...max(high, resampled?.upperBound ?? high))
    }
}

/// The middle of some numbers; nil of none.
package func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted(), half = sorted.count / 2
    return sorted.count.isMultiple(of: 2) ? (sorted[half - 1] + sorted[half]) / 2 : sorted[half]
}
