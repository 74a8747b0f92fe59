import HTTP
import Synchronization
import TestSupport
import Testing

@Suite("The HTTP client")
struct HTTPClientTests {
    /// Asks a server that follows a script once.
    private func ask(
        _ request: (String) -> HTTPRequest = { HTTPRequest("GET", $0 + "/a?b=c%20d") }, limit: Int = 1 << 20,
        _ script: @escaping @Sendable (RawServer.Request) -> RawServer.Reply
    ) async throws -> (head: HTTPHead, body: String, request: RawServer.Request) {
        try await RawServer.run(script) { server in
            let request = request(server.address)
            return try await HTTPClient.lend { client in
                let (head, body) = try await client.fetch(request, limit: limit)
                return (head, String(decoding: body, as: UTF8.self), try #require(server.requests.first))
            }
        }
    }

    @Test("A request is what was asked for and nothing else")
    func request() async throws {
        let (head, body, request) = try await ask { _ in
            .text("HTTP/1.1 201 Made\r\nX-One:  1 \r\nx-two: 2\r\nX-ONE: 3\r\nContent-Length: 5\r\n\r\nhello")
        }
        #expect(head.status == 201 && body == "hello")
        #expect(head.header("x-one") == "1" && head.header("X-Two") == "2" && head.header("x-three") == nil)
        #expect(request.lines.count == 2 && request.line == "GET /a?b=c%20d HTTP/1.1")
        #expect(request.header("host")?.hasPrefix("127.0.0.1:") == true)
    }

    @Test("A body and headers are sent as they are given", arguments: ["POST", "PUT", "PATCH", "DELETE", "GET"])
    func body(_ method: String) async throws {
        let text = String(repeating: "words ", count: 100_000)
        let (_, _, request) = try await ask {
            HTTPRequest(
                method, $0 + "/x",
                headers: [("Content-Type", "text/plain"), ("Host", "other.example"), ("X-Empty", "")],
                body: Array(text.utf8))
        } _: { _ in
            .text(.answer(""))
        }
        #expect(request.line == "\(method) /x HTTP/1.1" && request.body == text)
        #expect(request.header("content-length") == "\(text.utf8.count)" && request.header("x-empty") == "")
        #expect(request.header("host") == "other.example" && request.header("content-type") == "text/plain")
        #expect(request.header("expect") == nil && request.header("accept") == nil && request.lines.count == 5)
    }

    @Test("An answer to HEAD has no body, whatever its length says")
    func head() async throws {
        let (head, body, _) = try await ask({ HTTPRequest("HEAD", $0 + "/") }) { _ in
            .text("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        }
        #expect(head.header("content-length") == "1000" && body.isEmpty)
    }

    @Test("Heads that come before the answer, pieces, and what follows the body are understood")
    func framing() async throws {
        let (head, body, _) = try await ask { _ in
            .text(
                "HTTP/1.1 102 Wait\r\nX: early\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX: late\r\n\r\n"
            )
        }
        #expect(head.status == 200 && head.header("x") == nil && body == "abcde")
    }

    @Test("A redirect is an answer, which nobody follows")
    func redirect() async throws {
        let (head, _, _) = try await ask { _ in
            .text("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n")
        }
        #expect(head.status == 302 && head.header("location") == "/b")
    }

    static let broken: [(reply: RawServer.Reply, failure: HTTPFailure)] = [
        (.last(""), .cut), (.last("HTTP/1.1 200 OK\r\nContent-Le"), .cut),
        (.last("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"), .cut),
        (.last("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), .cut),
        (.last("SSH-2.0 nobody speaks HTTP here\r\n\r\n"), .notHTTP), (.last("words\r\n"), .notHTTP),
    ]

    @Test("What is broken off and what is no HTTP is told apart", arguments: broken.indices)
    func failures(_ index: Int) async throws {
        let (reply, failure) = Self.broken[index]
        await #expect(throws: failure) { try await ask { _ in reply } }
    }

    @Test("Nobody there, no such host and no such scheme are said at once")
    func absence() async throws {
        let gone = try await RawServer.run({ _ in .silence }) { $0.address }
        try await HTTPClient.lend { client in
            await #expect(throws: HTTPFailure.unreachable("Connection refused")) {
                try await client.exchange(HTTPRequest("GET", gone))
            }
            await #expect(throws: HTTPFailure.unreachable("no such host")) {
                try await client.exchange(HTTPRequest("GET", "http://nobody.invalid/"))
            }
            for address in ["file:///etc/hostname", "ftp://127.0.0.1/", "nothing", ""] {
                await #expect(throws: HTTPFailure.self, "\(address)") {
                    try await client.exchange(HTTPRequest("GET", address))
                }
            }
        }
    }

    @Test("A header with a line end in it is refused")
    func smuggling() async throws {
        try await HTTPClient.lend { client in
            for (name, value) in [
                ("X", "a\r\nY: b"), ("X", "a\nb"), ("X", "\0"), ("X: a\r\nY", "b"), ("", "b"), ("a b", "c"),
            ] {
                await #expect(throws: HTTPFailure.other("a header holds a control character")) {
                    try await client.exchange(HTTPRequest("GET", "http://127.0.0.1:1", headers: [(name, value)]))
                }
            }
        }
    }

    @Test(
        "A silent server is given up, before its answer and in the middle",
        arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"])
    func silence(_ beginning: String) async throws {
        try await RawServer.run({ _ in .text(beginning) }) { server in
            var settings = HTTPClient.Settings()
            settings.readTimeout = .milliseconds(50)
            try await HTTPClient.lend(settings) { client in
                await #expect(throws: HTTPFailure.silence) {
                    try await client.exchange(HTTPRequest("GET", server.address))
                }
            }
        }
    }

    private struct Refused: Error {}

    @Test("Who asks may refuse a head and a body, and is told so")
    func refusal() async throws {
        try await RawServer.run({ _ in .text(.answer("hello")) }) { server in
            try await HTTPClient.lend { client in
                let request = HTTPRequest("GET", server.address)
                await #expect(throws: Refused.self) {
                    try await client.exchange(request, onHead: { _ in throw Refused() })
                }
                await #expect(throws: Refused.self) {
                    try await client.exchange(request, onBody: { _ in throw Refused() })
                }
                await #expect(throws: HTTPClient.TooLong.self) { try await client.fetch(request, limit: 4) }
                let whole = try await client.fetch(request, limit: 5).body
                #expect(whole.count == 5)
            }
        }
    }

    /// Connections are kept however long a busy machine takes from one request to the next.
    private static let keeping = {
        var settings = HTTPClient.Settings()
        settings.idleTimeout = .seconds(86_400)
        return settings
    }()

    @Test("A connection is used again")
    func reuse() async throws {
        try await RawServer.run({ _ in .text(.answer("hello")) }) { server in
            try await HTTPClient.lend(Self.keeping) { client in
                for _ in 0..<5 { _ = try await client.fetch(HTTPRequest("GET", server.address), limit: 10) }
            }
            #expect(server.requests.count == 5 && server.connections == 1)
        }
    }

    @Test("A connection that was idle for longer than its limit is not used again")
    func idle() async throws {
        try await RawServer.run({ _ in .text(.answer("hello")) }) { server in
            var settings = HTTPClient.Settings()
            settings.idleTimeout = .seconds(1)
            try await HTTPClient.lend(settings) { client in
                _ = try await client.fetch(HTTPRequest("GET", server.address), limit: 10)
                try await Task.sleep(for: .seconds(3))
                _ = try await client.fetch(HTTPRequest("GET", server.address), limit: 10)
            }
            #expect(server.requests.count == 2 && server.connections == 2)
        }
    }

    @Test("On a kept connection that was closed, a question without a body is asked again, and one with a body is not")
    func closedMeanwhile() async throws {
        try await RawServer.run({ $0.place == 0 ? .text(.answer("hello")) : .last("") }) { server in
            try await HTTPClient.lend(Self.keeping) { client in
                let get = HTTPRequest("GET", server.address), post = HTTPRequest("POST", server.address, body: [65])
                for _ in 0..<2 {
                    let status = try await client.fetch(get, limit: 10).head.status
                    #expect(status == 200)
                }
                #expect(server.requests.count == 3)
                await #expect(throws: HTTPFailure.cut) { try await client.fetch(post, limit: 10) }
                #expect(server.requests.count == 4)
            }
        }
    }

    @Test("Cancelling breaks a request off, also before it began; closing breaks off all")
    func cancelling() async throws {
        try await RawServer.run({ _ in .silence }) { server in
            let client = HTTPClient()
            let asked = Task { try await client.exchange(HTTPRequest("GET", server.address)) }
            try await wait(until: "the server has the question") { server.requests.count == 1 }
            asked.cancel()
            await #expect(throws: CancellationError.self) { try await asked.value }
            let early = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await client.exchange(HTTPRequest("GET", server.address))
            }
            await #expect(throws: CancellationError.self) { try await early.value }
            let last = Task { try await client.exchange(HTTPRequest("GET", server.address)) }
            try await wait(until: "the server has the next question") { server.requests.count == 2 }
            await client.close()
            await client.close()
            await #expect(throws: CancellationError.self) { try await last.value }
            await #expect(throws: CancellationError.self) {
                try await client.exchange(HTTPRequest("GET", server.address))
            }
        }
    }

    @Test("Many requests at once each get their own answer")
    func many() async throws {
        try await RawServer.run({ .text(.answer($0.line)) }) { server in
            try await HTTPClient.lend { client in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<64 {
                        group.addTask {
                            let request = HTTPRequest("GET", "\(server.address)/\(number)")
                            let body = try await client.fetch(request, limit: 100).body
                            #expect(String(decoding: body, as: UTF8.self) == "GET /\(number) HTTP/1.1")
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("A proxy is asked to connect, with a name and a password, and its refusal is said")
    func proxy() async throws {
        try await RawServer.run({ _ in .last("HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n\r\n") }) { server in
            var settings = HTTPClient.Settings()
            settings.proxy = HTTPProxy(host: "127.0.0.1", port: server.port, isSOCKS: false, user: "me", password: "pw")
            try await HTTPClient.lend(settings) { client in
                await #expect(throws: HTTPFailure.other("the proxy answers with status 407")) {
                    try await client.exchange(HTTPRequest("GET", "http://far.example/x"))
                }
            }
            let request = try #require(server.requests.first)
            #expect(request.line == "CONNECT far.example:80 HTTP/1.1")
            // "me:pw" in base 64.
            #expect(request.header("proxy-authorization") == "Basic bWU6cHc=")
        }
    }
}
