import JSON
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP server on this machine that answers as a test says, however badly.
public final class ScriptedServer: Sendable {
    /// A request as it came.
    public struct Request: Sendable {
        /// How many came before it.
        public let number: Int
        /// Method and path.
        public let line: String
        /// The body; null if it was no JSON.
        public let body: JSONValue
        private let headers: HTTPHeaders

        init(number: Int, head: HTTPRequestHead, body: ByteBuffer) {
            self.number = number
            line = "\(head.method) \(head.uri)"
            headers = head.headers
            self.body = (try? JSONValue.parse(Array(body.readableBytesView))) ?? .null
        }

        /// A header's value.
        public func header(_ name: String) -> String? { headers.first(name: name) }

        /// What the user asks.
        public var question: String { body["messages"]?.array?.last?["content"]?.string ?? "" }
    }

    /// What to do about a request.
    public enum Reply: Sendable {
        /// A proper answer.
        case answer(status: Int = 200, type: String = "application/json", headers: [String: String] = [:], String)
        /// An answer that ends in the middle with the connection.
        case brokenOff
        /// The connection closes without a word.
        case closed
        /// Nothing, for ever.
        case silence
        /// A byte of the body every few milliseconds, for ever.
        case drip
        /// A body of that many bytes.
        case huge(Int)
    }

    /// The address, as a client wants it.
    public let address: String
    private let channel: any Channel
    private let script: @Sendable (Request) async -> Reply
    private let state = Mutex(State())

    private struct State {
        var requests: [Request] = []
        var inside = 0
        var peak = 0
    }

    /// Every request so far.
    public var requests: [Request] { state.withLock { $0.requests } }
    /// Most requests that were being answered at one time.
    public var peak: Int { state.withLock { $0.peak } }

    /// Runs a server while `body` runs.
    public static func run<Result>(
        _ script: @escaping @Sendable (Request) async -> Reply, _ body: (ScriptedServer) async throws -> Result
    ) async throws -> Result {
        let connector = Connector()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes))
                    try channel.pipeline.syncOperations.addHandler(decoder)
                    try channel.pipeline.syncOperations.addHandler(Collector(connector))
                }
            }.bind(host: "127.0.0.1", port: 0).get()
        let server = ScriptedServer(channel, script)
        connector.server.withLock { $0 = server }
        do {
            let result = try await body(server)
            try await channel.close().get()
            return result
        } catch {
            try? await channel.close().get()
            throw error
        }
    }

    private init(_ channel: any Channel, _ script: @escaping @Sendable (Request) async -> Reply) {
        self.channel = channel
        self.script = script
        address = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)"
    }

    fileprivate func received(_ head: HTTPRequestHead, _ body: ByteBuffer, on channel: any Channel) {
        let request = state.withLock { state in
            let request = Request(number: state.requests.count, head: head, body: body)
            state.requests.append(request)
            state.inside += 1
            state.peak = max(state.peak, state.inside)
            return request
        }
        Task(executorPreference: LoopExecutor(loop: channel.eventLoop)) { [self] in
            let reply = await script(request)
            state.withLock { $0.inside -= 1 }
            try? await send(reply, on: channel)
        }
    }

    private func send(_ reply: Reply, on channel: any Channel) async throws {
        func write(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)).get() }
        switch reply {
        case .answer(let status, let type, let headers, let body):
            let lines = headers.map { "\($0): \($1)\r\n" }.joined()
            try await write(
                "HTTP/1.1 \(status) Status\r\ncontent-type: \(type)\r\ncontent-length: \(body.utf8.count)\r\n"
                    + lines + "\r\n" + body)
        case .brokenOff:
            try await write("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"content\": [")
            try await channel.close().get()
        case .closed: try await channel.close().get()
        case .silence: break
        case .drip:
            try await write("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
            while channel.isActive {
                try await write(" ")
                try await Task.sleep(for: .milliseconds(5))
            }
        case .huge(let count):
            try await write("HTTP/1.1 200 OK\r\ncontent-length: \(count)\r\n\r\n")
            let piece = String(repeating: " ", count: 1 << 16)
            for _ in 0..<count / piece.utf8.count { try await write(piece) }
        }
    }
}

/// Tells connections of the server, which does not exist yet when the first could come.
private final class Connector: Sendable {
    let server = Mutex<ScriptedServer?>(nil)
}

/// Puts the parts of a request together.
private final class Collector: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    private let connector: Connector
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()

    init(_ connector: Connector) { self.connector = connector }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body.clear()
        case .body(var part): body.writeBuffer(&part)
        case .end:
            guard let head else { return }
            connector.server.withLock { $0 }?.received(head, body, on: context.channel)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
