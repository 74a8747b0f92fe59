import Foundation
import GRDB

extension Library {
    /// What is looked for.
    struct Search: Sendable {
        /// Words that explanations, texts or notes must all hold, the last one perhaps in part.
        var words = ""
        var pair: String?
        var minimumScore: Double?
        var maximumScore: Double?
        var origin: String?
        var isHighlighted = false
        /// Explanations with a smaller number.
        var before: Int64?
        var limit = 40
    }

    /// Explanations that a search finds, newest first: by their own words, by those of their text, or by those of a note at their token.
    func search(_ search: Search) async throws -> Kept<FoundItem> {
        var conditions = ["explanation.id < ?"]
        var arguments: [(any DatabaseValueConvertible)?] = [search.before ?? Int64.max]
        var snippet = "''"
        if !search.words.trimmingCharacters(in: .whitespacesAndNewlines).isEmpty {
            guard let pattern = FTS5Pattern(matchingAllPrefixesIn: search.words)?.rawPattern else { return Kept() }
            conditions.append(Library.wordsCondition)
            arguments += [pattern, pattern, pattern]
            snippet = Library.snippet
            arguments.insert(contentsOf: [pattern, pattern], at: 0)
        }
        for (condition, value) in [
            ("explanation.pair = ?", search.pair as (any DatabaseValueConvertible)?),
            ("cosine >= ?", search.minimumScore),
            ("cosine <= ?", search.maximumScore), ("origin = ?", search.origin),
        ] {
            guard let value else { continue }
            conditions.append(condition)
            arguments.append(value)
        }
        if search.isHighlighted { conditions.append(Library.isHighlighted) }
        let sql = """
            SELECT explanation.id, readingId AS reading, title, explanation.created, explanation.pair, position, token, description,
                cosine, \(Library.isHighlighted) AS highlighted, \(snippet) AS snippet
            FROM explanation JOIN reading ON reading.id = readingId
            WHERE \(conditions.joined(separator: " AND ")) ORDER BY explanation.id DESC LIMIT \(search.limit)
            """
        let values = StatementArguments(arguments.map { $0?.databaseValue ?? .null })
        return try await read { database in try Kept(database, sql: sql, values) }
    }

    private static let wordsCondition = """
        (explanation.id IN (SELECT rowid FROM explanationWords WHERE explanationWords MATCH ?)
        OR readingId IN (SELECT rowid FROM readingWords WHERE readingWords MATCH ?)
        OR EXISTS (SELECT 1 FROM note WHERE note.id IN (SELECT rowid FROM noteWords WHERE noteWords MATCH ?)
            AND note.readingId = explanation.readingId AND (note.position IS NULL OR note.position = explanation.position)))
        """

    private static let isHighlighted = """
        EXISTS (SELECT 1 FROM note WHERE note.readingId = explanation.readingId AND note.position = explanation.position AND highlighted)
        """

    /// Where the words stand in a note or in the text; empty if in neither.
    private static let snippet = """
        COALESCE(
            (SELECT snippet(noteWords, 0, '', '', '…', 16) FROM noteWords JOIN note ON note.id = noteWords.rowid
                WHERE noteWords MATCH ? AND note.readingId = explanation.readingId
                    AND (note.position IS NULL OR note.position = explanation.position)),
            (SELECT snippet(readingWords, 1, '', '', '…', 16) FROM readingWords
                WHERE readingWords MATCH ? AND readingWords.rowid = explanation.readingId), '')
        """
}
