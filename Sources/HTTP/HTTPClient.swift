import CCurl

/// Makes HTTP/1.1 requests over connections that are kept for the next ones.
///
///     let client = HTTPClient()
///     let (head, body) = try await client.fetch(HTTPRequest("GET", "https://example.org"), limit: 1 << 20)
///     await client.close()
///
/// The system's libcurl makes them, on one thread for each client. Redirects are answers like others: nobody follows them here. Nothing is
/// taken from the environment, no proxy and no password file: who makes a client decides. A request is sent once; only one without a body,
/// on a kept connection that turns out to be closed, is sent again.
package final class HTTPClient: Sendable {
    /// How a client connects and waits.
    package struct Settings: Sendable {
        /// Longest time to connect, from the host's name to the end of TLS's greetings.
        package var connectTimeout: Duration = .seconds(10)
        /// Longest time in which a server may say nothing once the connection stands; nil for no limit.
        package var readTimeout: Duration?
        /// A kept connection that was idle for longer is not used again; whole seconds, at least one.
        package var idleTimeout: Duration = .seconds(118)
        /// The proxy; nil for none.
        package var proxy: HTTPProxy?

        package init() {}
    }

    /// Whether this machine has libcurl, 7.68 or later. Without it nothing can be asked.
    package static let isAvailable = ccurl_load()
    /// What to say where it has none.
    package static let absence =
        "nothing can be fetched without libcurl: install libcurl4 (Debian, Ubuntu) or libcurl (Fedora)"

    private let settings: Settings
    private let loop = TransferLoop()

    /// A client with a thread of its own. ``close()`` ends it.
    package init(_ settings: Settings = Settings()) {
        self.settings = settings
        loop.start()
    }

    deinit { loop.end() }

    /// Lends a client to `body` and closes its connections afterwards.
    @discardableResult
    package static func lend<Result: Sendable>(
        _ settings: Settings = Settings(), _ body: @Sendable (HTTPClient) async throws -> Result
    ) async throws -> Result {
        let client = HTTPClient(settings)
        do {
            let result = try await body(client)
            await client.close()
            return result
        } catch {
            await client.close()
            throw error
        }
    }

    /// Breaks off what is going on, and closes all connections.
    package func close() async { await loop.close() }

    /// Makes one request and takes the answer piece by piece.
    ///
    /// - Parameters:
    ///   - onHead: sees the head before the body, and may refuse it by throwing.
    ///   - onBody: takes the body's bytes in order. The next are read when these are taken: memory does not grow with a body.
    ///     Both run on the client's thread, and may not wait for another request of the client.
    /// - Returns: the head.
    /// - Throws: ``HTTPFailure``, `CancellationError`, or what the closures throw.
    package func exchange(
        _ request: HTTPRequest, onHead: @escaping @Sendable (HTTPHead) throws -> Void = { _ in },
        onBody: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void = { _ in }
    ) async throws -> HTTPHead {
        let transfer = try Transfer(request, settings, onHead: onHead, onBody: onBody)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { loop.begin(transfer, $0) }
        } onCancel: {
            loop.cancel(transfer)
        }
    }

    /// A body that was longer than its limit.
    package struct TooLong: Error {}

    /// Makes one request and returns the whole answer.
    ///
    /// - Parameter limit: bytes of the body beyond which it is not read.
    /// - Throws: ``HTTPFailure``, `CancellationError`, or ``TooLong``.
    package func fetch(_ request: HTTPRequest, limit: Int) async throws -> (head: HTTPHead, body: [UInt8]) {
        let body = Collected()
        let head = try await exchange(
            request,
            onBody: { bytes in
                guard body.count + bytes.count <= limit else { throw TooLong() }
                body.append(bytes)
            })
        return (head, body.bytes)
    }
}
