import Foundation
import JSON
import Runs
import Studio
import TestSupport
import Testing

/// Many clients at once. `INTERLINEAR_LOAD_ANSWERS` asks for so many answers to each; the figures are attachments of the tests.
@Suite("Load", .serialized)
struct LoadTests {
    private static let asked = ProcessInfo.processInfo.environment["INTERLINEAR_LOAD_ANSWERS"].flatMap(Int.init)
    private let text = "Long ago Hester worked at the orchard with Bram. Bram had a striped scarf."

    /// What a client met, request by request.
    private struct Record: Sendable {
        var statuses: [Int: Int] = [:]
        /// Seconds of the requests that were answered.
        var seconds: [Double] = []

        mutating func add(_ other: Record) {
            statuses.merge(other.statuses, uniquingKeysWith: +)
            seconds += other.seconds
        }

        /// What came, and how long it took.
        var figures: String {
            let times = [0.5, 0.99].map { String(format: "%.0f ms", 1000 * quantile($0)) }
            return "\(counted(statuses)); p50 \(times[0]), p99 \(times[1])"
        }

        private func quantile(_ share: Double) -> Double {
            let sorted = seconds.sorted()
            return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
        }
    }

    private func explaining(_ positions: Int, stream: Bool = false) -> JSONValue {
        [
            "text": .string(text), "positions": .array((1...positions).map { .integer(-$0) }), "temperature": 0.7,
            "stream": .bool(stream),
        ]
    }

    /// Clients that ask again and again until each has had so many answers; one that is turned away waits a little.
    private func ask(
        _ client: Client, clients: Int, answers: Int, _ request: @escaping @Sendable (Int) -> (String, JSONValue)
    ) async throws -> Record {
        try await withThrowingTaskGroup(of: Record.self) { group in
            for number in 0..<clients {
                group.addTask {
                    var record = Record(), turn = number
                    while record.seconds.count < answers {
                        let (path, body) = request(turn)
                        turn += clients
                        let start = ContinuousClock.now
                        let answer = try await client.post(path, body)
                        record.statuses[answer.status, default: 0] += 1
                        guard [200, 429].contains(answer.status) else { break }
                        if answer.status == 200 {
                            record.seconds.append((ContinuousClock.now - start) / .seconds(1))
                        } else {
                            try await Task.sleep(for: .milliseconds(50))
                        }
                    }
                    return record
                }
            }
            return try await group.reduce(into: Record()) { $0.add($1) }
        }
    }

    @Test("Sixty-four clients meet nothing but answers and honest refusals")
    func many() async throws {
        let answers = LoadTests.asked ?? 3
        try await withServer { client, _ async throws in
            let vector = json((0..<256).map { Float($0 % 7) - 3 })
            let record = try await ask(client, clients: 64, answers: answers) { turn in
                switch turn % 5 {
                case 0: ("/score", ["description": "The hero is greedy.", "activation": vector])
                case 1: ("/tokenize", ["text": .string(text)])
                case 2: ("/completion", ["text": .string(text), "completion_tokens": 8])
                case 3: ("/explain", explaining(4, stream: true))
                default: ("/explain", explaining(4))
                }
            }
            #expect(Set(record.statuses.keys).isSubset(of: [200, 429]), "\(record.statuses)")
            #expect(record.statuses[200] == 64 * answers)
            Attachment.record(record.figures, named: "load-64-clients.txt")
        }
    }

    @Test(
        "Sixteen explanations at once are at least three times as many a second as one at a time",
        .enabled(
            if: LoadTests.asked != nil, "INTERLINEAR_LOAD_ANSWERS is not set: it measures, and wants the machine alone")
    )
    func throughput() async throws {
        let answers = LoadTests.asked ?? 10
        try await withServer { client, _ async throws in
            _ = try await client.json("/explain", explaining(1))
            var rates: [Double] = []
            for clients in [1, 16] {
                let start = ContinuousClock.now
                let record = try await ask(client, clients: clients, answers: answers) { _ in
                    ("/explain", explaining(1))
                }
                #expect(Array(record.statuses.keys) == [200])
                rates.append(Double(record.seconds.count) / ((ContinuousClock.now - start) / .seconds(1)))
                let rate = String(format: "%.1f /explain a second", rates[rates.count - 1])
                Attachment.record("\(rate); \(record.figures)", named: "load-\(clients)-at-a-time.txt")
            }
            #expect(rates[1] >= 3 * rates[0], "\(rates)")
        }
    }

    @Test("The first words of an explanation are there before it is finished")
    func firstWords() async throws {
        try await withServer { client, _ async throws in
            let connection = try RawConnection(port: client.port)
            let start = ContinuousClock.now
            try await connection.send(RawConnection.request("/explain", explaining(1, stream: true).serialized()))
            let first = try await connection.receive(until: "\"done\":false").text
            let time = String(format: "%.0f ms", (ContinuousClock.now - start) / .milliseconds(1))
            Attachment.record("first words after \(time)", named: "load-first-words.txt")
            let rest = try await connection.receive(until: "[DONE]").text
            let words = try #require((first + rest).firstRange(of: "\"done\":false"))
            let whole = try #require((first + rest).firstRange(of: "\"description\":"))
            #expect(words.lowerBound < whole.lowerBound)
        }
    }

    @Test("Long requests do not starve a short one")
    func fairness() async throws {
        let lines = LoggedLines()
        try await withServer({ $0.maximumConcurrent = 4 }, logger: lines.logger) { client, _ async throws in
            let vector = json((0..<256).map { Float($0 % 7) - 3 })
            let vectors = JSONValue.array(.init(repeating: vector, count: 512))
            let body = (["activations": vectors, "temperature": 1, "stream": true] as JSONValue).serialized()
            // Two thousand explanations, four at a time. They end with their connections.
            let long = try (0..<4).map { _ in try RawConnection(port: client.port) }
            for each in long { try await each.send(RawConnection.request("/describe", body)) }
            for each in long {
                #expect(try await each.receive(until: "data: ").text.contains("data: "))
            }
            #expect(try await client.post("/describe", ["activations": [vector]]).status == 200)
            let short = lines.all.firstIndex { $0.hasPrefix("POST /describe 200") && !$0.contains("streamed") }
            let firstLong = lines.all.firstIndex { $0.hasPrefix("POST /describe 200 streamed") }
            #expect(try #require(short) < firstLong ?? .max)
            withExtendedLifetime(long) {}
        }
    }
}
