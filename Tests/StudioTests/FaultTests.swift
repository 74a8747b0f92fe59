import Foundation
import JSON
import Studio
import TestSupport
import Testing

/// Bad bodies, bad clients, and too many of them.
@Suite("Faults")
struct FaultTests {
    private let slow: JSONValue = ["text": "Long ago Hester worked at the orchard with Bram.", "max_new_tokens": 4096]
    /// A request that writes for long: nothing ends its texts.
    private var endless: JSONValue {
        [
            "text": "a", "stream": true,
            "sampling_params": ["max_new_tokens": 4096, "ignore_eos": true, "temperature": 1.5, "n": 16],
        ]
    }

    @Test("A body over the limit is refused, whether it says how long it is or not")
    func oversized() async throws {
        try await withServer {
            $0.maximumBodyBytes = 1000
        } _: { client, _ async throws in
            let large = "{\"text\": \"\(String(repeating: "a", count: 5000))\"}"
            let announced = try RawConnection(port: client.port)
            try await announced.send(RawConnection.request("/tokenize", "", length: 1 << 40))
            #expect(try await announced.receive(until: "\r\n\r\n").text.hasPrefix("HTTP/1.1 413"))
            let chunked = try RawConnection(port: client.port)
            try await chunked.send(
                "POST /tokenize HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
                    + "\(String(large.utf8.count, radix: 16))\r\n\(large)\r\n")
            #expect(try await chunked.receive(until: "\r\n\r\n").text.hasPrefix("HTTP/1.1 413"))
            // Neither may keep its connection to send on what nobody reads.
            #expect(try await announced.receive().isClosed)
            #expect(try await client.post("/tokenize", ["text": "a"]).status == 200)
        }
    }

    @Test("Large bodies share a limited memory; small ones get through beside them")
    func manyLarge() async throws {
        try await withServer {
            $0.maximumBodyBytes = 1 << 20
        } _: { client, _ async throws in
            var held: [RawConnection] = []
            func hold() async throws {
                held.append(try RawConnection(port: client.port))
                try await held[held.count - 1].send(RawConnection.request("/tokenize", "{\"te", length: 1 << 20))
            }
            for _ in 0..<4 { try await hold() }
            let text = String(repeating: "a", count: 1 << 19)
            try await wait(until: "the memory for bodies is full") {
                if try await client.post("/tokenize", ["text": .string(text)]).status == 429 { return true }
                // A body that was announced while this one was in memory has been refused itself; another takes its place.
                try await hold()
                return false
            }
            #expect(try await client.post("/tokenize", ["text": "a"]).status == 200)
            held = []
            try await wait(until: "the memory of closed connections is free") {
                try await client.post("/tokenize", ["text": .string(text)]).status == 422
            }
        }
    }

    @Test("A million characters are refused")
    func millionCharacters() async throws {
        try await withServer { client, _ async throws in
            for path in ["/tokenize", "/explain", "/completion", "/extract"] {
                let answer = try await client.post(path, ["text": .string(String(repeating: "a b ", count: 250_000))])
                #expect(answer.status == 422)
            }
            let messages: [JSONValue] = .init(repeating: ["role": "user", "content": ""], count: 100_000)
            #expect(try await client.post("/tokenize", ["messages": .array(messages)]).status == 422)
        }
    }

    @Test("What is no HTTP, and what stops in the middle, does no harm")
    func garbage() async throws {
        try await withServer {
            $0.stallLimit = .milliseconds(500)
        } _: { client, _ async throws in
            for text in [
                "\u{0}\u{1}\u{2}\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
                "POST /explain HTTP/1.1\r\nhost: localhost\r\ncontent-length: -5\r\n\r\n",
                "GET /../../etc/passwd HTTP/1.1\r\nhost: localhost\r\n\r\n",
                "GET / HTTP/1.1\r\nhost: localhost\r\nx: \(String(repeating: "a", count: 200_000))\r\n\r\n",
            ] {
                let connection = try RawConnection(port: client.port)
                try? await connection.send(text)
                let answer = try await connection.receive(until: "\r\n\r\n")
                #expect(answer.text.hasPrefix("HTTP/1.1 4") || answer.isClosed, "\(answer)")
            }
            // Half a head, and half a body: the connection is closed on them.
            for text in ["GET / HT", RawConnection.request("/tokenize", "{\"te", length: 100)] {
                let connection = try RawConnection(port: client.port)
                try await connection.send(text)
                #expect(try await connection.receive().isClosed, "\(text)")
            }
            // On a busy machine half a second may be too short for a good client as well.
            try await wait(until: "a good client is answered") { (try? await client.get("/").status) == 200 }
        }
    }

