import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// The head of an answer.
struct HubHead: Sendable {
    let status: Int
    let headers: HTTPHeaders

    func header(_ name: String) -> String? { headers.first(name: name) }
    func number(_ name: String) -> Int? { header(name).flatMap { Int($0) } }
}

/// An error of ours, which passes through the client as it is.
protocol PassedOn: Error {}

extension HubError: PassedOn {}

/// What went wrong between the hub and here, before anybody has decided what follows.
enum TransportFailure: PassedOn {
    /// Nobody is there: no such host, no way to it, nobody who listens.
    case absent(String)
    /// A cut connection, or silence.
    case broken(String)
    /// More redirects than make sense, or one that leads where nothing may be asked.
    case redirect(String)
}

/// Sends requests, the token only to the hub itself.
///
/// Bodies are taken on the connection's own thread as they come, and the next bytes are read when the last are taken: memory does not
/// grow with a file, and a slow disk slows the sender.
final class HubTransport: Sendable {
    private let settings: HubSettings
    private let hub: HubOrigin?
    private let clients = Mutex<[HubProxies.Proxy?: HTTPClient]>([:])

    private init(_ settings: HubSettings) {
        self.settings = settings
        hub = HubOrigin(settings.endpoint)
    }

    /// Lends a transport to `body` and closes its connections afterwards.
    static func connect<Result: Sendable>(
        _ settings: HubSettings, _ body: @Sendable (HubTransport) async throws -> Result
    ) async throws -> Result {
        let transport = HubTransport(settings)
        do {
            let result = try await body(transport)
            await transport.close()
            return result
        } catch {
            await transport.close()
            throw error
        }
    }

    private func close() async {
        let all = clients.withLock { clients in
            defer { clients = [:] }
            return Array(clients.values)
        }
        for client in all { try? await client.shutdown() }
    }

