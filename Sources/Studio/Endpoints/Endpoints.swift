import Foundation
import Hummingbird
import JSON

/// What the server answers, endpoint by endpoint; each has a file of its own.
///
/// All do the same: read the fields, take a place among the requests of their kind, ask the scheduler, write the result.
final class Endpoints: Sendable {
    let settings: StudioSettings
    let facts: ModelFacts
    let scheduler: Scheduler
    /// The places.
    let explains: RequestGate, describes: RequestGate, sources: RequestGate, scores: RequestGate
    /// When the server was made, in seconds since 1970.
    let started = Int(Date().timeIntervalSince1970)
    private let bodies: BodyReader

    init(_ settings: StudioSettings, _ facts: ModelFacts, _ scheduler: Scheduler) {
        self.settings = settings
        self.facts = facts
        self.scheduler = scheduler
        bodies = BodyReader(settings: settings)
        explains = RequestGate("explain", limit: settings.maximumExplains)
        describes = RequestGate("describe, compare and generate", limit: settings.maximumDescribes)
        sources = RequestGate("extract, completion and chat", limit: settings.maximumSourceRequests)
        scores = RequestGate("score", limit: settings.maximumScores)
    }

    /// Adds every endpoint to a router.
    func add(to router: Router<StudioContext>) {
        router.get("/") { [self] _, _ in health() }
        router.post("/tokenize") { [self] in try await tokenize(fields($0, $1)) }
        router.post("/extract") { [self] in try await extract(fields($0, $1), $1) }
        router.post("/describe") { [self] in try await describe(fields($0, $1), $1) }
        router.post("/explain") { [self] in try await explain(fields($0, $1), $1) }
        router.post("/score") { [self] in try await score(fields($0, $1), $1) }
        router.post("/compare") { [self] in try await compare(fields($0, $1), $1) }
        router.post("/completion") { [self] in try await completion(fields($0, $1), $1) }
        router.post("/generate") { [self] in try await generate(fields($0, $1), $1) }
        router.get("/v1/models") { [self] _, _ in listModels() }
        router.post("/v1/chat/completions") { [self] in try await chat(fields($0, $1), $1) }
        // What clients of SGLang ask before they begin.
        router.get("/health") { _, _ in Response(json: ["status": "ok"]) }
        router.get("/get_model_info") { [self] _, _ in generationModel() }
    }

    private func fields(_ request: Request, _ context: StudioContext) async throws -> RequestFields {
        try RequestFields(await bodies.json(request, context))
    }

    /// Begins to answer a request that needs the models.
    func begin(_ context: StudioContext, _ gate: RequestGate) throws -> Exchange {
        Exchange(context, timeLimit: settings.timeLimit, pass: try gate.enter())
    }

    /// The target. Throws 503 on a server without one.
    func target() throws -> ModelFacts.Writer {
        guard let target = facts.target else {
            throw ErrorReply.unavailable("this server has no target model, so it reads no texts; start it with --target")
        }
        return target
    }

    /// The seed of a request.
    func seed() -> UInt64 { settings.seed ?? UInt64.random(in: 0 ... .max) }
}
