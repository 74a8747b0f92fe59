import Foundation
import JSON
import NIOCore
import NIOHTTP1
import NIOPosix
import ScriptedServer
import Synchronization

/// A hub on this machine that speaks the public protocol, with a storage host on another port, and misbehaves as a test says.
public final class ScriptedHub: Sendable {
    /// A request as it came.
    public struct Request: Sendable {
        /// How many came before it.
        public let number: Int
        /// Whether the storage host was asked, not the hub.
        public let isStorage: Bool
        /// `GET`, `HEAD`.
        public let method: String
        /// Path and query as they stood on the line.
        public let uri: String
        let headers: HTTPHeaders

        /// A header's value.
        public func header(_ name: String) -> String? { headers.first(name: name) }
        /// Whether it asks for the bytes of a file whose path ends so.
        public func fetches(_ file: String) -> Bool { method == "GET" && !uri.hasPrefix("/api/") && uri.contains(file) }
    }

    /// What goes wrong with an answer.
    public enum Fault: Sendable {
        /// The connection ends after so many bytes of the body.
        case cut(after: Int)
        /// The connection ends without a word.
        case closed
        /// Nothing comes, for ever.
        case silence
        /// Another status.
        case status(Int, headers: [String: String] = [:], body: String = "")
        /// All of the file, whatever was asked for.
        case ignoredRange
        /// As many bytes, but others.
        case otherBytes
        /// The whole body and its length are so much longer or shorter.
        case length(by: Int)
        /// The hub's own headers are replaced; an empty value takes one away.
        case headers([String: String])
    }

    /// The hub's address.
    public let endpoint: String
    /// The storage host's.
    public let storage: String
    private let channels: [any Channel]
    private let state: Mutex<State>

    struct State {
        var repositories: [Repository] = []
        var blobs: [String: Repository.Content] = [:]
        var requests: [Request] = []
        var fault: @Sendable (Request) -> Fault? = { _ in nil }
        var sent = 0
        var budget: Int?
        var exhausted: [CheckedContinuation<Void, Never>] = []
        var isOver = false
        var token: String?
        var pageSize = 1000
        var inside = 0, peak = 0
    }

    /// Every request so far.
    public var requests: [Request] { state.withLock { $0.requests } }
    /// Bytes of files that were sent.
    public var sent: Int { state.withLock { $0.sent } }
    /// Most requests for bytes that were being answered at one time.
    public var peak: Int { state.withLock { $0.peak } }

    /// What goes wrong from now on.
    public func misbehave(_ fault: @escaping @Sendable (Request) -> Fault?) { state.withLock { $0.fault = fault } }
    /// Nothing goes wrong any more, and the requests so far are forgotten.
    public func behave() {
        state.withLock {
            $0.fault = { _ in nil }
            $0.requests = []
            $0.sent = 0
            $0.budget = nil
        }
    }
    /// The only token that private and gated repositories are shown for; also no other token is then accepted.
    public func accept(token: String) { state.withLock { $0.token = token } }
    /// Files on a page of a listing.
    public func setPageSize(_ count: Int) { state.withLock { $0.pageSize = count } }

    /// Adds a repository, or puts it in the place of the one with its name.
    public func add(_ repository: Repository) {
        state.withLock { state in
            state.repositories.removeAll { $0.kind == repository.kind && $0.id == repository.id }
            state.repositories.append(repository)
            for file in repository.commits.values.flatMap({ $0 }) where file.isLarge {
                state.blobs[file.content.sha256] = file.content
            }
        }
    }

    /// Sends so many more bytes of files and then no more, until `behave`.
    public func limit(_ count: Int) {
        state.withLock {
            $0.budget = count
            $0.isOver = false
        }
    }

