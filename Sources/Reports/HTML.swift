import Foundation
import Statistics

/// Pages that stand alone: no script, no network, light and dark.
package enum HTML {
    /// Colours that curves take in turn.
    static let colours = 6

    /// Text inside an element or an attribute.
    package static func escaped(_ text: some StringProtocol) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    /// A number with three or four digits that tell something.
    package static func number(_ value: Double) -> String {
        switch abs(value) {
        case 0: "0"
        case 10_000...: String(format: "%.3g", value)
        case 100...: String(format: "%.0f", value)
        case 10...: String(format: "%.1f", value)
        case 0.001...: String(format: "%.3f", value)
        default: String(format: "%.2g", value)
        }
    }

    /// A table; cells are HTML.
    package static func table(_ heads: [String], _ rows: [[String]]) -> String {
        let head = heads.map { "<th>\(escaped($0))</th>" }.joined()
        let body = rows.map { row in "<tr>" + row.map { "<td>\($0)</td>" }.joined() + "</tr>\n" }.joined()
        return "<table><thead><tr>\(head)</tr></thead><tbody>\n\(body)</tbody></table>\n"
    }

    /// A wide table, which scrolls by itself; cells are HTML.
    package static func scrolling(_ heads: [String], _ rows: [[String]]) -> String {
        "<div class=\"scroll\">" + table(heads, rows) + "</div>"
    }

    /// A wide table under a heading; cells are HTML.
    package static func section(_ title: String, _ heads: [String], _ rows: [[String]]) -> String {
        "<h2>\(escaped(title))</h2>" + scrolling(heads, rows)
    }

    /// What ``findings(_:)`` opens with, between the angle brackets: a page that gathers others finds theirs by it.
    package static let findingsTag = "ul class=\"findings\""

    /// What was found, in sentences; nothing if there are none.
    package static func findings(_ sentences: [String]) -> String {
        guard !sentences.isEmpty else { return "" }
        return "<\(findingsTag)>" + sentences.map { "<li>\(escaped($0))</li>" }.joined() + "</ul>\n"
    }

    /// A point on its interval, as a picture.
    package static func interval(_ estimate: Estimate, on scale: ClosedRange<Double>) -> String {
        let width = max(scale.upperBound - scale.lowerBound, 1e-12)
        func place(_ value: Double) -> String { String(format: "%.1f", 6 + 228 * (value - scale.lowerBound) / width) }
        let line = estimate.interval.map {
            "<line class=\"interval\" x1=\"\(place($0.lowerBound))\" x2=\"\(place($0.upperBound))\" y1=\"7\" y2=\"7\"/>"
        }
        return "<svg viewBox=\"0 0 240 14\" aria-hidden=\"true\">\(line ?? "")"
            + "<circle class=\"point\" cx=\"\(place(estimate.value))\" cy=\"7\" r=\"4.5\"/></svg>"
    }

    /// A page around a body of HTML.
    package static func page(_ title: String, _ body: String) -> String {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>\(escaped(title))</title>
        <style>\(style)</style></head>
        <body><main><h1>\(escaped(title))</h1>
        \(body)</main></body></html>

        """
    }

    private static let style = """
        :root { color-scheme: light dark; --ink: #1b1b1f; --soft: #62636b; --line: #d9d9de; --paper: #fdfdfc; --wrong: #b3261e;
          --c0: #2458a6; --c1: #c2571a; --c2: #2f7d4f; --c3: #8a3f97; --c4: #8c6d1f; --c5: #4f6b75; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e7e6e3; --soft: #a2a2a8; --line: #3a3a40; --paper: #17171a;
          --wrong: #ff8a80; --c0: #7fb0ff; --c1: #ffa766; --c2: #79d19c; --c3: #d795e6; --c4: #dcc06a; --c5: #9fc0cc; } }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
        main { max-width: 1180px; margin: 0 auto; padding: 24px 16px 64px; }
        h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
        .findings li { margin: .25rem 0; } .contents > li { margin: .9rem 0; } .contents .findings { color: var(--soft); }
        .soft, .legend, figcaption small { color: var(--soft); }
        .wrong { color: var(--wrong); } .warnings li { margin: .3rem 0; }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); gap: 18px; }
        figure { margin: 0; } figcaption { font-weight: 600; } svg { width: 100%; height: auto; display: block; }
        svg text { fill: var(--soft); font-size: 12px; } .grid { stroke: var(--line); }
        polyline { fill: none; stroke-width: 2; stroke-linejoin: round; } .faint { opacity: .25; stroke-width: 1; }
        .whisker { opacity: .5; stroke-width: 1.5; }
        .legend { margin: 2px 0 0; font-size: .85rem; } .legend span { margin-right: 14px; white-space: nowrap; }
        .legend i { display: inline-block; width: 12px; height: 3px; vertical-align: middle; margin-right: 5px; }
        \((0..<colours).map { "polyline.c\($0) { stroke: var(--c\($0)) } circle.c\($0) { fill: var(--c\($0)) } i.c\($0) { background: var(--c\($0)) }" }.joined(separator: "\n"))
        .scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { text-align: left; vertical-align: top; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); }
        th { color: var(--soft); font-weight: 500; } pre { overflow-x: auto; font-size: .85rem; }
        .interval { stroke: var(--ink); stroke-width: 2; } .point { fill: var(--c0); } td svg { width: 240px; }
        """
}
