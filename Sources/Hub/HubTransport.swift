import Foundation
import HTTP
import Synchronization

/// The head of an answer.
typealias HubHead = HTTPHead

extension HTTPHead {
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
        guard HTTPClient.isAvailable else { throw HubError(.settings, HTTPClient.absence) }
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
        for client in all { await client.close() }
    }

    private func client(for origin: HubOrigin) -> HTTPClient {
        let proxy = settings.proxies.proxy(for: origin)
        return clients.withLock { clients in
            if let client = clients[proxy] { return client }
            var wanted = HTTPClient.Settings()
            wanted.connectTimeout = settings.connectTimeout
            wanted.readTimeout = settings.readTimeout
            wanted.proxy = proxy.map { proxy in
                HTTPProxy(
                    host: proxy.host, port: proxy.port, isSOCKS: proxy.isSOCKS, user: proxy.user,
                    password: proxy.password)
            }
            let client = HTTPClient(wanted)
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
        _ method: String, _ address: String, headers: [(String, String)] = [],
        onHead: @escaping @Sendable (HubHead) throws -> Void = { _ in },
        onBody: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void = { _ in }
    ) async throws -> HubHead {
        guard let origin = HubOrigin(address) else { throw TransportFailure.redirect("no address: \(address)") }
        // What is compressed on the way has another length, and cannot be resumed.
        var all = headers + [("user-agent", "interlinear"), ("accept-encoding", "identity")]
        if origin == hub, let token = settings.token { all.append(("authorization", "Bearer " + token.value)) }
        do {
            // Redirects come back as answers, and every step of the way is looked at here: the token stays with the hub.
            let request = HTTPRequest(method, address, headers: all)
            return try await client(for: origin).exchange(request, onHead: onHead, onBody: onBody)
        } catch {
            try Task.checkCancellation()
            throw Self.failure(error)
        }
    }

    /// What a failed connection means, in a few words.
    private static func failure(_ error: any Error) -> any Error {
        switch error {
        case let error as HTTPFailure:
            switch error {
            case .unreachable, .connectTimeout: TransportFailure.absent("\(error)")
            case .silence, .cut, .notHTTP, .other: TransportFailure.broken("\(error)")
            }
        case is any PassedOn, is CancellationError: error
        default: TransportFailure.broken("\(error)")
        }
    }

    /// Makes a request whose answer is small, and follows redirects that stay on one host, as renamed repositories give them.
    ///
    /// - Parameter limit: bytes of the body beyond which it is not read.
    func ask(
        _ method: String, _ address: String, limit: Int = 64 << 20
    ) async throws -> (
        head: HubHead, body: [UInt8], address: String
    ) {
        var address = address
        for _ in 0..<10 {
            let body = Mutex<[UInt8]>([])
            let head = try await exchange(
                method, address,
                onBody: { piece in
                    try body.withLock { bytes in
                        guard bytes.count + piece.count <= limit else {
                            throw TransportFailure.redirect("an answer without end")
                        }
                        bytes.append(contentsOf: piece)
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