    private func client(for origin: HubOrigin) -> HTTPClient {
        let proxy = settings.proxies.proxy(for: origin)
        return clients.withLock { clients in
            if let client = clients[proxy] { return client }
            var configuration = HTTPClient.Configuration()
            // Every step of the way is looked at here: the token stays with the hub.
            configuration.redirectConfiguration = .disallow
            configuration.timeout = .init(
                connect: .milliseconds(max(1, Int64(settings.connectTimeout / .milliseconds(1)))),
                read: .milliseconds(max(1, Int64(settings.readTimeout / .milliseconds(1)))))
            // One window for all streams of an HTTP/2 connection would be the limit of them all.
            configuration.httpVersion = .http1Only
            configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = settings.connections + 2
            configuration.connectionPool.retryConnectionEstablishment = false
            configuration.proxy = proxy.map { proxy in
                if proxy.isSOCKS { return .socksServer(host: proxy.host, port: proxy.port) }
                guard let user = proxy.user else { return .server(host: proxy.host, port: proxy.port) }
                return .server(
                    host: proxy.host, port: proxy.port,
                    authorization: .basic(username: user, password: proxy.password ?? ""))
            }
            let client = HTTPClient(
                eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton), configuration: configuration)
            clients[proxy] = client
            return client
        }
    }

    /// Whether an address is on the hub itself.
    func isOnHub(_ address: String) -> Bool { HubOrigin(address) == hub }

    /// Makes one request and takes the answer's body piece by piece.
    ///
    /// - Parameters:
    ///   - onHead: sees the head before the body, and may refuse it by throwing.
    ///   - onBody: takes bytes, on a connection's thread, in order.
    /// - Returns: the head.
    /// - Throws: ``TransportFailure``, `CancellationError`, or what the closures throw.
    func exchange(
        _ method: HTTPMethod, _ address: String, headers: [(String, String)] = [],
        onHead: @escaping @Sendable (HubHead) throws -> Void = { _ in },
        onBody: @escaping @Sendable (ByteBuffer) throws -> Void = { _ in }
    ) async throws -> HubHead {
        guard let origin = HubOrigin(address) else { throw TransportFailure.redirect("no address: \(address)") }
        var all = HTTPHeaders(headers)
        all.replaceOrAdd(name: "user-agent", value: "interlinear")
        // What is compressed on the way has another length, and cannot be resumed.
        all.replaceOrAdd(name: "accept-encoding", value: "identity")
        if origin == hub, let token = settings.token { all.add(name: "authorization", value: "Bearer " + token.value) }
        let delegate = Delegate(onHead: onHead, onBody: onBody)
        do {
            try Task.checkCancellation()
            let request = try HTTPClient.Request(url: address, method: method, headers: all)
            let task = client(for: origin).execute(request: request, delegate: delegate)
            return try await withTaskCancellationHandler {
                try await task.futureResult.get()
            } onCancel: {
                task.cancel()
            }
        } catch {
            try Task.checkCancellation()
            throw Self.failure(error)
        }
    }

    /// What a failed connection means, in a few words.
    private static func failure(_ error: any Error) -> any Error {
        switch error {
        case let error as HTTPClientError:
            switch error {
            case .connectTimeout: TransportFailure.absent("no connection in time")
            case .readTimeout, .deadlineExceeded: TransportFailure.broken("silence")
            case .remoteConnectionClosed: TransportFailure.broken("the connection was cut")
            default: TransportFailure.broken(error.shortDescription)
            }
        case let error as IOError:
            [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH].contains(error.errnoCode)
                ? TransportFailure.absent(String(cString: strerror(error.errnoCode)))
                : TransportFailure.broken(String(cString: strerror(error.errnoCode)))
        case is NIOConnectionError: TransportFailure.absent("no connection")
        case is HTTPParserError: TransportFailure.broken("the answer is no HTTP, or ends in the middle")
        case is ChannelError: TransportFailure.broken("the connection was cut")
        case is any PassedOn, is CancellationError: error
        default: TransportFailure.broken("\(error)")
        }
    }

    /// Makes a request whose answer is small, and follows redirects that stay on one host, as renamed repositories give them.
    ///
    /// - Parameter limit: bytes of the body beyond which it is not read.
    func ask(
        _ method: HTTPMethod, _ address: String, limit: Int = 64 << 20
    ) async throws -> (
        head: HubHead, body: [UInt8], address: String
    ) {
        var address = address
        for _ in 0..<10 {
            let body = Mutex<[UInt8]>([])
            let head = try await exchange(
                method, address,
                onBody: { buffer in
                    try body.withLock { bytes in
                        guard bytes.count + buffer.readableBytes <= limit else {
                            throw TransportFailure.redirect("an answer without end")
                        }
                        bytes.append(contentsOf: buffer.readableBytesView)
                    }
                })
            if (300..<400).contains(head.status), let location = head.header("location") {
                let target = Self.resolve(location, from: address)
                if HubOrigin(target) == HubOrigin(address) {
                    address = target
                    continue
                }
            }
            return (head, body.withLock { $0 }, address)
        }
        throw TransportFailure.redirect("redirects without end")
    }

    /// The address that a `Location` means.
    static func resolve(_ location: String, from address: String) -> String {
        URL(string: location, relativeTo: URL(string: address))?.absoluteString ?? location
    }
}

/// Hands the pieces of one answer on.
private final class Delegate: HTTPClientResponseDelegate {
    typealias Response = HubHead
    private let onHead: @Sendable (HubHead) throws -> Void
    private let onBody: @Sendable (ByteBuffer) throws -> Void
    private let head = Mutex<HubHead?>(nil)

    init(
        onHead: @escaping @Sendable (HubHead) throws -> Void, onBody: @escaping @Sendable (ByteBuffer) throws -> Void
    ) {
        self.onHead = onHead
        self.onBody = onBody
    }

    func didReceiveHead(task: HTTPClient.Task<HubHead>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        let head = HubHead(status: Int(head.status.code), headers: head.headers)
        self.head.withLock { $0 = head }
        do {
            try onHead(head)
            return task.eventLoop.makeSucceededVoidFuture()
        } catch { return task.eventLoop.makeFailedFuture(error) }
    }

    func didReceiveBodyPart(task: HTTPClient.Task<HubHead>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
        do {
            try onBody(buffer)
            return task.eventLoop.makeSucceededVoidFuture()
        } catch { return task.eventLoop.makeFailedFuture(error) }
    }

    func didFinishRequest(task: HTTPClient.Task<HubHead>) throws -> HubHead {
        guard let head = head.withLock({ $0 }) else { throw TransportFailure.broken("no answer") }
        return head
    }
}
