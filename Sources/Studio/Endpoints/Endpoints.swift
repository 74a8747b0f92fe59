import Foundation
import HTTPTypes
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
    let explains: AdmissionLimit, describes: AdmissionLimit, sources: AdmissionLimit, scores: AdmissionLimit
    /// When the server was made, in seconds since 1970.
    let started = Int(Date().timeIntervalSince1970)
    let bodies: BodyReader
    let pool: WorkPool

    init(_ settings: StudioSettings, _ facts: ModelFacts, _ scheduler: Scheduler, _ pool: WorkPool) {
        self.settings = settings
        self.facts = facts
        self.scheduler = scheduler
        self.pool = pool
        bodies = BodyReader(settings: settings, pool: pool)
        explains = AdmissionLimit("explain", limit: settings.maximumExplains)
        describes = AdmissionLimit("describe, compare and generate", limit: settings.maximumDescribes)
        sources = AdmissionLimit("extract, completion and chat", limit: settings.maximumSourceRequests)
        scores = AdmissionLimit("score", limit: settings.maximumScores)
    }

    /// What is answered, and how. What clients of SGLang ask before they begin is among it.
    private var routes: [(method: HTTPRequest.Method, path: String, answer: Answer)] {
        [
            (.get, "/", { [self] _, _ in health() }),
            (.post, "/tokenize", { [self] in try await tokenize(fields($0, $1)) }),
            (.post, "/extract", { [self] in try await extract(fields($0, $1), $1) }),
            (.post, "/describe", { [self] in try await describe(fields($0, $1), $1) }),
            (.post, "/explain", { [self] in try await explain(fields($0, $1), $1) }),
            (.post, "/score", { [self] in try await score(fields($0, $1), $1) }),
            (.post, "/compare", { [self] in try await compare(fields($0, $1), $1) }),
            (.post, "/completion", { [self] in try await completion(fields($0, $1), $1) }),
            (.post, "/generate", { [self] in try await generate(fields($0, $1), $1) }),
            (.get, "/health", { _, _ in Response(json: ["status": "ok"]) }),
            (.get, "/get_model_info", { [self] _, _ in generationModel() }),
            (.get, "/v1/models", { [self] _, _ in listModels() }),
            (.post, "/v1/chat/completions", { [self] in try await chat(fields($0, $1), $1) }),
            (.post, "/v1/completions", { [self] in try await completions(fields($0, $1), $1) }),
        ]
    }

    private typealias Answer = @Sendable (Request, StudioContext) async throws -> Response

    /// Adds every endpoint to a router.
    ///
    /// - Parameter isElsewhere: whether `GET /` is somebody else's.
    func add(to router: Router<StudioContext>, exceptRoot isElsewhere: Bool = false) {
        for route in routes where !(isElsewhere && route.path == "/") {
            router.on(RouterPath(route.path), method: route.method, use: route.answer)
            for method in [HTTPRequest.Method.get, .post, .put, .patch, .delete] where method != route.method {
                router.on(RouterPath(route.path), method: method) { _, _ -> Response in
                    var reply = ErrorReply(.methodNotAllowed, "\(route.path) is asked with \(route.method)")
                    reply.headers[.allow] = route.method.rawValue
                    throw reply
                }
            }
        }
    }

    /// The fields of a request's body.
    func fields(_ request: Request, _ context: StudioContext) async throws -> RequestFields {
        try RequestFields(await bodies.json(request, context))
    }

    /// Begins to answer a request that needs the models.
    func begin(_ context: StudioContext, _ gate: AdmissionLimit) throws -> Exchange {
        Exchange(context, timeLimit: settings.timeLimit, pass: try gate.enter())
    }

    /// The target. Throws 503 on a server without one.
    func target() throws -> ModelFacts.Writer {
        guard let target = facts.target else {
            throw ErrorReply.unavailable(
                "this server has no target model, so it reads no texts; start it with --target")
        }
        return target
    }

    /// The seed of a request.
    func seed() -> UInt64 { settings.seed ?? UInt64.random(in: 0 ... .max) }
}
