import Foundation
import JSON

/// A number with the interval that it has over documents.
public struct Estimate: Sendable, Equatable {
    /// The number.
    public let value: Double
    /// The middle 95% over resampled documents; nil for a single document.
    public let interval: ClosedRange<Double>?

    /// A number that was measured.
    public init(value: Double, interval: ClosedRange<Double>?) {
        self.value = value
        self.interval = interval
    }

    /// `value`, `low` and `high`.
    package var members: [(String, JSONValue)] {
        [
            ("value", .number(value)), ("low", interval.map { .number($0.lowerBound) } ?? .null),
            ("high", interval.map { .number($0.upperBound) } ?? .null),
        ]
    }

    /// For a person: the value with its interval behind it.
    package func text(_ style: NumberStyle, signed: Bool = false) -> String {
        let limits = interval.map {
            " [\(style.text($0.lowerBound, signed: signed)), \(style.text($0.upperBound, signed: signed))]"
        }
        return style.text(value, signed: signed) + (limits ?? "")
    }
}

/// How a measured number is written for a person.
package enum NumberStyle: Sendable {
    case number, percent, count

    /// A value, or a difference with its sign.
    package func text(_ value: Double, signed: Bool = false) -> String {
        switch self {
        case .number: String(format: signed ? "%+.3f" : "%.3f", value)
        case .percent: String(format: signed ? "%+.1f" : "%.1f%%", 100 * value)
        case .count: String(format: signed ? "%+.1f" : "%.1f", value)
        }
    }
}

extension ClusterBootstrap {
    /// A ratio with its interval; nil over nothing.
    public func estimate(_ ratio: ClusteredRatio) -> Estimate? {
        ratio.value.map { Estimate(value: $0, interval: interval(ratio)) }
    }

    /// The difference of two ratios over the same clusters; nil if one is over nothing.
    public func estimate(of ratio: ClusteredRatio, minus other: ClusteredRatio) -> Estimate? {
        guard let value = ratio.value, let base = other.value else { return nil }
        return Estimate(value: value - base, interval: interval(of: ratio, minus: other))
    }
}
