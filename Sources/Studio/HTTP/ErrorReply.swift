import Autoencoder
import HTTPTypes
import Hummingbird
import HummingbirdCore
import JSON
import LanguageModel
import Tokenization

/// An answer that is none: a status, and one line that says what, where and what to do.
struct ErrorReply: Error {
    let status: HTTPResponse.Status
    let message: String
    /// What is wrong with the request's fields, if that is it.
    var problems: [ValidationProblem] = []
    var headers = HTTPFields()

    init(_ status: HTTPResponse.Status, _ message: String) {
        self.status = status
        self.message = message
    }

    /// All places for such requests are taken.
    static func busy(_ what: String, limit: Int, unit: String = "") -> ErrorReply {
        let count = unit.isEmpty ? "\(limit)" : "\(limit) \(unit)"
        var reply = ErrorReply(
            .tooManyRequests,
            "\(count) \(what) requests are being answered, as many as at once; try again in a moment")
        reply.headers[.retryAfter] = "1"
        return reply
    }

    /// A part of the server that is not there.
    static func unavailable(_ message: String) -> ErrorReply { ErrorReply(.serviceUnavailable, message) }

    /// What an error means to a client; nil for a client that is no longer there to be told.
    init?(_ error: any Error) {
        switch error {
        case let reply as ErrorReply: self = reply
        case let invalid as InvalidRequest:
            self.init(.unprocessableContent, invalid.problems.map(\.line).joined(separator: "; "))
            problems = invalid.problems
        case Ticket.Loss.outOfTime:
            self.init(
                .serviceUnavailable,
                "the request took longer than it may; ask for fewer positions, activations or tokens")
        case Ticket.Loss.clientGone, is CancellationError: return nil
        case Failure.notANumber:
            self.init(
                .internalServerError,
                "the model computed NaN: numbers that were sent are extreme, or a weight is damaged (nla check)")
        case Failure.tooLarge(let tokens, let limit):
            self.init(
                .unprocessableContent,
                "\(tokens) tokens, prompt and answer, are more than this server has memory for (\(limit)); ask for fewer"
            )
        case let error as HTTPError: self.init(error.status, error.body ?? error.status.reasonPhrase)
        case let error as ModelError: self.init(.internalServerError, "\(error)")
        case let error as TokenizerError: self.init(.internalServerError, "\(error)")
        default: self.init(.internalServerError, "the server failed to answer; its log says more")
        }
    }

    /// Which clients are told, each in the form that they read errors in.
    enum Dialect {
        /// `{"detail": …}`, as the contract has it.
        case contract
        /// `{"error": {"message": …, "type": …}}`, for `/v1` and `/generate`.
        case openAI

        init(path: String) { self = path.hasPrefix("/v1/") || path == "/generate" ? .openAI : .contract }
    }

    /// The body.
    func json(_ dialect: Dialect) -> JSONValue {
        switch dialect {
        case .contract:
            ["detail": problems.isEmpty ? .string(message) : .array(problems.map(\.json))]
        case .openAI:
            [
                "error": [
                    "message": .string(message),
                    "type": status.code < 500 ? "invalid_request_error" : "server_error",
                    "param": problems.first?.location.dropFirst().first ?? .null, "code": .integer(sent(.openAI).code),
                ]
            ]
        }
    }

    /// The status of the answer. Clients of OpenAI's interface expect 400 where FastAPI says 422.
    private func sent(_ dialect: Dialect) -> HTTPResponse.Status {
        dialect == .openAI && status == .unprocessableContent ? .badRequest : status
    }

    /// The answer.
    func response(_ dialect: Dialect) -> Response {
        var response = Response(sent(dialect), json: json(dialect))
        for field in headers { response.headers[field.name] = field.value }
        return response
    }
}
