import Autoencoder
import Claims
import Faithfulness
import Foundation
import HTTPTypes
import Hummingbird
import JSON
import LanguageModel
import Tokenization

extension StudioEndpoints {
    // MARK: Texts to try

    /// `GET /studio/world`: texts of a known world, of the kinds that it has. Throws 404 where none is plugged in.
    func world(_ request: Request) throws -> Response {
        guard let world = facts.world ?? KnownWorlds.all.first else {
            throw ErrorReply(.notFound, "this server knows no world")
        }
        let query = query(request)
        let kind = try query.text("kind")
        if let kind, !world.kinds.contains(kind) {
            throw InvalidRequest("`kind` is one of \(world.kinds.joined(separator: ", "))", at: ["kind"])
        }
        let seed = UInt64(try query.number("seed", in: 0...Int.max) ?? 0)
        let count = try query.number("count", in: 1...100) ?? 1
        return Response(json: [
            "documents": .array(
                (0..<count).map { index in
                    let document = world.document(index, seed: seed, isHeldOut: true, kind: kind)
                    return ["kind": .string(document.kind), "text": .string(document.text)]
                })
        ])
    }

    /// The document that a request says its text is, if it is.
    private func document(_ fields: inout RequestFields, text: String) -> LabelledDocument? {
        guard let known = facts.world, let world = fields.json["world"]?.object else { return nil }
        guard let kind = world["kind"]?.string, known.kinds.contains(kind), let seed = world["seed"]?.int, seed >= 0,
            let index = world["index"]?.int, (0..<100).contains(index)
        else {
            fields.note(
                ["world"], "value_error",
                "Value error, a world's document has a `kind`, a `seed` and an `index` below 100")
            return nil
        }
        let document = known.document(index, seed: UInt64(seed), isHeldOut: true, kind: kind)
        return document.text == text ? document : nil
    }

    // MARK: Readings

    /// `POST /studio/readings`: a text becomes a reading.
    func begin(_ request: RequestFields, _ context: StudioContext) async throws -> Response {
        var fields = request
        let pair = pair(&fields)
        let text = try await server.readTextWithTokens(&fields)
        let document = document(&fields, text: text.text)
        try fields.check()
        let messages = try fields.json["messages"]?.array.map {
            try [ChatMessage](ForeignJSON(.array($0), source: "", path: "messages", .mends))
        }
        let tokens = try ReadToken.all(ForeignJSON(.array(text.tokens), source: "", path: "tokens", .mends))
        let record = ReadingRecord(
            created: Timestamp.now, title: Readings.title(of: text.text), pair: pair.facts.pairName,
            layer: LayerIndex(pair.facts.layer), text: text.text,
            messages: messages, tokens: tokens, truth: document)
        return Response(.created, json: try await json(library.add(record)))
    }

    /// `GET /studio/readings/ID`
    func reading(_ id: Int64) async throws -> Response { Response(json: try await json(library.reading(id))) }

    /// `PATCH /studio/readings/ID`
    func rename(_ id: Int64, _ request: RequestFields) async throws -> Response {
        var fields = request
        let title = fields.text("title", isRequired: true, isNullable: false, limit: 200) ?? ""
        try fields.check()
        try await library.rename(id, title)
        return try await reading(id)
    }

    /// A reading with everything about it.
    private func json(_ record: ReadingRecord) async throws -> JSONValue {
        let id = record.id ?? 0
        let explanations = try await library.explanations(of: id), notes = try await library.notes(of: id)
        let document = record.truth
        return [
            "id": .string("\(id)"), "created": .string(record.created), "pair": .string(record.pair),
            "layer": record.layer?.json ?? .null, "text": .string(record.text), "title": .string(record.title),
            "tokens": record.tokens.json, "explanations": .array(explanations.records.map { .object($0.json) }),
            "notes": .array(notes.records.map { .object($0.json) }),
            "damaged": .integer(explanations.damagedCount + notes.damagedCount),
            "truth": document.map { document in
                .array(
                    document.truths(at: document.text.utf8.count).map { fact, standing in
                        [
                            "subject": .string(fact.subject), "relation": .string(fact.relation),
                            "value": .string(fact.value),
                            "sentence": JSONValue(facts.grammar.sentence(fact)), "standing": .string(standing.rawValue),
                        ]
                    })
            } ?? .null,
        ]
    }

    /// A reading's text as the target reads it. Throws 409 if it was read by another target, whose tokens differ.
    func encoded(_ record: ReadingRecord) throws -> Readings.Encoded {
        let target = try server.target()
        guard record.tokens.count <= settings.maximumInputTokens else {
            throw InvalidRequest(
                "the text has \(record.tokens.count) tokens, at most \(settings.maximumInputTokens) are read; explain a shorter one"
            )
        }
        let ids = record.tokens.compactMap { $0.id?.id }
        let isText = record.messages == nil
        // Where a text is normalized first, its tokens have no places in it.
        let placed = try? target.tokenizer.encodeWithPlaces(record.text, addSpecialTokens: isText)
        guard ids.count == record.tokens.count, !ids.isEmpty, ids.allSatisfy({ Int($0) < target.vocabularySize }),
            ids == placed?.ids ?? target.tokenizer.encode(record.text, addSpecialTokens: isText)
        else {
            throw ErrorReply(
                .conflict,
                "this text was read with another target than the one that is loaded; start the studio with that one, or read the text anew"
            )
        }
        return Readings.Encoded(
            ids: ids, tokens: record.tokens.map(\.text), byteEnds: placed?.byteEnds, document: record.truth)
    }

    /// A position within a text, negative ones from the end.
    func position(_ fields: inout RequestFields, _ key: String, of count: Int) -> Int {
        guard fields.json[key] != nil else {
            fields.note([.string(key)], "missing", "Field required")
            return 0
        }
        let position = fields.integer(key, default: 0, in: -count...count - 1)
        return position < 0 ? count + position : position
    }

    /// `POST /studio/readings/ID/norms`
    func norms(_ id: Int64, _ context: StudioContext) async throws -> Response {
        let text = try encoded(await library.reading(id))
        let exchange = try server.begin(context, server.sources)
        defer { exchange.finish() }
        let vectors = try await pairs[0].scheduler.activations(text.ids, at: Array(text.ids.indices), exchange.ticket)
        return Response(json: ["l2_norms": .array(vectors.map { .number($0.norm) })])
    }
}

/// What readings are made of.
enum Readings {
    /// A text in tokens.
    struct Encoded: Sendable {
        let ids: [Int32]
        let tokens: [String]
        /// Where each token ends in the text; nil where tokens have no places in it.
        let byteEnds: [Int]?
        /// The document that it is, where its truth is known.
        let document: LabelledDocument?

        /// Tokens before and behind a position.
        func neighbours(of position: Int, reach: Int) -> [Int] {
            Neighbours.positions(around: position, reach: reach, count: ids.count)
        }
    }

    /// The beginning of a text, for a title.
    static func title(of text: String) -> String {
        let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? text
        let words = line.trimmingCharacters(in: .whitespaces)
        // Characters may be long: a few of them hold any number of accents.
        guard words.count > 60 || words.unicodeScalars.count > 120 else { return words }
        var cut = words.prefix(60)
        while cut.unicodeScalars.count > 120 { cut = cut.dropLast() }
        return (cut.lastIndex(of: " ").map { cut[..<$0] } ?? cut) + "…"
    }
}

/// Times as the library keeps them: ISO 8601, UTC.
enum Timestamp {
    static var now: String { Date().formatted(.iso8601) }
}
