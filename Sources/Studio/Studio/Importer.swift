import Claims
import Foundation
import JSON

/// Reads files of explanations that somebody brings. What it returns passed the border: nothing in it is checked again.
struct Importer {
    let facts: ModelFacts
    /// Characters of a text.
    let limit: Int

    private static let refusal =
        "this is neither what nla explain --json prints nor an export of a studio; nothing was imported"

    /// The readings in the lines of a file. Throws `InvalidRequest` with one line about what is wrong.
    func volumes(_ lines: [[UInt8]]) throws -> [Volume] {
        do {
            guard let index = lines.firstIndex(where: { !$0.isEmpty }) else {
                throw InvalidRequest("the file is empty")
            }
            if let first = try? JSONValue.parse(lines[index]) {
                if first["type"]?.string == "reading" { return try exported(lines) }
                if first["results"] != nil, lines[(index + 1)...].allSatisfy(Importer.isBlank) {
                    return [try explained(first)]
                }
            }
            guard let json = try? JSONValue.parse(Array(lines.joined(separator: [UInt8(ascii: "\n")]))),
                json["results"] != nil
            else {
                throw InvalidRequest(Importer.refusal)
            }
            return [try explained(json)]
        } catch let error as BorderError { throw InvalidRequest("\(error); nothing was imported") }
    }

    private static func isBlank(_ line: [UInt8]) -> Bool { line.allSatisfy { $0 == 0x20 || $0 == 0x09 } }

    // MARK: An export

