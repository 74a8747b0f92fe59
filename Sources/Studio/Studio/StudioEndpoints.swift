import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import JSON
import Tokenization

/// A pair of the page's.
struct ServedPair: Sendable {
    let facts: ModelFacts
    let scheduler: Scheduler
}

/// What the page asks, beside what programs do (docs/studio-api.md).
final class StudioEndpoints: Sendable {
    let server: Endpoints
    let library: Library
    let runs: RunShelf
    /// The pairs; the first is the default.
    let pairs: [ServedPair]
    private let files: PageFiles
    /// Pages that watch a run.
    let watchers = AdmissionLimit("watching", limit: 64)

    var settings: StudioSettings { server.settings }
    /// What all pairs share: the target, and how claims are read.
    var facts: ModelFacts { pairs[0].facts }

    init(_ server: Endpoints, _ pairs: [ServedPair], _ library: Library, _ page: StudioSettings.Page) {
        self.server = server
        self.pairs = pairs
        self.library = library
        runs = RunShelf(runs: page.runs, reports: page.reports)
        files = PageFiles(folder: page.folder)
    }

    /// Adds every endpoint to a router. `GET /` is the page for browsers, and stays what it is for programs.
    func add(to router: Router<StudioContext>) {
        router.get("/") { [self] request, _ in
            StudioEndpoints.isBrowser(request) ? try files.response("index.html", request) : server.health()
        }
        router.get("/page/:file") { [self] request, context in
            try files.response(context.parameters.get("file") ?? "", request)
        }
        router.get("/studio/models") { [self] _, _ in models() }
        router.get("/studio/world") { [self] request, _ in try world(request) }

        router.post("/studio/readings") { [self] in try await begin(fields($0, $1), $1) }
        router.get("/studio/readings/:id") { [self] _, context in try await reading(id(context)) }
        router.patch("/studio/readings/:id") { [self] in try await rename(id($1), fields($0, $1)) }
        router.delete("/studio/readings/:id") { [self] _, context in
            try await library.deleteReading(id(context))
            return Response(status: .noContent)
        }
        router.post("/studio/readings/:id/explain") { [self] in try await explain(id($1), fields($0, $1), $1) }
        router.post("/studio/readings/:id/norms") { [self] in try await norms(id($1), $1) }
        router.post("/studio/readings/:id/compare") { [self] in try await compare(id($1), fields($0, $1), $1) }
        router.post("/studio/readings/:id/layers") { [self] in try await layers(id($1), fields($0, $1), $1) }
        router.post("/studio/readings/:id/edit") { [self] in try await edit(id($1), fields($0, $1), $1) }
        router.post("/studio/readings/:id/steer") { [self] in try await steer(id($1), fields($0, $1), $1) }
        router.post("/studio/readings/:id/notes") { [self] in try await addNote(id($1), fields($0, $1)) }
        router.get("/studio/readings/:id/export.html") { [self] _, context in try await exportPage(id(context)) }

        router.patch("/studio/notes/:id") { [self] in try await changeNote(id($1), fields($0, $1)) }
        router.delete("/studio/notes/:id") { [self] _, context in
            try await library.deleteNote(id(context))
            return Response(status: .noContent)
        }
        router.get("/studio/library") { [self] request, _ in try await search(request) }
        router.get("/studio/library/readings") { [self] request, _ in try await shelf(request) }
        router.get("/studio/export") { [self] request, _ in try await export(request) }
        router.post("/studio/import") { [self] in try await importFile($0, $1) }

        router.get("/studio/runs") { [self] _, _ in Response(json: ["runs": .array(runs.list())]) }
        router.get("/studio/runs/:name") { [self] request, context in try runs.run(name(context), query(request)) }
        router.get("/studio/runs/:name/events") { [self] in try events(name($1), query($0), $1) }
        router.get("/studio/runs/:name/report.html") { [self] _, context in try runs.runReport(name(context)) }
        router.get("/studio/reports") { [self] _, _ in Response(json: ["reports": .array(runs.reportNames())]) }
        router.get("/studio/reports/:name") { [self] _, context in try runs.report(name(context)) }
    }

