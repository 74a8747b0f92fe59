import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

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
        var request = HTTPClientRequest(url: address)
        request.method = .POST
        request.headers.add(contentsOf: .init([("content-type", "application/json"), ("accept", "application/json")]))
        request.headers.add(contentsOf: .init(headers))
        request.body = .bytes(ByteBuffer(string: body))
        // The client's own deadline ends with the head of the answer; a body that trickles in must end too.
        let reply = await withTaskGroup(of: Reply.self) { [request] group in
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

    private func exchange(_ request: HTTPClientRequest) async -> Reply {
        do {
            let response = try await client.execute(request, deadline: .distantFuture)
            var body: [UInt8] = []
            for try await chunk in response.body {
                guard body.count + chunk.readableBytes <= longestAnswer else { return .tooLong }
                body.append(contentsOf: chunk.readableBytesView)
            }
            return .answer(
                status: Int(response.status.code), retryAfter: response.headers.first(name: "retry-after"),
                retryAfterMilliseconds: response.headers.first(name: "retry-after-ms"), body: body)
        } catch let error as HTTPClientError {
            return error == .connectTimeout ? .timedOut : .failed(error.shortDescription)
        } catch let error as IOError {
            return .failed(String(cString: strerror(error.errnoCode)))
        } catch {
            return .failed("\(error)")
        }
    }
}
