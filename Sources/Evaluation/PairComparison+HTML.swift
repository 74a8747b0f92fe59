import Foundation
import Reports
import Statistics
import Tensors

extension PairComparison {
    /// Writes the page. Throws a one-line error.
    public func writePage(to file: URL) throws { try AtomicFile.write(html, to: file) }

    /// The comparison as a page that stands alone: every measure of every pair with its interval, drawn on one scale.
    public var html: String {
        let names = results.map(\.candidate.name)
        let rows = PairMeasure.all.compactMap { measure -> [String]? in
            let entries = results.map { $0[measure.name] }
            guard entries.contains(where: { $0 != nil }) else { return nil }
            let limits = entries.compactMap { $0?.estimate }.flatMap {
                [$0.value, $0.interval?.lowerBound ?? $0.value, $0.interval?.upperBound ?? $0.value]
            }
            let scale = (limits.min() ?? 0)...(limits.max() ?? 1)
            let cells = entries.map { entry -> String in
                guard let entry else { return "–" }
                let difference = entry.difference.map {
                    "<br><span class=\"soft\">\(HTML.escaped($0.text(measure.style, signed: true)))</span>"
                }
                return HTML.escaped(measure.style.text(entry.estimate.value)) + "<br>"
                    + HTML.interval(entry.estimate, on: scale) + (difference ?? "")
            }
            return [HTML.escaped(measure.title)] + cells
        }
        let first = names.first.map(HTML.escaped) ?? ""
        let note =
            "<p>\(results.first?.evaluation.rows ?? 0) rows of \(HTML.escaped(split)), from \(documents) documents, the same for all. "
            + "Lines are 95% intervals over documents (\(resamples) draws, seed \(seed)), each row on its own scale."
            + (results.count > 1 ? " Below them the difference to \(first), with its interval." : "") + "</p>\n"
        let folders = results.map {
            "<li>\(HTML.escaped($0.candidate.name)): <code>\(HTML.escaped($0.candidate.place))</code></li>"
        }
        return HTML.page(
            "nla eval: \(names.joined(separator: ", "))",
            note + "<div class=\"scroll\">" + HTML.table(["measure"] + names, rows)
                + "</div>\n<h2>Pairs</h2>\n<ul>\(folders.joined())</ul>")
    }
}
