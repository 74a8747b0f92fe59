import Claims
import Foundation
import JSON

/// Reads files of explanations that somebody brings.
struct Importer {
    let facts: ModelFacts
    /// Characters of a text.
    let limit: Int

    private static let refusal =
        "this is neither what nla explain --json prints nor an export of a studio; nothing was imported"

    /// The readings in the lines of a file. Throws `InvalidRequest` with one line about what is wrong.
    func volumes(_ lines: [[UInt8]]) throws -> [Volume] {
        guard let first = lines.first(where: { !$0.isEmpty }) else { throw InvalidRequest("the file is empty") }
        guard !lines.contains(where: { (try? JSONValue.parse($0))?.holdsNull == true }) else {
            throw InvalidRequest("the file holds the character U+0000, which the library cannot keep; nothing was imported")
        }
        if let json = try? JSONValue.parse(first), json["type"]?.string == "reading" { return try exported(lines) }
        guard let json = try? JSONValue.parse(Array(lines.joined(separator: [UInt8(ascii: "\n")]))), json["results"] != nil else {
            throw InvalidRequest(Importer.refusal)
        }
        return [try explained(json)]
    }

    // MARK: An export

    private func exported(_ lines: [[UInt8]]) throws -> [Volume] {
        var volumes: [Volume] = [], places: [String: Int] = [:]
        for (number, line) in lines.enumerated() where !line.isEmpty {
            let reader = Line(json: (try? JSONValue.parse(line)) ?? .null, place: "line \(number + 1)")
            switch reader.json["type"]?.string {
            case "reading":
                places[try reader.text("id")] = volumes.count
                volumes.append(Volume(reading: try reading(reader)))
            case let type where type == "explanation" || type == "note":
                guard let place = places[try reader.text("reading")] else {
                    throw reader.problem("\"reading\" is of no reading before it")
                }
                let count = (try? JSONValue.parse(volumes[place].reading.tokens))?.array?.count ?? 0
                if type == "note" {
                    volumes[place].notes.append(try note(reader, count))
                } else {
                    volumes[place].explanations.append(try explanation(reader, count))
                }
            default: throw reader.problem("this is no line of an export")
            }
        }
        return volumes
    }

    private func reading(_ line: Line) throws -> ReadingRecord {
        let text = try line.text("text", limit: limit)
        guard let tokens = line.json["tokens"]?.array, !tokens.isEmpty,
            tokens.enumerated().allSatisfy({ $1["token"]?.string != nil && $1["position"]?.int == $0 })
        else { throw line.problem("\"tokens\" are missing or damaged") }
        var truth: JSONValue?
        if let given = line.json["truth"], !given.isNull {
            guard let document = try? LabelledDocument(json: given, fallbackID: "imported"), document.text == text else {
                throw line.problem("\"truth\" is not about this text")
            }
            truth = document.json
        }
        return ReadingRecord(
            created: try line.text("created", limit: 40), title: try line.text("title", limit: 200),
            pair: try line.text("pair", limit: 200), layer: line.json["layer"]?.int ?? 0, text: text,
            messages: line.json["messages"].flatMap { $0.isNull ? nil : $0.compact },
            tokens: JSONValue.array(tokens).compact, truth: truth?.compact)
    }

    private func explanation(_ line: Line, _ count: Int) throws -> ExplanationRecord {
        let origin = try line.text("origin", limit: 20)
        guard ["model", "edited", "imported"].contains(origin) else { throw line.problem("\"origin\" is not one that there is") }
        let activation = line.json["activation"]?.string.map { Data(base64Encoded: $0) }
        if case .some(.none) = activation { throw line.problem("\"activation\" is no base64") }
        return ExplanationRecord(
            readingID: 0, created: try line.text("created", limit: 40), pair: try line.text("pair", limit: 200),
            position: try line.position(count), token: try line.text("token"), sample: line.json["sample"]?.int ?? 0,
            text: try line.text("text", limit: limit), description: try line.text("description", limit: limit),
            complete: line.json["complete"]?.bool ?? true, mse: line.number("mse"),
            cosine: line.number("cosine_similarity"), explained: line.number("variance_explained"),
            norm: line.number("l2_norm"), temperature: line.number("temperature") ?? 0,
            seed: line.json["seed"]?.string, agreement: line.number("agreement"), origin: origin,
            claims: try claims(line).compact, activation: activation ?? nil)
    }

