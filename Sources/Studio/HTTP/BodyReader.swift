import HTTPTypes
import Hummingbird
import HummingbirdCore
import JSON
import Logging
import NIOCore

/// Reads a request's body.
struct BodyReader: Sendable {
    private let settings: StudioSettings
    private let budget: ByteBudget
    private let pool: WorkPool

    init(settings: StudioSettings, pool: WorkPool) {
        self.pool = pool
        self.settings = settings
        budget = ByteBudget(limit: 4 * settings.maximumBodyBytes)
    }

    /// The body as JSON. Throws `ErrorReply` for one that is too large, too slow, of another type, and `InvalidRequest` for one
    /// that is no JSON.
    func json(_ request: Request, _ context: StudioContext) async throws -> JSONValue {
        if let type = request.headers[.contentType], !BodyReader.isJSON(type) {
            throw ErrorReply(.unsupportedMediaType, "the body must be JSON; send it as application/json")
        }
        let share = budget.share()
        defer { withExtendedLifetime(share) {} }
        let body = try await body(request, context, share)
        guard body.readableBytes > 0 else {
            throw InvalidRequest([
                ValidationProblem(location: ["body"], message: "Field required", type: "missing", input: .null)
            ])
        }
        do {
            return try await pool.run(size: body.readableBytes) {
                try body.withUnsafeReadableBytes { try JSONValue.parse($0) }
            }
        } catch let error as JSONError {
            throw InvalidRequest([
                ValidationProblem(
                    location: ["body", .integer(error.offset)], message: "JSON decode error", type: "json_invalid",
                    context: JSONObject([("error", .string(error.reason))]))
            ])
        }
    }

    /// The body as lines of text, whatever type it says it is. Throws `ErrorReply` for one that is too large or too slow.
    func lines(_ request: Request, _ context: StudioContext) async throws -> [[UInt8]] {
        let share = budget.share()
        let body = try await body(request, context, share)
        return withExtendedLifetime(share) {
            body.readableBytesView.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }.map(Array.init)
        }
    }

    private func body(
        _ request: Request, _ context: StudioContext, _ share: ByteBudget.Share
    ) async throws -> ByteBuffer {
        let body = try await bytes(request, context, share)
        if settings.logsContents {
            context.logger.info("body: \(String(decoding: body.readableBytesView.prefix(4096), as: UTF8.self))")
        }
        return body
    }

    private func bytes(
        _ request: Request, _ context: StudioContext, _ share: ByteBudget.Share
    ) async throws -> ByteBuffer {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }) {
            guard length <= settings.maximumBodyBytes else { throw tooLarge(context) }
            try take(length, share, context)
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
            try take(body.readableBytes + piece.readableBytes, share, context)
            body.writeBuffer(&piece)
        }
        return body
    }

    private func take(_ size: Int, _ share: ByteBudget.Share, _ context: StudioContext) throws {
        do { try share.grow(to: size) } catch {
            closeSoon(context)
            throw error
        }
    }

    private func tooLarge(_ context: StudioContext) -> ErrorReply {
        closeSoon(context)
        return ErrorReply(
            .contentTooLarge, "the body has more than \(settings.maximumBodyBytes) bytes; send fewer vectors at a time")
    }

    /// Closes a connection whose client may go on sending what nobody reads, once it had time to read the answer.
    private func closeSoon(_ context: StudioContext) {
        guard let channel = context.channel else { return }
        channel.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
    }

    private static func isJSON(_ type: String) -> Bool {
        let essence = type.prefix { $0 != ";" }.trimmingPrefix(" ").lowercased()
        let name = essence.reversed().drop { $0 == " " }.reversed()
        return String(name) == "application/json" || String(name).hasSuffix("+json")
    }
}
