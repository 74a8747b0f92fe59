import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging

/// Writes a line for each request: what was asked for and what came of it, never what it said.
struct AccessLog: RouterMiddleware {
    typealias Context = StudioContext

    func handle(
        _ request: Request, context: StudioContext, next: (Request, StudioContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        do {
            var response = try await next(request, context)
            guard response.body.contentLength == nil else {
                log(request, "\(response.status.code)", since: start, context.logger)
                return response
            }
            // A stream is over when its last frame is written, or cannot be.
            let stream = response.body, status = response.status.code
            response.body = ResponseBody { writer in
                do {
                    try await stream.write(writer)
                    log(request, "\(status) streamed", since: start, context.logger)
                } catch {
                    log(request, "\(status) client gone", since: start, context.logger)
                    throw error
                }
            }
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
