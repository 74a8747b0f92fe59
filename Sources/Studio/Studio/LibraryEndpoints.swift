import HTTPTypes
import Hummingbird
import JSON

extension StudioEndpoints {
    private static let maximumNoteCharacters = 10_000

    /// `GET /studio/library`: explanations, by words and other marks.
    func search(_ request: Request) async throws -> Response {
        let query = query(request)
        var search = Library.Search()
        search.words = query.text("words") ?? ""
        search.pair = query.text("pair")
        search.minimumScore = try query.number("minimum_score", in: -1...1)
        search.maximumScore = try query.number("maximum_score", in: -1...1)
        search.origin = query.text("origin")
        search.isHighlighted = try query.flag("highlighted")
        search.before = try query.number("before", in: 0...Int64.max)
        search.limit = try query.number("limit", in: 1...200) ?? 40
        let found = try await library.search(search)
        return Response(json: [
            "items": .array(found.records.map(\.json)),
            "next": found.count == search.limit ? JSONValue(found.last.map { "\($0)" }) : .null,
        ])
    }

    /// `GET /studio/library/readings`: all readings, newest first.
    func shelf(_ request: Request) async throws -> Response {
        let query = query(request)
        let limit = try query.number("limit", in: 1...200) ?? 40
        let items = try await library.readings(before: query.number("before", in: 0...Int64.max), limit: limit)
        return Response(json: [
            "readings": .array(items.records.map(\.json)),
            "next": items.count == limit ? JSONValue(items.last.map { "\($0)" }) : .null,
        ])
    }

    /// `POST /studio/readings/ID/notes`
    func addNote(_ id: Int64, _ request: RequestFields) async throws -> Response {
        var fields = request
        let text = fields.text("text", isNullable: false, limit: StudioEndpoints.maximumNoteCharacters) ?? ""
        let isHighlighted = fields.bool("highlighted", default: false)
        var position: Int?
        if let given = fields.json["position"], !given.isNull {
            let record = try await library.reading(id)
            position = fields.integer("position", default: 0, in: 0...record.tokens.count - 1)
        }
        if text.isEmpty, !isHighlighted {
            fields.note(["text"], "value_error", "Value error, a note has words, or it is a highlight")
        }
        try fields.check()
        let note = NoteRecord(
            readingID: id, created: Timestamp.now, position: position.flatMap(Position.init), text: text,
            highlighted: isHighlighted)
        return Response(.created, json: .object(try await library.add(note).json))
    }

    /// `PATCH /studio/notes/ID`
    func changeNote(_ id: Int64, _ request: RequestFields) async throws -> Response {
        var fields = request
        let text = fields.text("text", limit: StudioEndpoints.maximumNoteCharacters)
        let isHighlighted = fields.optionalBool("highlighted")
        try fields.check()
        return Response(json: .object(try await library.change(id, text: text, isHighlighted: isHighlighted).json))
    }
}

extension StudioEndpoints.Query {
    /// `true` or `false`; false where it is absent.
    func flag(_ key: String) throws -> Bool {
        switch text(key) {
        case nil, "false", "0": false
        case "true", "1": true
        default: throw InvalidRequest("`\(key)` should be true or false", at: [.string(key)])
        }
    }
}
