import Foundation
import JSON

/// A number of several seeds.
enum Measured {
    /// Cases of all seeds together.
    case share(Share)
    /// The mean over seeds, with the lowest and the highest.
    case mean(Double, ClosedRange<Double>)

    /// The mean of some numbers; 0 of none.
    static func average(_ values: [Double]) -> Measured {
        .mean(
            values.reduce(0, +) / Double(max(1, values.count)), (values.min() ?? 0)...(values.max() ?? 0))
    }

    var text: String {
        switch self {
        case .share(let share): share.text
        case .mean(let value, let range):
            String(format: "%.3f [%.3f, %.3f]", value, range.lowerBound, range.upperBound)
        }
    }

    var json: JSONValue {
        switch self {
        case .share(let share): .object(JSONObject(share.members))
        case .mean(let value, let range):
            [
                "mean": .number(value), "lowest": .number(range.lowerBound), "highest": .number(range.upperBound),
            ]
        }
    }

    /// The number itself; nil of no cases.
    var value: Double? {
        switch self {
        case .share(let share): share.estimate?.value
        case .mean(let value, _): value
        }
    }
}
