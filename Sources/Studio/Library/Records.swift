import Foundation
import GRDB
import JSON

/// A text that was read by a pair.
struct ReadingRecord: Codable, FetchableRecord, MutablePersistableRecord, Sendable {
    static let databaseTableName = "reading"

    var id: Int64?
    var created: String
    var title: String
    var pair: String
    var layer: Int
    /// The text as the target reads it; a chat's template filled in.
    var text: String
    /// A chat's messages, as JSON.
    var messages: String?
    /// The contract's tokens, as JSON.
    var tokens: String
    /// Where the text is one of TinyWorld's, the document with what is true in it, as JSON.
    var truth: String?

    mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
}

/// What was said of a token.
struct ExplanationRecord: Codable, FetchableRecord, MutablePersistableRecord, Sendable {
    static let databaseTableName = "explanation"

    var id: Int64?
    var readingID: Int64
    var created: String
    var pair: String
    var position: Int
    var token: String
    /// Which of the explanations that were drawn together.
    var sample: Int
    var text: String
    var description: String
    var complete: Bool
    var mse: Double?
    var cosine: Double?
    /// Share of variance explained.
    var explained: Double?
    /// The activation's norm.
    var norm: Double?
    var temperature: Double
    var seed: String?
    /// The share of its claims that the other samples make too, on average.
    var agreement: Double?
    /// `model`, `edited` or `imported`.
    var origin: String
    /// As the page reads them, as JSON.
    var claims: String
    /// Little-endian float32.
    var activation: Data?

    enum CodingKeys: String, CodingKey {
        case id, created, pair, position, token, sample, text, description, complete, mse, cosine, explained, norm
        case temperature, seed, agreement, origin, claims, activation
        case readingID = "readingId"
    }

    mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }

    /// As the page reads it.
    var json: JSONObject {
        JSONObject([
            ("id", .string("\(id ?? 0)")), ("reading", .string("\(readingID)")), ("pair", .string(pair)),
            ("position", .integer(position)), ("token", .string(token)), ("sample", .integer(sample)),
            ("created", .string(created)), ("text", .string(text)), ("description", .string(description)),
            ("complete", .bool(complete)), ("mse", JSONValue(mse)), ("cosine_similarity", JSONValue(cosine)),
            ("variance_explained", JSONValue(explained)), ("l2_norm", JSONValue(norm)),
            ("temperature", .number(temperature)), ("seed", JSONValue(seed)), ("agreement", JSONValue(agreement)),
            ("origin", .string(origin)), ("claims", (try? JSONValue.parse(claims)) ?? .array([])),
        ])
    }
}

/// What somebody wrote beside a text, or a mark on a token.
struct NoteRecord: Codable, FetchableRecord, MutablePersistableRecord, Sendable {
    static let databaseTableName = "note"

    var id: Int64?
    var readingID: Int64
    var created: String
    /// The token; nil for the text as a whole.
    var position: Int?
    var text: String
    var highlighted: Bool

    enum CodingKeys: String, CodingKey {
        case id, created, position, text, highlighted
        case readingID = "readingId"
    }

    mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }

    /// As the page reads it.
    var json: JSONObject {
        JSONObject([
            ("id", .string("\(id ?? 0)")), ("position", JSONValue(position)), ("text", .string(text)),
            ("highlighted", .bool(highlighted)), ("created", .string(created)),
        ])
    }
}

/// A reading in the list of all.
struct ShelfItem: Codable, FetchableRecord, Sendable {
    let id: Int64
    let title: String
    let created: String
    let pair: String
    /// Tokens that were explained.
    let explained: Int
    /// Notes with words.
    let notes: Int

    /// As the page reads it.
    var json: JSONValue {
        [
            "id": .string("\(id)"), "title": .string(title), "created": .string(created), "pair": .string(pair),
            "explained": .integer(explained), "notes": .integer(notes),
        ]
    }
}

/// A reading with everything about it.
struct Volume: Sendable {
    var reading: ReadingRecord
    var explanations: [ExplanationRecord] = []
    var notes: [NoteRecord] = []
}

/// An explanation that was looked for.
struct FoundItem: Codable, FetchableRecord, Sendable {
    let id: Int64
    let reading: Int64
    let title: String
    let created: String
    let pair: String
    let position: Int
    let token: String
    let description: String
    let cosine: Double?
    let highlighted: Bool
    let snippet: String

    /// As the page reads it.
    var json: JSONValue {
        [
            "explanation": .string("\(id)"), "reading": .string("\(reading)"), "title": .string(title),
            "created": .string(created), "pair": .string(pair), "position": .integer(position),
            "token": .string(token), "description": .string(description), "cosine_similarity": JSONValue(cosine),
            "highlighted": .bool(highlighted), "snippet": .string(snippet),
        ]
    }
}

extension ExplanationRecord {
    /// The same in words that the library can keep: SQLite ends a text at U+0000, and a model may write it.
    var keepable: ExplanationRecord {
        var record = self
        record.text = text.replacing("\0", with: "\u{FFFD}")
        record.description = description.replacing("\0", with: "\u{FFFD}")
        return record
    }
}

extension JSONValue {
    /// Whether any text or key in it holds U+0000, which ends a text in SQLite.
    var holdsNull: Bool {
        switch self {
        case .string(let text): text.utf8.contains(0)
        case .array(let values): values.contains(where: \.holdsNull)
        case .object(let object): object.contains { key, value in key.utf8.contains(0) || value.holdsNull }
        default: false
        }
    }
}
