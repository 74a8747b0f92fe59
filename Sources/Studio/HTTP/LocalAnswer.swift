import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore

extension StudioServer {
    /// What a request came to.
    package struct LocalAnswer: Sendable {
        package let status: Int
        /// Names are lowercase; of equal names the last value counts.
        package let headers: [String: String]
        package let body: [UInt8]
    }

    /// Answers a request as if it had come through a connection, without one: for tests that ask very many. The whole answer is in
    /// memory at once. Nil for what no HTTP request can carry (a method or a name of a header with characters that are none).
    ///
    /// A server that only answers in this way is never run; end it with `close`.
    ///
    /// - Parameters:
    ///   - target: path and query.
    ///   - body: nil for none.
    package func answer(
        _ method: String, _ target: String, headers: [(String, String)], body: [UInt8]?
    ) async throws -> LocalAnswer? {
        guard let method = HTTPRequest.Method(rawValue: method) else { return nil }
        var fields = HTTPFields(), authority: String? = "localhost"
        for (name, value) in headers {
            guard let name = HTTPField.Name(name), HTTPField.isValidValue(value) else { return nil }
            if name.canonicalName == "host" {
                authority = value
            } else {
                fields.append(HTTPField(name: name, value: value))
            }
        }
        let head = HTTPRequest(method: method, scheme: "http", authority: authority, path: target, headerFields: fields)
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(bytes: body ?? [])))
        let response = try await responder.respond(to: request, context: StudioContext(logger: logger))
        let collected = CollectedBody()
        try await response.body.write(CollectingWriter(body: collected))
        let names = response.headers.map { ($0.name.canonicalName, $0.value) }
        return LocalAnswer(
            status: response.status.code, headers: Dictionary(names) { $1 },
            body: Array(collected.bytes.readableBytesView))
    }

    /// Ends a server that was never run.
    package func close() {
        models.stop()
        library?.close()
    }
}

/// A body in one piece.
private final class CollectedBody {
    var bytes = ByteBuffer()
}

private struct CollectingWriter: ResponseBodyWriter {
    let body: CollectedBody

    mutating func write(_ buffer: ByteBuffer) async throws { body.bytes.writeImmutableBuffer(buffer) }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
