import HTTP

/// Sends one request and brings back the whole answer, in bounded time and space.
struct HTTPTransport: Sendable {
    /// What came back.
    enum Reply: Sendable {
        case answer(status: Int, retryAfter: String?, retryAfterMilliseconds: String?, body: [UInt8])
        case tooLong
        case timedOut
        case failed(String)
    }

    let client: HTTPClient
    let timeout: Duration
    let longestAnswer: Int

    /// - Throws: `CancellationError` only.
    func post(_ address: String, headers: [(String, String)], body: String) async throws -> Reply {
        let types = [("content-type", "application/json"), ("accept", "application/json")]
        let request = HTTPRequest("POST", address, headers: types + headers, body: Array(body.utf8))
        // The client's own limit is on silence; a body that trickles in must end too.
        let reply = await withTaskGroup(of: Reply.self) { group in
            group.addTask { await exchange(request) }
            group.addTask {
                try? await Task.sleep(for: timeout)
                return .timedOut
            }
            defer { group.cancelAll() }
            return await group.next() ?? .timedOut
        }
        try Task.checkCancellation()
        return reply
    }

    private func exchange(_ request: HTTPRequest) async -> Reply {
        do {
            let (head, body) = try await client.fetch(request, limit: longestAnswer)
            return .answer(
                status: head.status, retryAfter: head.header("retry-after"),
                retryAfterMilliseconds: head.header("retry-after-ms"), body: body)
        } catch is HTTPClient.TooLong {
            return .tooLong
        } catch HTTPFailure.connectTimeout {
            return .timedOut
        } catch {
            return .failed("\(error)")
        }
    }
}
