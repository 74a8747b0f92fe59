import Foundation
import JSON
import Studio
import TestSupport
import Testing

/// Clients that hold connections and ask nothing on them.
@Suite("Connections")
struct FaultyClientTests {
    private static let half = "GET / HTTP/1.1\r\nhost: local"
    private static let rest = "host\r\n\r\n"

    private func halfOpen(_ count: Int, _ port: Int) async throws -> [RawConnection] {
        var connections: [RawConnection] = []
        for _ in 0..<count {
            let connection = try RawConnection(port: port)
            try await connection.send(FaultyClientTests.half)
            connections.append(connection)
        }
        return connections
    }

    @Test("A request is answered while hundreds of connections hold half a head, and these still stand")
    func standing() async throws {
        try await withServer {
            $0.headLimit = .seconds(300)
            $0.stallLimit = .seconds(300)
        } _: { client, _ async throws in
            let held = try await halfOpen(300, client.port)
            #expect(try await client.get("/").status == 200)
            for connection in [held[0], held[150], held[299]] {
                try await connection.send(FaultyClientTests.rest)
                #expect(try await connection.receive(until: "\r\n\r\n").text.hasPrefix("HTTP/1.1 200"))
            }
        }
    }

    @Test("Where there are more than there may be, the oldest of those that ask nothing make room")
    func room() async throws {
        try await withServer {
            $0.maximumConnections = 16
            $0.headLimit = .seconds(300)
            $0.stallLimit = .seconds(300)
        } _: { client, _ async throws in
            let held = try await halfOpen(80, client.port)
            #expect(try await client.get("/").status == 200)
            #expect(try await held[0].receive().isClosed)
            try await held[79].send(FaultyClientTests.rest)
            #expect(try await held[79].receive(until: "\r\n\r\n").text.hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("Where all are being answered, a further one is told so")
    func full() async throws {
        try await withServer {
            $0.maximumConnections = 2
        } _: { client, _ async throws in
            let body: JSONValue = [
                "text": "a", "stream": true,
                "sampling_params": ["max_new_tokens": 4096, "ignore_eos": true, "temperature": 1.5],
            ]
            var streams: [RawConnection] = []
            for _ in 0..<2 {
                let stream = try RawConnection(port: client.port)
                try await stream.send(RawConnection.request("/generate", body.serialized()))
                _ = try await stream.receive(until: "data: ")
                streams.append(stream)
            }
            let answer = try await RawConnection(port: client.port).receive()
            #expect(answer.isClosed && answer.text.hasPrefix("HTTP/1.1 503") && answer.text.contains("try again"))
            // Both are still being answered.
            for stream in streams {
                #expect(try await stream.receive(until: "data: ").text.contains("data: "))
            }
        }
    }

    @Test("A head that does not come is not waited for")
    func late() async throws {
        try await withServer {
            $0.headLimit = .milliseconds(200)
            $0.stallLimit = .seconds(300)
        } _: { client, _ async throws in
            let connection = try RawConnection(port: client.port)
            try await connection.send(FaultyClientTests.half)
            #expect(try await connection.receive().isClosed)
            // Between two requests a client may take longer.
            var patient = try RawConnection(port: client.port)
            // On a busy machine the first head of a good client may come too late as well.
            try await wait(until: "a whole head comes in time") {
                patient = try RawConnection(port: client.port)
                guard (try? await patient.send(FaultyClientTests.half + FaultyClientTests.rest)) != nil else {
                    return false
                }
                return try await !patient.receive(until: "}").isClosed
            }
            try await Task.sleep(for: .milliseconds(600))
            try await patient.send(FaultyClientTests.half + FaultyClientTests.rest)
            #expect(try await patient.receive(until: "\r\n\r\n").text.contains("HTTP/1.1 200"))
        }
    }
}