    /// Whether a request for `/` is a browser's.
    static func isBrowser(_ request: Request) -> Bool { request.headers[.accept]?.contains("text/html") == true }

    // MARK: Reading requests

    /// The fields of a request's body, in words that the library can keep.
    private func fields(_ request: Request, _ context: StudioContext) async throws -> RequestFields {
        let fields = try await server.fields(request, context)
        for (key, value) in fields.json where value.holdsNull {
            throw InvalidRequest(
                "`\(key.prefix(40))` holds the character U+0000, which the library cannot keep; take it out",
                at: [.string(key)])
        }
        return fields
    }

    private func id(_ context: StudioContext) throws -> Int64 {
        let text = context.parameters.get("id") ?? ""
        guard let id = Int64(text), id > 0 else {
            throw ErrorReply(.notFound, "there is nothing by the number \(text.prefix(40))")
        }
        return id
    }

    private func name(_ context: StudioContext) -> String {
        (context.parameters.get("name") ?? "").removingPercentEncoding ?? ""
    }

    /// The parameters behind the question mark.
    func query(_ request: Request) -> Query { Query(request) }

    /// The parameters of an address.
    struct Query {
        private let values: [String: String]

        init(_ request: Request) {
            let pairs = (request.uri.query ?? "").split(separator: "&").map { part in
                part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { side in
                    side.replacing("+", with: " ").removingPercentEncoding ?? String(side)
                }
            }
            values = Dictionary(pairs.map { ($0[0], $0.count > 1 ? $0[1] : "") }, uniquingKeysWith: { $1 })
        }

        /// Text; nil where it is absent or empty.
        func text(_ key: String) -> String? { values[key].flatMap { $0.isEmpty ? nil : $0 } }

        /// A number in a range. Throws 422 for anything else.
        func number<Value: LosslessStringConvertible & Comparable>(
            _ key: String, in range: ClosedRange<Value>
        ) throws -> Value? {
            guard let text = text(key) else { return nil }
            guard let value = Value(text), range.contains(value) else {
                throw InvalidRequest(
                    "`\(key)` should be a number between \(range.lowerBound) and \(range.upperBound)",
                    at: [.string(key)])
            }
            return value
        }
    }

    // MARK: Models

    private func models() -> Response {
        Response(json: [
            "pairs": .array(pairs.map { StudioEndpoints.json($0.facts) }),
            "target": facts.target.map {
                ["name": .string($0.name), "chat": .bool($0.tokenizer.chatTemplate != nil)]
            } ?? .null,
            "world": .bool(facts.world != nil),
        ])
    }

    private static func json(_ facts: ModelFacts) -> JSONValue {
        [
            "name": .string(facts.pairName), "layer": .integer(facts.layer), "width": .integer(facts.width),
            "has_reconstructor": .bool(facts.hasReconstructor), "has_target": .bool(facts.target != nil),
            "confidence": facts.confidenceExamples.map { ["fitted_on": .integer($0)] } ?? .null,
            "variance": JSONValue(facts.variance),
        ]
    }

    /// The pair that a request names, or that a reading was read with, or the first. Notes one that is not there.
    func pair(_ fields: inout RequestFields, of reading: ReadingRecord? = nil) -> ServedPair {
        if let name = fields.text("pair") {
            if let pair = pairs.first(where: { $0.facts.pairName == name }) { return pair }
            let names = pairs.map(\.facts.pairName).joined(separator: ", ")
            fields.note(
                ["pair"], "value_error",
                "Value error, this server has no pair \(name.prefix(80)); it has \(names) (nla studio --nla)")
        }
        return pairs.first { $0.facts.pairName == reading?.pair } ?? pairs[0]
    }

    /// Throws 503 where a pair has no reconstructor.
    func needReconstructor(_ pair: ServedPair) throws {
        guard pair.facts.hasReconstructor else {
            throw ErrorReply.unavailable(
                "\(pair.facts.pairName) has no reconstructor, so words cannot be turned back into vectors")
        }
    }
}
