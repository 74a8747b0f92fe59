import Foundation
import Tensors

/// Curves over steps as an SVG picture that needs nothing but itself.
package struct LineChart {
    /// One curve.
    package struct Curve {
        let name: String
        let points: [(step: Int, value: Double)]
        /// Whether to draw a running mean, with the points behind it, faintly.
        let isNoisy: Bool
        /// How far each point may be off; none for points without.
        let intervals: [ClosedRange<Double>]

        package init(
            name: String, points: [(step: Int, value: Double)], isNoisy: Bool = false,
            intervals: [ClosedRange<Double>] = []
        ) {
            self.name = name
            self.points = points
            self.isNoisy = isNoisy
            self.intervals = intervals
        }
    }

    let title: String
    /// Curves with points; at most as many as there are colours are told apart.
    let curves: [Curve]

    private static let size = (width: 560.0, height: 240.0)
    private static let margin = (left: 54.0, right: 12.0, top: 10.0, bottom: 26.0)
    /// Points of a curve at most: more than the picture has columns tell nothing.
    private static let resolution = 400

    /// Without curves there is no picture.
    package init?(_ title: String, _ curves: [Curve]) {
        self.title = title
        self.curves = curves.filter { !$0.points.isEmpty }
        if self.curves.isEmpty { return nil }
    }

    /// A figure with heading, picture and legend.
    package var html: String {
        let steps = curves.flatMap { $0.points.map { Double($0.step) } }
        let shown = curves.map { curve -> (faint: [Point], strong: [Point]) in
            let points = LineChart.thinned(curve.points)
            return curve.isNoisy && points.count > 20 ? (points, LineChart.smoothed(points)) : ([], points)
        }
        // The range of what is drawn strongly: single outliers of noise may leave the picture.
        let values =
            shown.flatMap { $0.strong.map(\.y) }
            + curves.flatMap { $0.intervals.flatMap { [$0.lowerBound, $0.upperBound] } }
        let x = Scale(steps.min() ?? 0, steps.max() ?? 1, tight: true)
        let y = Scale(values.min() ?? 0, values.max() ?? 1, tight: false)
        let size = LineChart.size
        var parts = [
            "<svg viewBox=\"0 0 \(Int(size.width)) \(Int(size.height))\" role=\"img\" aria-label=\"\(HTML.escaped(title))\">"
        ]
        let identifier = "clip-" + title.lowercased().filter { $0.isLetter || $0.isNumber }
        let plot = LineChart.plot
        parts.append(
            "<clipPath id=\"\(identifier)\"><rect x=\"\(plot.left)\" y=\"\(plot.top)\" width=\"\(plot.right - plot.left)\" height=\"\(plot.bottom - plot.top)\"/></clipPath>"
        )
        for tick in y.ticks {
            let place = LineChart.format(plot.bottom - y.share(tick) * (plot.bottom - plot.top))
            parts.append(
                "<line class=\"grid\" x1=\"\(plot.left)\" x2=\"\(plot.right)\" y1=\"\(place)\" y2=\"\(place)\"/>")
            parts.append(
                "<text x=\"\(plot.left - 6)\" y=\"\(place)\" dy=\"4\" text-anchor=\"end\">\(y.label(tick))</text>")
        }
        for tick in x.ticks {
            let place = LineChart.format(plot.left + x.share(tick) * (plot.right - plot.left))
            parts.append("<text x=\"\(place)\" y=\"\(size.height - 8)\" text-anchor=\"middle\">\(x.label(tick))</text>")
        }
        parts.append("<g clip-path=\"url(#\(identifier))\">")
        func place(_ point: Point) -> String {
            let left = plot.left + x.share(point.x) * (plot.right - plot.left)
            let top = plot.bottom - y.share(point.y) * (plot.bottom - plot.top)
            return "\(LineChart.format(left)),\(LineChart.format(top))"
        }
        for (index, curve) in curves.enumerated() {
            for (point, interval) in zip(curve.points, curve.intervals) {
                let ends = [interval.lowerBound, interval.upperBound].map { place((Double(point.step), $0)) }
                parts.append(
                    "<polyline class=\"whisker c\(index % HTML.colours)\" points=\"\(ends.joined(separator: " "))\"/>")
            }
        }
        for (index, lines) in shown.enumerated() {
            for (points, kind) in [(lines.faint, "faint"), (lines.strong, "strong")] where !points.isEmpty {
                let path = points.map(place)
                if path.count == 1 {
                    let place = path[0].split(separator: ",")
                    parts.append(
                        "<circle class=\"c\(index % HTML.colours)\" cx=\"\(place[0])\" cy=\"\(place[1])\" r=\"3.5\"/>")
                }
                parts.append(
                    "<polyline class=\"\(kind) c\(index % HTML.colours)\" points=\"\(path.joined(separator: " "))\"/>")
            }
        }
        parts.append("</g></svg>")
        let legend = curves.enumerated().map { index, curve in
            let last = curve.points.last.map { HTML.number($0.value) } ?? ""
            return "<span><i class=\"c\(index % HTML.colours)\"></i>\(HTML.escaped(curve.name)) \(last)</span>"
        }
        return "<figure><figcaption>\(HTML.escaped(title))</figcaption>\(parts.joined())"
            + "<p class=\"legend\">\(legend.joined())</p></figure>\n"
    }

    private typealias Point = (x: Double, y: Double)

    private static let plot = (
        left: margin.left, right: size.width - margin.right, top: margin.top, bottom: size.height - margin.bottom
    )

    /// Means over stretches of steps.
    private static func thinned(_ points: [(step: Int, value: Double)]) -> [Point] {
        let stretch = max(1, (points.count + resolution - 1) / resolution)
        return stride(from: 0, to: points.count, by: stretch).map { begin in
            let part = points[begin..<min(points.count, begin + stretch)], count = Double(part.count)
            return (part.reduce(0) { $0 + Double($1.step) } / count, part.reduce(0) { $0 + $1.value } / count)
        }
    }

    /// The mean over a twentieth of the curve around each point.
    private static func smoothed(_ points: [Point]) -> [Point] {
        let reach = max(1, points.count / 40)
        return points.indices.map { index in
            let part = points[max(0, index - reach)...min(points.count - 1, index + reach)]
            return (points[index].x, part.reduce(0) { $0 + $1.y } / Double(part.count))
        }
    }

    private static func format(_ value: Double) -> String { String(format: "%.1f", value) }

    /// An axis: its range, and round numbers on it.
    package struct Scale {
        package let low: Double, high: Double
        package let ticks: [Double]
        private let digits: Int

        /// - Parameter tight: whether the range ends with the values, or with round numbers around them.
        package init(_ low: Double, _ high: Double, tight: Bool) {
            // Numbers of any file may come here: what they span must be a number itself, and more than rounding.
            let low = Scale.drawable(low), high = Scale.drawable(high)
            let isWide = high - low > abs(high) * 1e-12 && high - low > Scale.leastSpread
            let room = isWide ? 0 : (abs(high) * 0.05).atLeast(1e-3)
            let spread = high - low + 2 * room
            let power = pow(10, floor(log10(spread / 4)))
            let step = [1, 2, 5, 10].map { $0 * power }.first { spread / $0 <= 5 } ?? power * 10
            let first = (low - room) / step, last = (high + room) / step
            let inner = tight ? (first.rounded(.up), last.rounded(.down)) : (first.rounded(.down), last.rounded(.up))
            self.low = tight ? low - room : inner.0 * step
            self.high = tight ? high + room : inner.1 * step
            ticks = inner.0 <= inner.1 ? stride(from: inner.0, through: inner.1, by: 1).map { $0 * step } : []
            digits = max(0, Int(saturating: -floor(log10(step) + 1e-9)))
        }

        /// Beyond these, axes have no round numbers. Logs may hold anything.
        private static let extent = -1e100...1e100, leastSpread = 1e-100

        private static func drawable(_ value: Double) -> Double {
            value.isNaN ? 0 : value.clamped(to: extent)
        }

        /// Where a value lies, 0 at the low end and 1 at the high one; values far outside lie just as far as nobody sees.
        func share(_ value: Double) -> Double {
            ((Scale.drawable(value) - low) / (high - low)).clamped(to: -1e3...1e3)
        }

        package func label(_ tick: Double) -> String {
            digits > 5 ? String(format: "%.1e", tick) : String(format: "%.\(digits)f", tick)
        }
    }
}
