import Claims
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import JSON
import NIOCore

extension StudioEndpoints {
    /// Explanations that an export holds in memory.
    private static let exportedAtOnce = 64

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
                    // One that was deleted meanwhile is left out, and what is damaged.
                    guard let reading = try? await library.reading(id) else { continue }
                    try await writer.write(reading.exported)
                    var last: Int64? = 0
                    while let behind = last {
                        let page = try await library.explanations(
                            of: id, behind: behind, limit: StudioEndpoints.exportedAtOnce)
                        for explanation in page.records { try await writer.write(explanation.exported) }
                        last = page.count == StudioEndpoints.exportedAtOnce ? page.last : nil
                    }
                    for note in try await library.notes(of: id).records { try await writer.write(note.exported) }
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
    /// A reading with everything about it but the activations. Throws 404 if there is none.
    func volume(_ id: Int64) async throws -> Volume {
        Volume(
            reading: try await reading(id), explanations: try await explanations(of: id).records,
            notes: try await notes(of: id).records)
    }
}

extension ReadingRecord {
    /// A line of an export.
    fileprivate var exported: ByteBuffer {
        let line: JSONValue = [
            "type": "reading", "id": .string("\(id ?? 0)"), "created": .string(created), "title": .string(title),
            "pair": .string(pair), "layer": layer?.json ?? .null, "text": .string(text),
            "messages": messages?.json ?? .null,
            "tokens": tokens.json, "truth": truth?.json ?? .null,
        ]
        return ByteBuffer(string: line.compact + "\n")
    }
}

extension ExplanationRecord {
    /// A line of an export.
    fileprivate var exported: ByteBuffer {
        var line = json
        line["type"] = "explanation"
        line["activation"] = JSONValue(activation?.bytes.base64EncodedString())
        return ByteBuffer(string: JSONValue.object(line).compact + "\n")
    }
}

extension NoteRecord {
    /// A line of an export.
    fileprivate var exported: ByteBuffer {
        var line = json
        line["type"] = "note"
        line["reading"] = .string("\(readingID)")
        return ByteBuffer(string: JSONValue.object(line).compact + "\n")
    }
}
