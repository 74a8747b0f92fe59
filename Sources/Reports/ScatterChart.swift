import Foundation

/// Points over two measured numbers, each with the spread of both, as an SVG picture that needs nothing but itself.
package struct ScatterChart {
    /// A named point.
    package struct Point {
        let name: String
        let x: Double, y: Double
        let xRange: ClosedRange<Double>, yRange: ClosedRange<Double>

        package init(
            _ name: String, x: Double, y: Double, xRange: ClosedRange<Double>, yRange: ClosedRange<Double>
        ) {
            self.name = name
            self.x = x
            self.y = y
            self.xRange = xRange
            self.yRange = yRange
        }
    }

    let title: String, across: String, upward: String
    let points: [Point]

    private static let size = (width: 640.0, height: 320.0)
    private static let plot = (left: 64.0, right: 624.0, top: 12.0, bottom: 274.0)

    /// - Parameters:
    ///   - across: what the horizontal axis is of.
    ///   - upward: and the vertical one.
    package init?(_ title: String, across: String, upward: String, _ points: [Point]) {
        guard !points.isEmpty else { return nil }
        self.title = title
        self.across = across
        self.upward = upward
        self.points = points
    }

    /// A figure with heading, picture and legend.
    package var html: String {
        let x = scale(points.flatMap { [$0.xRange.lowerBound, $0.xRange.upperBound, $0.x] })
        let y = scale(points.flatMap { [$0.yRange.lowerBound, $0.yRange.upperBound, $0.y] })
        let plot = ScatterChart.plot, size = ScatterChart.size
        func left(_ value: Double) -> String { place(plot.left + x.share(value) * (plot.right - plot.left)) }
        func top(_ value: Double) -> String { place(plot.bottom - y.share(value) * (plot.bottom - plot.top)) }
        var parts = [
            "<svg viewBox=\"0 0 \(Int(size.width)) \(Int(size.height))\" role=\"img\" aria-label=\"\(HTML.escaped(title))\">"
        ]
        for tick in y.ticks {
            parts.append(
                "<line class=\"grid\" x1=\"\(plot.left)\" x2=\"\(plot.right)\" y1=\"\(top(tick))\" y2=\"\(top(tick))\"/>"
                    + "<text x=\"\(plot.left - 6)\" y=\"\(top(tick))\" dy=\"4\" text-anchor=\"end\">\(y.label(tick))</text>"
            )
        }
        for tick in x.ticks {
            parts.append(
                "<text x=\"\(left(tick))\" y=\"\(plot.bottom + 18)\" text-anchor=\"middle\">\(x.label(tick))</text>")
        }
        parts.append(
            "<text x=\"\(plot.right)\" y=\"\(size.height - 8)\" text-anchor=\"end\">\(HTML.escaped(across)) →</text>")
        for (index, point) in points.enumerated() {
            let colour = "c\(index % HTML.colours)"
            parts.append(
                bar(left(point.xRange.lowerBound), top(point.y), left(point.xRange.upperBound), top(point.y), colour)
                    + bar(
                        left(point.x), top(point.yRange.lowerBound), left(point.x), top(point.yRange.upperBound), colour
                    )
                    + "<circle class=\"\(colour)\" cx=\"\(left(point.x))\" cy=\"\(top(point.y))\" r=\"4.5\"/>"
                    + "<text x=\"\(left(point.x))\" y=\"\(top(point.y))\" dx=\"7\" dy=\"-6\">\(index + 1)</text>")
        }
        parts.append("</svg>")
        let legend = points.enumerated().map { index, point in
            "<span><i class=\"c\(index % HTML.colours)\"></i>\(index + 1) \(HTML.escaped(point.name))</span>"
        }
        return
            "<figure><figcaption>\(HTML.escaped(title)) <small>(upwards: \(HTML.escaped(upward)))</small></figcaption>"
            + parts.joined() + "<p class=\"legend\">\(legend.joined(separator: " "))</p></figure>\n"
    }

    private func scale(_ values: [Double]) -> LineChart.Scale {
        LineChart.Scale(values.min() ?? 0, values.max() ?? 1, tight: false)
    }

    private func place(_ value: Double) -> String { String(format: "%.1f", value) }

    private func bar(_ x1: String, _ y1: String, _ x2: String, _ y2: String, _ colour: String) -> String {
        "<polyline class=\"\(colour)\" points=\"\(x1),\(y1) \(x2),\(y2)\"/>"
    }
}