    @Test("A client that goes away frees its place and the models at once", arguments: [true, false])
    func vanishing(streams: Bool) async throws {
        let lines = LoggedLines()
        try await withServer(
            { $0.maximumDescribes = 1 }, logger: lines.logger
        ) { client, _ async throws in
            var request = endless.object ?? JSONObject()
            request["stream"] = .bool(streams)
            let body = JSONValue.object(request).serialized()
            func ask() async throws -> RawConnection {
                let connection = try RawConnection(port: client.port)
                try await connection.send(RawConnection.request("/generate", body))
                return connection
            }
            var connection = try await ask()
            if streams { _ = try await connection.receive(until: "data: ") }
            try await wait(until: "the only place is taken") {
                let status = try await client.post(
                    "/generate", ["text": "a", "sampling_params": ["max_new_tokens": 1]]
                ).status
                if status == 429 { return true }
                // Our own question may have had the only place when the other came: then that was refused, and is asked again.
                let answer = try await connection.received().text
                if answer.hasPrefix("HTTP/1.1 429") { connection = try await ask() }
                return false
            }
            connection.finishSending()
            try await waitForPlace(client)
            // What it had asked for was given up, not finished.
            try await wait(until: "the log says that the client has gone, and not what came of it") {
                lines.all.contains { $0.hasPrefix("POST /generate") && $0.contains("client gone") }
            }
            #expect(!lines.hold("POST /generate 200 streamed"))
        }
    }

    /// Waits until a request of the kind that has one place is let in.
    private func waitForPlace(_ client: Client) async throws {
        let short: JSONValue = ["text": "a", "sampling_params": ["max_new_tokens": 1]]
        try await wait(until: "the place is free") { (try? await client.post("/generate", short).status) == 200 }
    }

    @Test("A client that reads nothing is given up")
    func unread() async throws {
        let lines = LoggedLines()
        try await withServer(
            {
                $0.stallLimit = .seconds(1)
                $0.maximumDescribes = 1
            }, logger: lines.logger
        ) { client, _ async throws in
            let connection = try RawConnection(port: client.port)
            try await connection.send(RawConnection.request("/generate", endless.serialized()))
            // Nothing is read; the stream fills the buffers, and then nothing moves.
            try await wait(until: "the log says that the client has gone") {
                lines.hold("POST /generate 200 client gone")
            }
            try await waitForPlace(client)
        }
    }

    @Test("A request beyond the places is told so at once, and when to come back")
    func busy() async throws {
        let lines = LoggedLines()
        try await withServer({ $0.maximumDescribes = 1 }, logger: lines.logger) { client, _ async throws in
            let connection = try RawConnection(port: client.port)
            try await connection.send(RawConnection.request("/generate", endless.serialized()))
            _ = try await connection.receive(until: "data: ")
            let vector = json([Float](repeating: 1, count: 256))
            let answer = try await client.post("/describe", ["activations": [vector]])
            #expect(answer.status == 429 && answer.headers["retry-after"] == "1")
            // Before there was a place.
            #expect(!lines.hold("POST /generate"))
            #expect(try answer.json()["detail"]?.string?.contains("try again") == true)
            // Other kinds have places of their own.
            #expect(try await client.post("/score", ["description": "a", "activation": vector]).status == 200)
        }
    }

    @Test("A request whose time is up ends with 503, or with a frame that says so")
    func timeLimit() async throws {
        try await withServer {
            $0.timeLimit = .milliseconds(300)
        } _: { client, _ async throws in
            var request = endless.object ?? JSONObject()
            let frames = try await client.frames("/generate", .object(request))
            #expect(frames.isDone && frames.values.last?["error"]?["message"]?.string?.contains("longer") == true)
            request["stream"] = false
            let answer = try await client.post("/generate", .object(request))
            #expect(try answer.status == 503 && answer.json()["error"]?["message"]?.string?.contains("longer") == true)
        }
    }