    private func claims(_ line: Line) throws -> JSONValue {
        guard let claims = line.json["claims"]?.array, claims.allSatisfy({ $0["sentence"]?.string != nil }) else {
            throw line.problem("\"claims\" are missing or damaged")
        }
        return .array(claims)
    }

    private func note(_ line: Line, _ count: Int) throws -> NoteRecord {
        let isOfText = line.json["position"]?.isNull ?? true
        return NoteRecord(
            readingID: 0, created: try line.text("created", limit: 40), position: isOfText ? nil : try line.position(count),
            text: try line.text("text", limit: limit), highlighted: line.json["highlighted"]?.bool ?? false)
    }

    // MARK: What nla explain --json prints

    private func explained(_ json: JSONValue) throws -> Volume {
        let whole = Line(json: json, place: "the file")
        guard let results = json["results"]?.array, !results.isEmpty, let count = json["tokens"]?.int,
            (1...1 << 20).contains(count), let layer = json["layer"]?.int
        else { throw InvalidRequest(Importer.refusal) }
        let rows = results.enumerated().map { Line(json: $1, place: "result \($0 + 1)") }
        // It says which tokens were explained; of the others it says nothing.
        var tokens = (0..<count).map { position -> JSONObject in
            JSONObject([("token", "…"), ("token_id", .null), ("position", .integer(position))])
        }
        for row in rows {
            let position = try row.position(count)
            tokens[position]["token"] = .string(try row.text("token"))
            tokens[position]["token_id"] = row.json["token_id"] ?? .null
        }
        let text = tokens.map { $0["token"]?.string ?? "" }.joined()
        guard text.count <= limit else { throw whole.problem("its text is longer than \(limit) characters") }
        let reading = ReadingRecord(
            created: Timestamp.now, title: Readings.title(of: text), pair: facts.pairName, layer: layer, text: text,
            tokens: JSONValue.array(tokens.map { .object($0) }).compact)
        return Volume(reading: reading, explanations: try rows.map { try explanation($0, of: count) })
    }

    private func explanation(_ row: Line, of count: Int) throws -> ExplanationRecord {
        let description = try row.text("description", limit: limit)
        let claims = row.json["claims"]?.array?.map { claim -> JSONValue in
            let sentence = claim["text"]?.string ?? ""
            return self.claim(sentence, claim["confidence"]?.double)
        }
        return ExplanationRecord(
            readingID: 0, created: Timestamp.now, pair: facts.pairName, position: try row.position(count),
            token: try row.text("token"), sample: 0, text: row.json["text"]?.string ?? description,
            description: description, complete: row.json["complete"]?.bool ?? true, mse: row.number("mse"),
            cosine: row.number("cosine_similarity"), explained: row.number("variance_explained"),
            norm: row.number("l2_norm"), temperature: 0, origin: "imported",
            claims: JSONValue.array(claims ?? Sentences.split(description).map { claim($0, nil) }).compact)
    }

    private func claim(_ sentence: String, _ confidence: Double?) -> JSONValue {
        let fact = facts.grammar.read(sentence).claims.first
        return [
            "sentence": .string(sentence), "fact": fact.map(StudioEndpoints.json) ?? .null,
            "confidence": JSONValue(confidence), "truth": .null,
            "words": JSONValue(StudioEndpoints.words(confidence)),
        ]
    }
}

/// One object of a file, with what is said of problems in it.
private struct Line {
    let json: JSONValue
    let place: String

    func problem(_ what: String) -> InvalidRequest { InvalidRequest("\(place): \(what); nothing was imported") }

    func text(_ key: String, limit: Int = 10_000) throws -> String {
        guard let text = json[key]?.string, text.count <= limit else {
            throw problem("\"\(key)\" is missing, no text, or longer than \(limit) characters")
        }
        return text
    }

    func number(_ key: String) -> Double? { json[key]?.double.flatMap { $0.isFinite ? $0 : nil } }

    func position(_ count: Int) throws -> Int {
        guard let position = json["position"]?.int, (0..<count).contains(position) else {
            throw problem("\"position\" is outside the text, which has \(count) tokens")
        }
        return position
    }
}
