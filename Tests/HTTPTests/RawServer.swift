import NIOCore
import NIOPosix
import Synchronization

/// A server on this machine that answers with bytes as a test says, HTTP or not.
final class RawServer: Sendable {
    /// What to do about a request.
    enum Reply: Sendable {
        /// Bytes; the connection stays open.
        case text(String)
        /// Bytes, then the end of the connection.
        case last(String)
        /// Nothing, for ever.
        case silence
    }
    /// A request as it came.
    struct Request: Sendable {
        /// Lines of the head.
        let lines: [String]
        let body: String
        /// How many came before it on this connection.
        let place: Int
        /// Method, path and version.
        var line: String { lines[0] }
        func header(_ name: String) -> String? {
            lines.first { $0.lowercased().hasPrefix(name + ":") }
                .map { $0.dropFirst(name.utf8.count + 1).drop { $0 == " " }.description }
        }
    }

    private let requestsSoFar = Mutex<[Request]>([])
    private let connectionsSoFar = Mutex(0)
    private let portOfServer = Mutex(0)

    /// Every request so far.
    var requests: [Request] { requestsSoFar.withLock { $0 } }
    /// Connections so far.
    var connections: Int { connectionsSoFar.withLock { $0 } }
    var port: Int { portOfServer.withLock { $0 } }
    var address: String { "http://127.0.0.1:\(port)" }

    /// Runs a server while `body` runs.
    static func run<Result>(
        _ script: @escaping @Sendable (Request) -> Reply, _ body: (RawServer) async throws -> Result
    ) async throws -> Result {
        let server = RawServer()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    server.connectionsSoFar.withLock { $0 += 1 }
                    try channel.pipeline.syncOperations.addHandler(Reader(server, script))
                }
            }.bind(host: "127.0.0.1", port: 0).get()
        server.portOfServer.withLock { $0 = channel.localAddress?.port ?? 0 }
        do {
            let result = try await body(server)
            try await channel.close().get()
            return result
        } catch {
            try? await channel.close().get()
            throw error
        }
    }

    /// Puts requests together from bytes.
    private final class Reader: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let server: RawServer
        private let script: @Sendable (Request) -> Reply
        private var text = ""
        private var place = 0

        init(_ server: RawServer, _ script: @escaping @Sendable (Request) -> Reply) {
            self.server = server
            self.script = script
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            text += String(buffer: unwrapInboundIn(data))
            while let request = next() {
                server.requestsSoFar.withLock { $0.append(request) }
                switch script(request) {
                case .text(let reply): context.writeAndFlush(NIOAny(ByteBuffer(string: reply)), promise: nil)
                case .last(let reply):
                    let channel = context.channel
                    channel.writeAndFlush(ByteBuffer(string: reply)).whenComplete { _ in channel.close(promise: nil) }
                    return
                case .silence: break
                }
            }
        }

        private func next() -> Request? {
            let bytes = Array(text.utf8)
            guard
                let end = (0..<max(0, bytes.count - 3)).first(where: {
                    bytes[$0..<$0 + 4].elementsEqual([13, 10, 13, 10])
                })
            else { return nil }
            let lines = String(decoding: bytes[..<end], as: UTF8.self).components("\r\n")
            let length =
                lines.first { $0.lowercased().hasPrefix("content-length:") }
                .flatMap { Int($0.dropFirst(15).drop { $0 == " " }) } ?? 0
            guard bytes.count >= end + 4 + length else { return nil }
            text = String(decoding: bytes[(end + 4 + length)...], as: UTF8.self)
            defer { place += 1 }
            return Request(
                lines: lines, body: String(decoding: bytes[end + 4..<end + 4 + length], as: UTF8.self), place: place)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

extension String {
    /// Parts between a separator.
    fileprivate func components(_ separator: String) -> [String] {
        var parts: [String] = [], rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }

    /// A whole answer with status 200 and this body.
    static func answer(_ body: String) -> String {
        "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }
}
