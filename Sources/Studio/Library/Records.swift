import Claims
import Foundation
import GRDB
import JSON

/// A text that was read by a pair.
struct ReadingRecord: Sendable {
    var id: Int64?
    var created: String
    var title: String
    var pair: String
    /// Nil where somebody's file did not say.
    var layer: LayerIndex?
    /// The text as the target reads it; a chat's template filled in.
    var text: String
    /// A chat's messages.
    var messages: [ChatMessage]?
    var tokens: [ReadToken]
    /// Where the text is one of a known world's, the document with what is true in it.
    var truth: LabelledDocument?
}

extension ReadingRecord: FetchableRecord, MutablePersistableRecord {
    static let databaseTableName = "reading"

    /// Throws `BorderError` for a row that is none.
    init(row: Row) throws {
        let row = StoredRow(row, "reading")
        id = try row.number("id")
        created = try row.text("created")
        title = try row.text("title")
        pair = try row.text("pair")
        layer = try? row.integer("layer")
        text = try row.text("text")
        messages = row.isNull("messages") ? nil : (try? [ChatMessage](row.neededJSON("messages"))) ?? []
        tokens = try ReadToken.all(row.neededJSON("tokens"))
        let text = text
        truth = row.json("truth").flatMap { try? LabelledDocument(json: $0, fallbackID: "world") }
            .flatMap { $0.text.utf8.elementsEqual(text.utf8) ? $0 : nil }
    }

    func encode(to container: inout PersistenceContainer) {
        container["id"] = id
        container["created"] = created
        container["title"] = title.keepable
        container["pair"] = pair
        container["layer"] = layer?.value ?? -1
        container["text"] = text.keepable
        container["messages"] = messages?.json.compact
        container["tokens"] = tokens.json.compact
        container["truth"] = truth?.json.compact
    }

    mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
}

/// What was said of a token.
struct ExplanationRecord: Sendable {
    /// Who wrote it.
    enum Origin: String, Sendable { case model, edited, imported }

    var id: Int64?
    var readingID: Int64
    var created: String
    var pair: String
    var position: Position
    var token: String
    /// Which of the explanations that were drawn together.
    var sample: SampleIndex
    var text: String
    var description: String
    var complete: Bool
    @Finite var mse: Double?
    @Finite var cosine: Double?
    /// Share of variance explained.
    @Finite var explained: Double?
    /// The activation's norm.
    @Finite var norm: Double?
    @Finite var temperature: Double?
    var seed: String?
    /// The share of its claims that the other samples make too, on average.
    @Finite var agreement: Double? = nil
    var origin: Origin
    var claims: [StoredClaim]
    /// The activation; nil where there is none, and where it was not asked for.
    var activation: StoredVector?
}

extension ExplanationRecord: FetchableRecord, MutablePersistableRecord {
    static let databaseTableName = "explanation"

    /// Throws `BorderError` for a row that is none.
    init(row: Row) throws {
        let row = StoredRow(row, "explanation")
        id = try row.number("id")
        readingID = try row.number("readingId")
        created = try row.text("created")
        pair = try row.text("pair")
        position = try row.integer("position")
        token = try row.text("token")
        sample = (try? row.integer("sample")) ?? .zero
        text = try row.text("text")
        description = try row.text("description")
        complete = row.flag("complete")
        mse = row.double("mse")
        cosine = row.double("cosine")
        explained = row.double("explained")
        norm = row.double("norm")
        temperature = row.double("temperature")
        seed = row.optionalText("seed")
        agreement = row.double("agreement")
        guard let origin = Origin(rawValue: try row.text("origin")) else {
            throw row.problem("origin", "is not one that there is")
        }
        self.origin = origin
        claims = (try? row.neededJSON("claims").elements(limit: StoredClaim.limit).map(StoredClaim.init)) ?? []
        activation = row.data("activation").flatMap { StoredVector($0) }
    }

    func encode(to container: inout PersistenceContainer) {
        container["id"] = id
        container["readingId"] = readingID
        container["created"] = created
        container["pair"] = pair
        container["position"] = position.value
        container["token"] = token.keepable
        container["sample"] = sample.value
        container["text"] = text.keepable
        container["description"] = description.keepable
        container["complete"] = complete
        container["mse"] = mse
        container["cosine"] = cosine
        container["explained"] = explained
        container["norm"] = norm
        container["temperature"] = temperature ?? 0
        container["seed"] = seed
        container["agreement"] = agreement
        container["origin"] = origin.rawValue
        container["claims"] = claims.json.compact
        container["activation"] = activation?.bytes
    }

    mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
}

extension ExplanationRecord {
    /// As the page reads it.
    var json: JSONObject {
        JSONObject([
            ("id", .string("\(id ?? 0)")), ("reading", .string("\(readingID)")), ("pair", .string(pair)),
            ("position", position.json), ("token", .string(token)), ("sample", sample.json),
            ("created", .string(created)), ("text", .string(text)), ("description", .string(description)),
            ("complete", .bool(complete)), ("mse", JSONValue(mse)), ("cosine_similarity", JSONValue(cosine)),
            ("variance_explained", JSONValue(explained)), ("l2_norm", JSONValue(norm)),
            ("temperature", .number(temperature ?? 0)), ("seed", JSONValue(seed)), ("agreement", JSONValue(agreement)),
            ("origin", .string(origin.rawValue)), ("claims", claims.json),
        ])
    }
}

/// What somebody wrote beside a text, or a mark on a token.
struct NoteRecord: Sendable {
    var id: Int64?
    var readingID: Int64
    var created: String
    /// The token; nil for the text as a whole.
    var position: Position?
    var text: String
    var highlighted: Bool
}

extension NoteRecord: FetchableRecord, MutablePersistableRecord {
    static let databaseTableName = "note"

    /// Throws `BorderError` for a row that is none.
    init(row: Row) throws {
        let row = StoredRow(row, "note")
        id = try row.number("id")
        readingID = try row.number("readingId")
        created = try row.text("created")
        position = row.isNull("position") ? nil : try row.integer("position")
        text = try row.text("text")
        highlighted = row.flag("highlighted")
    }

    func encode(to container: inout PersistenceContainer) {
        container["id"] = id
        container["readingId"] = readingID
        container["created"] = created
        container["position"] = position?.value
        container["text"] = text.keepable
        container["highlighted"] = highlighted
    }

    mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
}

extension NoteRecord {
    /// As the page reads it.
    var json: JSONObject {
        JSONObject([
            ("id", .string("\(id ?? 0)")), ("position", position?.json ?? .null), ("text", .string(text)),
            ("highlighted", .bool(highlighted)), ("created", .string(created)),
        ])
    }
}

/// A reading in the list of all.
struct ShelfItem: FetchableRecord, Sendable {
    let id: Int64
    let title: String
    let created: String
    let pair: String
    /// Tokens that were explained.
    let explained: Int
    /// Notes with words.
    let notes: Int

    /// Throws `BorderError` for a row that is none.
    init(row: Row) throws {
        let row = StoredRow(row, "reading")
        id = try row.number("id")
        title = try row.text("title")
        created = try row.text("created")
        pair = try row.text("pair")
        explained = Int(try row.number("explained"))
        notes = Int(try row.number("notes"))
    }

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
struct FoundItem: FetchableRecord, Sendable {
    let id: Int64
    let reading: Int64
    let title: String
    let created: String
    let pair: String
    let position: Position
    let token: String
    let description: String
    @Finite var cosine: Double?
    let highlighted: Bool
    let snippet: String

    /// Throws `BorderError` for a row that is none.
    init(row: Row) throws {
        let row = StoredRow(row, "explanation")
        id = try row.number("id")
        reading = try row.number("reading")
        title = try row.text("title")
        created = try row.text("created")
        pair = try row.text("pair")
        position = try row.integer("position")
        token = try row.text("token")
        description = try row.text("description")
        cosine = row.double("cosine")
        highlighted = row.flag("highlighted")
        snippet = try row.text("snippet")
    }

    /// As the page reads it.
    var json: JSONValue {
        [
            "explanation": .string("\(id)"), "reading": .string("\(reading)"), "title": .string(title),
            "created": .string(created), "pair": .string(pair), "position": position.json,
            "token": .string(token), "description": .string(description), "cosine_similarity": JSONValue(cosine),
            "highlighted": .bool(highlighted), "snippet": .string(snippet),
        ]
    }
}
