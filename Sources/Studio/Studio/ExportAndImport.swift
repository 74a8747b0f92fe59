import Foundation
import HTTPTypes
import Hummingbird
import JSON
import NIOCore

extension StudioEndpoints {
    /// `GET /studio/export`: readings with everything about them, a JSON object a line.
    func export(_ request: Request) async throws -> Response {
        let query = query(request)
        guard query.text("format") ?? "jsonl" == "jsonl" else {
            throw InvalidRequest("`format` is jsonl", at: ["format"])
        }
        let wanted = try query.text("readings").map { list in
            try list.split(separator: ",").map { part in
                guard let id = Int64(part) else {
                    throw InvalidRequest("`readings` are numbers of readings with commas between", at: ["readings"])
                }
                return id
            }
        }
        let ids = try await library.readingIDs(wanted), library = library
        var headers = PageFiles.headers
        headers[.contentType] = "application/x-ndjson"
        headers[.contentDisposition] = "attachment; filename=\"interlinear.jsonl\""
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                for id in ids {
                    // One that was deleted meanwhile is left out.
                    guard let volume = try? await library.volume(id) else { continue }
                    for line in volume.lines { try await writer.write(ByteBuffer(string: line.compact + "\n")) }
                }
                try await writer.finish(nil)
            })
    }

    /// `POST /studio/import`: what `nla explain --json` printed, or an export. All of it, or, with one line about why, nothing.
    func importFile(_ request: Request, _ context: StudioContext) async throws -> Response {
        let lines = try await server.bodies.lines(request, context)
        let volumes = try Importer(facts: facts, limit: settings.maximumInputCharacters).volumes(lines)
        let ids = try await library.add(volumes)
        return Response(json: [
            "readings": .array(ids.map { .string("\($0)") }),
            "explanations": .integer(volumes.reduce(0) { $0 + $1.explanations.count }),
        ])
    }

    /// `GET /studio/readings/ID/export.html`
    func exportPage(_ id: Int64) async throws -> Response {
        let volume = try await library.volume(id)
        var response = PageFiles.report(Data(ReadingPage(volume).html.utf8))
        response.headers[.contentDisposition] = "attachment; filename=\"reading-\(id).html\""
        return response
    }
}

extension Library {
    /// A reading with everything about it. Throws 404 if there is none.
    func volume(_ id: Int64) async throws -> Volume {
        Volume(reading: try await reading(id), explanations: try await explanations(of: id), notes: try await notes(of: id))
    }
}

extension Volume {
    /// As lines of an export: the reading first.
    fileprivate var lines: [JSONValue] {
        func json(_ text: String?) -> JSONValue { text.flatMap { try? JSONValue.parse($0) } ?? .null }
        let head: JSONValue = [
            "type": "reading", "id": .string("\(reading.id ?? 0)"), "created": .string(reading.created),
            "title": .string(reading.title), "pair": .string(reading.pair), "layer": .integer(reading.layer),
            "text": .string(reading.text), "messages": json(reading.messages), "tokens": json(reading.tokens),
            "truth": json(reading.truth),
        ]
        let words = explanations.map { explanation -> JSONValue in
            var line = explanation.json
            line["type"] = "explanation"
            line["activation"] = JSONValue(explanation.activation?.base64EncodedString())
            return .object(line)
        }
        let marks = notes.map { note -> JSONValue in
            var line = note.json
            line["type"] = "note"
            line["reading"] = .string("\(note.readingID)")
            return .object(line)
        }
        return [head] + words + marks
    }
}