    @Test("A text that no memory is left for is refused, and others are not")
    func memory() async throws {
        try await withServer {
            $0.cacheBytes = 8192 * 300
        } _: { client, _ async throws in
            func generate(_ count: Int) async throws -> Int {
                try await client.post(
                    "/generate", ["text": "a", "sampling_params": ["max_new_tokens": .integer(count)]]
                ).status
            }
            #expect(try await generate(4000) == 400)
            #expect(try await generate(100) == 200)
            // Many at once take turns.
            let vectors = JSONValue.array(.init(repeating: json([Float](repeating: 1, count: 256)), count: 40))
            let answer = try await client.post("/describe", ["activations": vectors, "max_new_tokens": 100])
            #expect(answer.status == 200)
        }
    }

    @Test("All models share the memory for keys and values, and what one keeps for later is no hindrance to another")
    func sharedMemory() async throws {
        try await withServer {
            $0.cacheBytes = 8192 * 300
        } _: { client, _ async throws in
            let vector = json([Float](repeating: 1, count: 256))
            let text = JSONValue.string(String(repeating: "Rosa took a bag. ", count: 50))
            func status(_ path: String, _ body: JSONValue) async throws -> Int {
                try await client.post(path, body).status
            }
            func describe(_ count: Int) async throws -> Int {
                try await status("/describe", ["activations": [vector], "max_new_tokens": .integer(count)])
            }
            func generate(_ count: Int) async throws -> Int {
                try await status(
                    "/generate",
                    ["text": "a", "sampling_params": ["max_new_tokens": .integer(count), "ignore_eos": true]])
            }
            func complete(_ count: Int) async throws -> Int {
                try await status("/v1/completions", ["prompt": "a", "max_tokens": .integer(count), "ignore_eos": true])
            }
            // The verbalizer's prompt stays in memory behind the first, and must go for the others.
            #expect(try await describe(20) == 200)
            #expect(try await generate(295) == 200)
            #expect(try await describe(20) == 200)
            #expect(try await complete(295) == 200)
            // It counts, too.
            #expect(try await describe(299) == 422)
            #expect(try await complete(300) == 400)
            #expect(try await status("/extract", ["text": text]) == 200)
            let tooLong = try await client.post("/extract", ["text": .string(String(repeating: "a b c ", count: 200))])
            #expect(tooLong.status == 422 && tooLong.text.contains("memory"))
            // Together they wanted five times as much.
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<3 {
                    group.addTask { try await describe(150) }
                    group.addTask { try await generate(200) }
                    group.addTask { try await complete(200) }
                    group.addTask { try await status("/extract", ["text": text]) }
                }
                for try await status in group { #expect(status == 200) }
            }
        }
    }

    @Test("Who waits for memory gets it before those who ask later")
    func budget() {
        final class Owner {}
        let budget = CacheBudget(limit: 100), first = Owner(), second = Owner(), third = Owner()
        #expect(budget.take(60, for: first) && !budget.isShort)
        #expect(!budget.take(50, for: second) && budget.isShort)
        #expect(!budget.take(10, for: third) && !budget.takeNow(10))
        budget.give(60)
        #expect(!budget.take(10, for: third))
        #expect(budget.take(50, for: second))
        #expect(budget.take(10, for: third) && budget.taken == 60 && !budget.isShort)
        #expect(!budget.take(80, for: first))
        budget.forget(first)
        #expect(budget.takeNow(40) && !budget.takeNow(1))
    }

    @Test("Unknown paths and wrong methods are told apart")
    func paths() async throws {
        try await withServer { client, _ async throws in
            for path in ["/nothing", "/explain/further", "/..%2f..%2fetc", "/../etc/passwd", "/explain%00", "/%"] {
                let answer = try await client.post(path, ["text": "a"])
                #expect(answer.status == 404, "\(path) \(answer.status)")
            }
            let answer = try await client.get("/explain")
            #expect(answer.status == 405 && answer.headers["allow"] == "POST")
        }
    }

    @Test("Shutting down finishes what was begun and takes nothing new")
    func shutdown() async throws {
        try await withServer { client, server async throws in
            let connection = try RawConnection(port: client.port)
            let body: JSONValue = [
                "text": "a", "stream": true,
                "sampling_params": ["max_new_tokens": 600, "ignore_eos": true, "temperature": 1.5],
            ]
            try await connection.send(RawConnection.request("/generate", body.serialized()))
            _ = try await connection.receive(until: "data: ")
            let stopping = Task { await server.shutDown() }
            let rest = try await connection.receive(until: "[DONE]")
            #expect(rest.text.contains("[DONE]"))
            #expect(rest.text.contains("\"completion_tokens\":600"))
            await stopping.value
            try await wait(until: "nobody listens") { (try? RawConnection(port: client.port)) == nil }
        }
    }
}
