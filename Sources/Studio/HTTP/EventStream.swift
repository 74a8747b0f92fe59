import HTTPTypes
import Hummingbird
import HummingbirdCore
import JSON
import NIOCore

/// Server-sent events: a frame `data: …` for each JSON value.
struct EventStream {
    private var writer: any ResponseBodyWriter
    private let dialect: ErrorReply.Dialect

    /// What clients read as the end.
    static let done = "[DONE]"

    /// Frames that belong together go out together.
    mutating func send(_ frames: [JSONValue]) async throws {
        guard !frames.isEmpty else { return }
        try await write(frames.map(\.compact))
    }

    mutating func send(_ frame: JSONValue) async throws { try await send([frame]) }

    /// `data: [DONE]`
    mutating func sendDone() async throws { try await write([EventStream.done]) }

    private mutating func write(_ frames: [String]) async throws {
        try await writer.write(ByteBuffer(string: frames.map { "data: \($0)\n\n" }.joined()))
    }

    /// A response whose events `body` sends. The exchange ends with it. What goes wrong after the head has been sent is a frame,
    /// in the form of the dialect's errors, before the end.
    static func response(
        _ exchange: Exchange, _ dialect: ErrorReply.Dialect = .contract,
        _ body: @escaping @Sendable (inout EventStream) async throws -> Void
    ) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = "text/event-stream; charset=utf-8"
        headers[.cacheControl] = "no-cache"
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                defer { exchange.finish() }
                var events = EventStream(writer: writer, dialect: dialect)
                do {
                    try await body(&events)
                } catch {
                    guard let reply = ErrorReply(error) else { throw error }
                    var frame = reply.json(dialect).object ?? JSONObject()
                    if dialect == .contract { frame = JSONObject([("error", .string(reply.message))]) }
                    try await events.send(.object(frame))
                    try await events.sendDone()
                }
                try await writer.finish(nil)
            })
    }
}
