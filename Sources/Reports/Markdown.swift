/// A table of text: its heading, the heads of the columns behind the first, which says what a row is of, and cells of every column.
package typealias ResultTable = (title: String?, heads: [String], rows: [[String]])

/// Text in Markdown.
package enum Markdown {
    /// A result: what its numbers rest on, what was found, tables, and what could not be measured.
    package static func result(
        _ foundation: String, findings: [String], _ tables: [ResultTable], notes: [String] = []
    ) -> String {
        let tables = tables.map { ($0.title.map { "\n## \($0)\n" } ?? "") + "\n" + table($0.heads, $0.rows) }
        return foundation + "\n\n" + list(findings) + tables.joined() + (notes.isEmpty ? "" : "\n" + list(notes))
    }

    private static func list(_ sentences: [String]) -> String { sentences.map { "- \($0)\n" }.joined() }

    private static func table(_ heads: [String], _ rows: [[String]]) -> String {
        let head = heads.map { $0.isEmpty ? " |" : " \($0) |" }.joined()
        let lines = rows.map { "| \($0.joined(separator: " | ")) |\n" }
        return "| |\(head)\n|" + String(repeating: "---|", count: heads.count + 1) + "\n" + lines.joined()
    }
}
