import Foundation
import Hub
import NIOCore
import NIOPosix
import ScriptedHub
import Synchronization
import Testing

/// A proxy that connects to whatever it is asked for, and notes what that was.
private final class ConnectProxy: Sendable {
    /// First lines and the lines about who asks.
    let heads = Mutex<[String]>([])
    private let channel = Mutex<(any Channel)?>(nil)

    var port: Int { channel.withLock { $0?.localAddress?.port ?? 0 } }

    func start() async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Head(self)) }
            }.bind(host: "127.0.0.1", port: 0).get()
        self.channel.withLock { $0 = channel }
    }

    func stop() async { try? await channel.withLock { $0 }?.close().get() }

    /// Reads the head of a request, connects, and passes bytes on from then.
    private final class Head: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let proxy: ConnectProxy
        private var text = ""
        private var other: (any Channel)?

        init(_ proxy: ConnectProxy) { self.proxy = proxy }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = unwrapInboundIn(data)
            if let other { return other.writeAndFlush(bytes, promise: nil) }
            text += String(buffer: bytes)
            guard text.hasSuffix("\r\n\r\n") else { return }
            proxy.heads.withLock { $0.append(text) }
            let target = text.split(separator: " ")[1].split(separator: ":"), port = Int(target[1]) ?? 0
            let client = context.channel
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            ClientBootstrap(group: context.eventLoop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(PassOn(client))
                    }
                }.connect(host: String(target[0]), port: port).whenSuccess { channel in
                    bound.value.other = channel
                    client.writeAndFlush(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n"), promise: nil)
                }
        }

        func channelInactive(context: ChannelHandlerContext) { other?.close(promise: nil) }
    }

    private final class PassOn: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let client: any Channel
        init(_ client: any Channel) { self.client = client }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            client.writeAndFlush(unwrapInboundIn(data), promise: nil)
        }
        func channelInactive(context: ChannelHandlerContext) { client.close(promise: nil) }
    }
}

@Suite struct ProxyTests {
    @Test func aProxyIsAskedAndIsToldWhoAsks() async throws {
        try await withBench { bench in
            let proxy = ConnectProxy()
            try await proxy.start()
            let address = "http://us%40er:pass@127.0.0.1:\(proxy.port)"
            let hub = try bench.hub(["HTTP_PROXY": address])
            let snapshot = try await hub.resolve(HubReference("org/name"))
            #expect(try isWhole(snapshot.folder, repository()))
            let heads = proxy.heads.withLock { $0 }, places = [bench.server.endpoint, bench.server.storage]
            for place in places {
                let line = "CONNECT \(place.dropFirst(7)) HTTP/1.1"
                #expect(heads.contains { $0.hasPrefix(line) }, "\(line)")
            }
            let login = Data("us@er:pass".utf8).base64EncodedString()
            #expect(heads.allSatisfy { $0.contains("Basic \(login)") })
            await proxy.stop()
        }
    }

    @Test func whatNeedsNoProxyIsReachedWithout() async throws {
        try await withBench { bench in
            for exception in ["127.0.0.1", "*", "example.org, 127.0.0.1"] {
                let hub = try bench.hub(["HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": exception])
                _ = try await hub.resolve(HubReference("org/name"), freshness: .latest)
            }
            let error = try await bench.failure("org/name", bench.hub(["http_proxy": "127.0.0.1:1"]))
            #expect(error?.kind == .unreachable)
        }
    }

    @Test func exceptionsAreHostsDomainsAndPorts() throws {
        let proxies = try HubProxies([
            "https_proxy": "http://proxy:3128", "ALL_PROXY": "socks5://other",
            "no_proxy": "localhost,.internal.example,*.star.example,one.example:8443",
        ])
        func host(_ address: String) throws -> String? { proxies.proxy(for: try #require(HubOrigin(address)))?.host }
        #expect(try host("https://huggingface.co") == "proxy" && host("http://huggingface.co") == "other")
        for address in [
            "https://localhost", "https://a.internal.example/x", "https://b.star.example", "https://one.example:8443",
        ] {
            #expect(try host(address) == nil, "\(address)")
        }
        for address in ["https://one.example", "https://notlocalhost", "https://internal.example.org"] {
            #expect(try host(address) == "proxy", "\(address)")
        }
    }
}
