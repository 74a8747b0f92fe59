import Foundation
import Reports
import Runs
import Tensors

/// The pages of several experiments as one, which begins with what each of them found.
public struct GatheredReport {
    /// A page. Title, findings and body are HTML.
    private struct Part {
        let title: String
        let findings: String
        let body: String
    }

    private let parts: [Part]

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
            let findings = GatheredReport.inside(HTML.findingsTag, of: text).map { "<\(HTML.findingsTag)>\($0)</ul>" }
            return Part(title: title, findings: findings ?? "", body: String(body))
        }
    }

    /// What the first element that opens with `tag` holds.
    private static func inside(_ tag: String, of text: String) -> String? {
        guard let begin = text.range(of: "<\(tag)>"),
            let end = text.range(
                of: "</\(tag.prefix { $0 != " " })>", range: begin.upperBound..<text.endIndex)
        else { return nil }
        return String(text[begin.upperBound..<end.lowerBound])
    }

    /// The page.
    public var html: String {
        let contents = parts.enumerated().map {
            "<li><a href=\"#part-\($0)\">\($1.title)</a>\($1.findings)</li>"
        }
        let bodies = parts.enumerated().map { "<h2 id=\"part-\($0)\">\($1.title)</h2>\n\($1.body)" }
        let introduction = """
            <p>A reader of a model's activations says in words what they hold. Is it true? Can a model hide from it? Can a model be built to be \
            read? Each experiment with what it found; behind the list stands all of it, with controls, intervals and worked examples.</p>
            """
        return HTML.page(
            "The lab",
            "\(introduction)\n<ol class=\"contents\">\(contents.joined())</ol>\n" + bodies.joined(separator: "\n"))
    }

    /// Writes the page. Throws a one-line error.
    public func write(to file: URL) throws { try AtomicFile.write(html, to: file) }
}