    private func exported(_ lines: [[UInt8]]) throws -> [Volume] {
        var volumes: [Volume] = [], places: [String: Int] = [:]
        for (number, line) in lines.enumerated() where !line.isEmpty {
            let source = "line \(number + 1)"
            let json: JSONValue
            do { json = try JSONValue.parse(line) } catch let error as JSONError {
                throw BorderError("\(source): no JSON: \(error.reason)")
            }
            let reader = ForeignJSON(json, source: source, .refuses)
            switch json["type"]?.string {
            case "reading":
                places[try reader.text("id", limit: 40)] = volumes.count
                volumes.append(Volume(reading: try reading(reader)))
            case let type where type == "explanation" || type == "note":
                guard let place = places[try reader.text("reading", limit: 40)] else {
                    throw reader.problem("reading", "is of no reading before it")
                }
                let count = volumes[place].reading.tokens.count
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

    private func reading(_ line: ForeignJSON) throws -> ReadingRecord {
        let text = try line.text("text", limit: limit)
        guard let tokens = line.json["tokens"] else { throw line.problem("tokens", "missing") }
        var truth: LabelledDocument?
        if let given = line.field("truth") {
            truth = try? LabelledDocument(json: given, fallbackID: "imported")
            guard !given.holdsNull, let truth, truth.text.utf8.elementsEqual(text.utf8) else {
                throw line.problem("truth", "is not about this text")
            }
        }
        let messages = try line.field("messages").map { try [ChatMessage](line.at($0, "messages"), limit: limit) }
        return ReadingRecord(
            created: try line.text("created", limit: 40), title: try line.text("title", limit: 200),
            pair: try line.text("pair", limit: 1000), layer: try line.integer("layer"), text: text, messages: messages,
            tokens: try ReadToken.all(line.at(tokens, "tokens")), truth: truth)
    }

    private func explanation(_ line: ForeignJSON, _ count: Int) throws -> ExplanationRecord {
        guard let origin = ExplanationRecord.Origin(rawValue: try line.text("origin", limit: 20)) else {
            throw line.problem("origin", "is not one that there is")
        }
        let activation = try line.optionalText("activation", limit: 6 * StoredVector.limit).map { text in
            guard let vector = Data(base64Encoded: text).flatMap({ StoredVector($0) }) else {
                throw line.problem("activation", "no base64 of finite float32 numbers")
            }
            return vector
        }
        return ExplanationRecord(
            readingID: 0, created: try line.text("created", limit: 40), pair: try line.text("pair", limit: 1000),
            position: try line.position(count), token: try line.text("token"),
            sample: try line.integer("sample") ?? .zero,
            text: try line.text("text", limit: limit), description: try line.text("description", limit: limit),
            complete: try line.flag("complete") ?? true, mse: try line.number("mse"),
            cosine: try line.number("cosine_similarity"), explained: try line.number("variance_explained"),
            norm: try line.number("l2_norm"), temperature: try line.number("temperature") ?? 0,
            seed: try line.optionalText("seed", limit: 40), agreement: try line.number("agreement"), origin: origin,
            claims: try line.list("claims", limit: StoredClaim.limit).map(StoredClaim.init), activation: activation)
    }

    private func note(_ line: ForeignJSON, _ count: Int) throws -> NoteRecord {
        NoteRecord(
            readingID: 0, created: try line.text("created", limit: 40),
            position: line.field("position") == nil ? nil : try line.position(count),
            text: try line.text("text", limit: limit), highlighted: try line.flag("highlighted") ?? false)
    }

    // MARK: What nla explain --json prints

    private func explained(_ json: JSONValue) throws -> Volume {
        let whole = ForeignJSON(json, source: "", .refuses)
        guard let given = json["tokens"], let layer: LayerIndex = try whole.integer("layer") else {
            throw InvalidRequest(Importer.refusal)
        }
        guard let count = given.int, (1...PositionKind.bound).contains(count) else {
            throw whole.problem("tokens", "no whole number between 1 and \(PositionKind.bound)")
        }
        let rows = try whole.list("results", limit: PositionKind.bound)
        guard !rows.isEmpty else { throw whole.problem("results", "there are none") }
        // It says which tokens were explained; of the others it says nothing.
        var tokens = [ReadToken](repeating: ReadToken(text: "…"), count: count)
        for row in rows {
            tokens[try row.position(count).value] = ReadToken(
                text: try row.text("token"), id: try row.integer("token_id"))
        }
        let text = tokens.map(\.text).joined()
        guard !text.isLonger(than: limit) else { throw whole.problem("its text is longer than \(limit) characters") }
        let reading = ReadingRecord(
            created: Timestamp.now, title: Readings.title(of: text), pair: facts.pairName, layer: layer, text: text,
            tokens: tokens)
        return Volume(reading: reading, explanations: try rows.map { try explanation($0, of: count) })
    }

    private func explanation(_ row: ForeignJSON, of count: Int) throws -> ExplanationRecord {
        let description = try row.text("description", limit: limit)
        let claims =
            row.field("claims") == nil
            ? Sentences.split(description).map { StoredClaim($0, fact: fact($0)) }
            : try row.list("claims", limit: StoredClaim.limit).map { claim in
                let sentence = try claim.text("text", limit: limit)
                return StoredClaim(sentence, fact: fact(sentence), confidence: try claim.confidence("confidence"))
            }
        return ExplanationRecord(
            readingID: 0, created: Timestamp.now, pair: facts.pairName, position: try row.position(count),
            token: try row.text("token"), sample: .zero,
            text: try row.optionalText("text", limit: limit) ?? description,
            description: description, complete: try row.flag("complete") ?? true, mse: try row.number("mse"),
            cosine: try row.number("cosine_similarity"), explained: try row.number("variance_explained"),
            norm: try row.number("l2_norm"), temperature: 0, origin: .imported, claims: claims)
    }

    private func fact(_ sentence: String) -> Fact? { facts.grammar.read(sentence).claims.first }
}

extension ForeignJSON {
    /// Where in a text of `count` tokens something stands.
    fileprivate func position(_ count: Int) throws -> Position {
        guard let position: Position = try integer("position"), position.value < count else {
            throw problem("position", "is outside the text, which has \(count) tokens")
        }
        return position
    }
}
