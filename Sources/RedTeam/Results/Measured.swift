import Foundation
import JSON
import Reports
import Statistics

/// Measured numbers of a target, a goal or a round.
typealias Measures = NamedValues<Measured>
/// One of them.
typealias Measure = Measures.Entry

/// Shares of some cases.
typealias Shares = NamedValues<MeasuredShare>

/// A number as results hold it: what is written, and what pages show.
enum Measured: Codable, Sendable {
    /// Of cases of all seeds together.
    case share(MeasuredShare)
    /// Over seeds.
    case mean(Spread)

    init(_ share: Share) { self = .share(MeasuredShare(share)) }

    /// A share; nil of no cases.
    static func known(_ share: Share) -> Measured? { share.count > 0 ? Measured(share) : nil }

    /// The mean of some numbers; nil of none.
    static func average(_ values: [Double]) -> Measured? { Spread(values).map { .mean($0) } }

    init(from decoder: any Decoder) throws {
        do { self = .mean(try Spread(from: decoder)) } catch { self = .share(try MeasuredShare(from: decoder)) }
    }

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .share(let share): try share.encode(to: encoder)
        case .mean(let spread): try spread.encode(to: encoder)
        }
    }

    /// For a person.
    var text: String {
        switch self {
        case .share(let share): share.text
        case .mean(let spread): spread.text(.number)
        }
    }

    /// For a page: a share with its place among 0 to 100%, and its interval.
    var html: String {
        let text = HTML.escaped(text)
        guard case .share(let share) = self, let estimate = share.estimate else { return text }
        return text + "<br>" + HTML.interval(estimate, on: 0...1)
    }
}

/// A share with its interval, its cases, and the lowest and the highest of several seeds.
struct MeasuredShare: Codable, Sendable {
    /// Nil of no cases.
    @Nullable private(set) var value: Double?
    let low, high: Double?
    let count: Int
    let lowest, highest: Double?

    init(_ share: Share) {
        let estimate = share.estimate
        (value, low, high) = (estimate?.value, estimate?.interval?.lowerBound, estimate?.interval?.upperBound)
        (count, lowest, highest) = (share.count, share.parts?.lowerBound, share.parts?.upperBound)
    }

    fileprivate var estimate: Estimate? {
        value.map { value in Estimate(value: value, interval: low.flatMap { low in high.map { low...$0 } }) }
    }

    /// For a person. Where several seeds found the same, they are not named.
    var text: String {
        guard let estimate else { return "–" }
        guard let lowest, let highest, lowest < highest else { return estimate.text(.percent) }
        return estimate.text(.percent) + String(format: ", seeds %.1f to %.1f%%", 100 * lowest, 100 * highest)
    }
}

/// A number over seeds: its mean, with the lowest and the highest.
struct Spread: Codable, Sendable {
    let mean, lowest, highest: Double

    /// Nil of nothing.
    init?(_ values: [Double]) {
        guard let low = values.min(), let high = values.max() else { return nil }
        (mean, lowest, highest) = (values.reduce(0, +) / Double(values.count), low, high)
    }

    var range: ClosedRange<Double> { lowest...highest }

    /// For a person.
    func text(_ style: NumberStyle, signed: Bool = false) -> String {
        Estimate(value: mean, interval: range).text(style, signed: signed)
    }
}

extension Share {
    /// For a person.
    var text: String { MeasuredShare(self).text }

    /// Whole percents, without an interval.
    ///
    /// - Parameter unknown: what to say of no cases.
    func percent(else unknown: String = "–") -> String {
        estimate.map { String(format: "%.0f%%", 100 * $0.value) } ?? unknown
    }
}
