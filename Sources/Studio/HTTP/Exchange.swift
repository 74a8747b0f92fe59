import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore

/// One request while it is answered: its claim to the models, and its place among the requests of its kind. Both end with it,
/// however it ends.
final class Exchange: Sendable {
    let ticket: Ticket
    private let pass: RequestGate.Pass?

    init(_ context: StudioContext, timeLimit: Duration, pass: RequestGate.Pass?) {
        let channel = context.channel
        ticket = Ticket(timeLimit: timeLimit) { channel.isActive }
        self.pass = pass
    }

    /// Nothing more is wanted for it.
    func finish() {
        ticket.finish()
        pass?.giveBack()
    }

    deinit { finish() }
}

/// Reads a request's body.
struct BodyReader: Sendable {
    let settings: StudioSettings

    /// The body as JSON. Throws `ErrorReply` for one that is too large, too slow, of another type, and `InvalidRequest` for one
    /// that is no JSON.
    func json(_ request: Request, _ context: StudioContext) async throws -> JSONValue {
        if let type = request.headers[.contentType], !BodyReader.isJSON(type) {
            throw ErrorReply(.unsupportedMediaType, "the body must be JSON; send it as application/json")
        }
        let body = try await bytes(request, context)
        if settings.logsContents {
            context.logger.info("body: \(String(decoding: body.readableBytesView.prefix(4096), as: UTF8.self))")
        }
        guard body.readableBytes > 0 else {
            throw InvalidRequest([
                ValidationProblem(location: ["body"], message: "Field required", type: "missing", input: .null)
            ])
        }
        do {
            return try body.withUnsafeReadableBytes { try JSONValue.parse($0) }
        } catch let error as JSONError {
            throw InvalidRequest([
                ValidationProblem(
                    location: ["body", .integer(error.offset)], message: "JSON decode error", type: "json_invalid",
                    context: JSONObject([("error", .string(error.reason))]))
            ])
        }
    }

    private func bytes(_ request: Request, _ context: StudioContext) async throws -> ByteBuffer {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > settings.maximumBodyBytes {
            throw tooLarge(context)
        }
        // What trickles in byte by byte never leaves the connection idle, so the whole has a limit, too.
        let deadline = ContinuousClock.now + settings.stallLimit * 4
        var body = ByteBuffer()
        for try await var piece in request.body {
            guard body.readableBytes + piece.readableBytes <= settings.maximumBodyBytes else { throw tooLarge(context) }
            guard .now < deadline else {
                closeSoon(context)
                throw ErrorReply(.requestTimeout, "the body took too long to arrive")
            }
            body.writeBuffer(&piece)
        }
        return body
    }

    private func tooLarge(_ context: StudioContext) -> ErrorReply {
        closeSoon(context)
        return ErrorReply(
            .contentTooLarge, "the body has more than \(settings.maximumBodyBytes) bytes; send fewer vectors at a time")
    }

    /// Closes a connection whose client may go on sending what nobody reads, once it had time to read the answer.
    private func closeSoon(_ context: StudioContext) {
        let channel = context.channel
        channel.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
    }

    private static func isJSON(_ type: String) -> Bool {
        let essence = type.prefix { $0 != ";" }.trimmingPrefix(" ").lowercased()
        let name = essence.reversed().drop { $0 == " " }.reversed()
        return String(name) == "application/json" || String(name).hasSuffix("+json")
    }
}