    /// Returns when the limit is reached, or somebody says that it will not be.
    public func waitForLimit() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.isOver { state.exhausted.append(continuation) }
                return state.isOver
            }
            if isOver { continuation.resume() }
        }
    }

    /// Ends the wait for bytes that nobody asks for.
    public func endWaiting() {
        let all = state.withLock { state in
            state.isOver = true
            defer { state.exhausted = [] }
            return state.exhausted
        }
        for one in all { one.resume() }
    }

    /// Runs a hub while `body` runs.
    public static func run<Result>(_ body: (ScriptedHub) async throws -> Result) async throws -> Result {
        let hub = try await ScriptedHub()
        do {
            let result = try await body(hub)
            await hub.close()
            return result
        } catch {
            await hub.close()
            throw error
        }
    }

    /// Starts a hub.
    ///
    /// - Parameter port: of the hub; 0 for any that is free.
    public init(port: Int = 0) async throws {
        let connector = Connector()
        var channels: [any Channel] = []
        for isStorage in [false, true] {
            channels.append(
                try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                    .serverChannelOption(.backlog, value: 256)
                    .childChannelInitializer { channel in
                        channel.pipeline.configureHTTPServerPipeline(withErrorHandling: true).flatMapThrowing {
                            try channel.pipeline.syncOperations.addHandler(Receiver(connector, isStorage))
                        }
                    }.bind(host: "127.0.0.1", port: isStorage ? 0 : port).get())
        }
        self.channels = channels
        endpoint = "http://127.0.0.1:\(channels[0].localAddress?.port ?? 0)"
        storage = "http://127.0.0.1:\(channels[1].localAddress?.port ?? 0)"
        state = Mutex(State())
        connector.hub.withLock { $0 = self }
    }

    /// Ends it.
    public func close() async {
        endWaiting()
        for channel in channels { try? await channel.close().get() }
    }

    // MARK: Answering

    fileprivate func received(_ head: HTTPRequestHead, isStorage: Bool, on channel: any Channel) {
        let (request, fault) = state.withLock { state in
            let request = Request(
                number: state.requests.count, isStorage: isStorage, method: head.method.rawValue, uri: head.uri,
                headers: head.headers)
            state.requests.append(request)
            return (request, state.fault)
        }
        Task(executorPreference: LoopExecutor(loop: channel.eventLoop)) { [self] in
            let answer = isStorage ? storageAnswer(request) : hubAnswer(request)
            if answer.content != nil {
                state.withLock {
                    $0.inside += 1
                    $0.peak = max($0.peak, $0.inside)
                }
            }
            try? await send(answer, fault(request), request, on: channel)
            if answer.content != nil { state.withLock { $0.inside -= 1 } }
        }
    }

    struct Answer {
        var status = 200
        var headers: [(String, String)] = []
        var text = ""
        var content: Repository.Content?
    }

    func withState<Result>(_ body: (inout sending State) -> sending Result) -> sending Result { state.withLock(body) }

    private func storageAnswer(_ request: Request) -> Answer {
        let hash = request.uri.split(separator: "?")[0].split(separator: "/").last.map(String.init) ?? ""
        guard request.uri.contains("signature="), let content = state.withLock({ $0.blobs[hash] }) else {
            return Answer(status: 403, text: "no such thing, or no signature")
        }
        return Answer(
            headers: [("etag", "\"storage-\(hash.prefix(8))\""), ("accept-ranges", "bytes")], content: content)
    }

    private func send(_ answer: Answer, _ fault: Fault?, _ request: Request, on channel: any Channel) async throws {
        var answer = answer, cut: Int?, lengthChange = 0, ignoresRange = false, spoils = false
        switch fault {
        case .closed: return try await channel.close().get()
        case .silence: return
        case .status(let status, let headers, let body):
            answer = Answer(status: status, headers: headers.map { ($0.key, $0.value) }, text: body)
        case .headers(let changes):
            answer.headers.removeAll { header in changes.keys.contains { $0.lowercased() == header.0.lowercased() } }
            answer.headers += changes.filter { !$0.value.isEmpty }.map { ($0.key, $0.value) }
        case .cut(let count): cut = count
        case .length(let change): lengthChange = change
        case .ignoredRange: ignoresRange = true
        case .otherBytes: spoils = true
        case nil: break
        }
        var status = answer.status, range = 0..<(answer.content?.count ?? answer.text.utf8.count)
        if let content = answer.content, let asked = request.header("range"), !ignoresRange {
            guard let wanted = Self.range(asked, content.count) else {
                let head = HTTPResponseHead(
                    version: .http1_1, status: .rangeNotSatisfiable,
                    headers: ["content-range": "bytes */\(content.count)", "content-length": "0"])
                return try await write([.head(head), .end(nil)], channel)
            }
            status = 206
            range = wanted
            answer.headers.append(
                ("content-range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(content.count)"))
        }
        answer.headers.append(("content-length", "\(max(0, range.count + lengthChange))"))
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: HTTPHeaders(answer.headers))
        guard request.method != "HEAD" else { return try await write([.head(head), .end(nil)], channel) }
        try await write([.head(head)], channel)
        if let content = answer.content {
            let wanted = range.lowerBound..<max(range.lowerBound, range.upperBound + min(0, lengthChange))
            try await send(content, wanted, cut: cut, spoils: spoils, on: channel)
            if lengthChange > 0 {
                let rest = String(repeating: "x", count: lengthChange)
                try await write([.body(.byteBuffer(ByteBuffer(string: rest)))], channel)
            }
        } else {
            let text = cut.map { String(answer.text.prefix($0)) } ?? answer.text
            try await write([.body(.byteBuffer(ByteBuffer(string: text)))], channel)
        }
        if cut != nil { return try await channel.close().get() }
        try await write([.end(nil)], channel)
    }

    private func send(
        _ content: Repository.Content, _ range: Range<Int>, cut: Int?, spoils: Bool, on channel: any Channel
    ) async throws {
        let range = range.lowerBound..<min(range.upperBound, range.lowerBound + (cut ?? range.count))
        if case .file(let url, _, _) = content {
            let handle = try Self.handle(url)
            defer { try? handle.close() }
            let region = FileRegion(fileHandle: handle, readerIndex: range.lowerBound, endIndex: range.upperBound)
            return try await write([.body(.fileRegion(region))], channel)
        }
        guard case .bytes(let bytes, _) = content else { return }
        var at = range.lowerBound
        while at < range.upperBound {
            let wanted = min(1 << 16, range.upperBound - at)
            // Nil for no limit.
            let (count, isEnd) = state.withLock { state -> (Int, Bool) in
                guard let budget = state.budget else {
                    state.sent += wanted
                    return (wanted, false)
                }
                let count = min(wanted, budget)
                state.budget = budget - count
                state.sent += count
                return (count, count == budget)
            }
            if count > 0 {
                var part = ByteBuffer(bytes: bytes[at..<at + count])
                if spoils { part.setInteger(part.getInteger(at: 0, as: UInt8.self)! ^ 1, at: 0) }
                try await write([.body(.byteBuffer(part))], channel)
            }
            at += count
            if isEnd {
                endWaiting()
                // The connection stays open and says nothing more.
                return try await channel.closeFuture.get()
            }
        }
    }

    /// Opening a file may take time, which nobody minds here.
    private static func handle(_ url: URL) throws -> NIOFileHandle { try NIOFileHandle(_deprecatedPath: url.path) }

    private func write(_ parts: [HTTPServerResponsePart], _ channel: any Channel) async throws {
        for part in parts.dropLast() { channel.write(part, promise: nil) }
        if let last = parts.last { try await channel.writeAndFlush(last).get() }
    }

    private static func range(_ header: String, _ count: Int) -> Range<Int>? {
        guard let match = header.wholeMatch(of: /bytes=(\d+)-(\d*)/), let first = Int(match.1), first < count else {
            return nil
        }
        return first..<min(count, (Int(match.2) ?? count - 1) + 1)
    }
}

/// Tells connections of the hub, which does not exist yet when the first could come.
private final class Connector: Sendable {
    let hub = Mutex<ScriptedHub?>(nil)
}

private final class Receiver: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    private let connector: Connector
    private let isStorage: Bool
    private var head: HTTPRequestHead?

    init(_ connector: Connector, _ isStorage: Bool) {
        self.connector = connector
        self.isStorage = isStorage
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head else { return }
            connector.hub.withLock { $0 }?.received(head, isStorage: isStorage, on: context.channel)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
