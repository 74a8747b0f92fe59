import Foundation
import JSON
import Reports
import Statistics

/// A number over seeds: its mean, with the lowest and the highest.
struct Spread {
    let mean: Double
    let range: ClosedRange<Double>

    /// Nil of nothing.
    init?(_ values: [Double]) {
        guard let low = values.min(), let high = values.max() else { return nil }
        mean = values.reduce(0, +) / Double(values.count)
        range = low...high
    }

    /// For a person.
    func text(_ style: NumberStyle, signed: Bool = false) -> String {
        Estimate(value: mean, interval: range).text(style, signed: signed)
    }

    /// For a program.
    var json: JSONValue {
        ["mean": .number(mean), "lowest": .number(range.lowerBound), "highest": .number(range.upperBound)]
    }
}

/// A number of several seeds.
enum Measured {
    /// Cases of all seeds together.
    case share(Share)
    /// The mean over seeds; nil of nothing.
    case mean(Spread?)

    /// The mean of some numbers.
    static func average(_ values: [Double]) -> Measured { .mean(Spread(values)) }

    var text: String {
        switch self {
        case .share(let share): share.text
        case .mean(let spread): spread?.text(.number) ?? "–"
        }
    }

    var json: JSONValue {
        switch self {
        case .share(let share): .object(JSONObject(share.members))
        case .mean(let spread): spread?.json ?? .null
        }
    }

    /// For a page: a share with its place among 0 to 100%, and its interval.
    var html: String {
        let text = HTML.escaped(text)
        guard case .share(let share) = self, let estimate = share.estimate else { return text }
        return text + "<br>" + HTML.interval(estimate, on: 0...1)
    }

    /// The number itself; nil of nothing.
    var value: Double? {
        switch self {
        case .share(let share): share.estimate?.value
        case .mean(let spread): spread?.mean
        }
    }
}
