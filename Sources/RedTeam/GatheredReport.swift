import Foundation
import Tensors
import Training

/// The pages of several experiments as one.
public struct GatheredReport {
    private let parts: [(title: String, body: String)]

    /// Reads pages: those in experiments' folders, or the files themselves. Throws a one-line error for what is none.
    public init(_ places: [URL]) throws {
        parts = try places.map { place in
            let file = place.pathExtension == "html" ? place : place.appending(path: ExperimentFiles.page)
            guard let text = try? String(contentsOf: file, encoding: .utf8),
                let begin = text.range(of: "<main>"), let end = text.range(of: "</main>"),
                let title = GatheredReport.inside("h1", of: text)
            else {
                throw TrainingError(
                    "\(file.path): no page of an experiment there; nla redteam writes one when it has finished")
            }
            let body = text[begin.upperBound..<end.lowerBound]
                .replacing("<h1>\(title)</h1>", with: "").replacing("<h2>", with: "<h3>")
                .replacing("</h2>", with: "</h3>")
            return (title, String(body))
        }
    }

    private static func inside(_ element: String, of text: String) -> String? {
        guard let begin = text.range(of: "<\(element)>"),
            let end = text.range(of: "</\(element)>", range: begin.upperBound..<text.endIndex)
        else { return nil }
        return String(text[begin.upperBound..<end.lowerBound])
    }

    /// The page.
    public var html: String {
        let contents = parts.enumerated().map { "<li><a href=\"#part-\($0)\">\($1.title)</a></li>" }.joined()
        let bodies = parts.enumerated().map { "<h2 id=\"part-\($0)\">\($1.title)</h2>\n\($1.body)" }
        return HTML.page("The lab", "<ul>\(contents)</ul>\n" + bodies.joined(separator: "\n"))
    }

    /// Writes the page. Throws a one-line error.
    public func write(to file: URL) throws { try AtomicFile.write(html, to: file) }
}
