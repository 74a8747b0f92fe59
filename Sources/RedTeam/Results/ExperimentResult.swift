import JSON
import Reports
import Runs
import Tensors

/// What came of an experiment, said once: a struct for programs, and tables and a page that are made from it for people.
package protocol ExperimentResult {
    associatedtype Options: RunOptions
    associatedtype Summary: Codable
    /// What result.json holds: everything but the texts.
    var summary: Summary { get }
    /// How it was run.
    var options: Options { get }
    /// The attacked pair's folder.
    var pair: String { get }
    /// What the page is called.
    var heading: String { get }
    /// What was done, in paragraphs of HTML.
    var introduction: String { get }
    /// What numbers stand for that no table explains; HTML.
    var explanation: String { get }
    /// What the numbers rest on.
    var foundation: String { get }
    /// What was found, in sentences.
    var findings: [String] { get }
    /// The tables of the Markdown text.
    func tables(_ summary: Summary) -> [ResultTable]
    /// Tables, pictures and worked examples of the page; HTML.
    func sections(_ summary: Summary) -> [String]
}

extension ExperimentResult {
    package var explanation: String { "" }

    /// The summary, its keys in order.
    package var json: JSONValue {
        do { return try JSONValue(encoding: summary) } catch { trap("a result that cannot be encoded: \(error)") }
    }

    /// Markdown tables.
    package var table: String { Markdown.result(foundation, findings: findings, tables(summary)) }

    /// A page that stands alone.
    package var page: String {
        let rest = "\(HTML.escaped(foundation)) The pair: <code>\(HTML.escaped(pair))</code>.\(explanation)"
        let parts =
            [introduction, "<p class=\"soft\">\(rest)</p>", HTML.findings(findings)] + sections(summary)
            + ["<h2>How it was run</h2><pre>\(HTML.escaped(options.runFile()))</pre>"]
        return HTML.page(heading, parts.joined(separator: "\n"))
    }
}

extension Sequence<UInt64> {
    /// Seeds, each once, as results hold them.
    var listed: [Int] { Set(self).sorted().map { Int(truncatingIfNeeded: $0) } }
}
