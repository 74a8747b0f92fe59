import HTTPTypes
import Hummingbird
import Logging

/// Writes a line for each request: what was asked for and what came of it, never what it said.
struct AccessLog: RouterMiddleware {
    typealias Context = StudioContext

    func handle(
        _ request: Request, context: StudioContext, next: (Request, StudioContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        do {
            let response = try await next(request, context)
            log(request, "\(response.status.code)", since: start, context.logger)
            return response
        } catch {
            log(request, "client gone", since: start, context.logger)
            throw error
        }
    }

    private func log(_ request: Request, _ outcome: String, since start: ContinuousClock.Instant, _ logger: Logger) {
        let milliseconds = Int((ContinuousClock.now - start) / .milliseconds(1))
        // The path alone: what follows may be somebody's text.
        logger.info("\(request.method) \(request.uri.path.prefix(100)) \(outcome) \(milliseconds) ms")
    }
}

/// Turns errors into answers that clients understand.
struct ErrorAnswers: RouterMiddleware {
    typealias Context = StudioContext

    func handle(
        _ request: Request, context: StudioContext, next: (Request, StudioContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            guard let reply = ErrorReply(error) else { throw error }
            if reply.status.code >= 500, reply.status != .serviceUnavailable { context.logger.error("\(error)") }
            return reply.response(ErrorReply.Dialect(path: request.uri.path))
        }
    }
}
