import Foundation
import JSON
import Runs
import Studio
import Synchronization
import Tensors
import TestSupport
import Testing

/// Makes up requests to the studio's own interface, some as docs/studio-api.md has them and some not.
private struct StudioFuzzer {
    struct Attempt: Sendable {
        var method: String
        var path: String
        var body: [UInt8]?
        /// What may come of it: whatever it is, it is no failure of the server.
        var allowed: Set<Int>
    }

    private var random: Random

    init(seed: UInt64, number: Int) { random = Random(seed: seed, UInt64(number)) }

    /// - Parameter known: numbers of readings that were there a moment ago.
    mutating func attempt(_ known: [String]) -> Attempt {
        let id = self.id(known)
        let reading = "/studio/readings/\(id)"
        let reads: Set<Int> = [200, 404, 422]
        switch Int.random(in: 0..<22, using: &random) {
        case 0, 1, 2: return post("/studio/readings", begun(), [201, 404, 422])
        case 3: return Attempt(method: "GET", path: reading, body: nil, allowed: reads)
        case 4, 5, 6:
            return post(
                reading + "/explain",
                [
                    "positions": .array(positions()), "samples": .integer(below(3)), "temperature": .number(number()),
                    "max_new_tokens": .integer(1 + below(6)),
                ], [200, 404, 422])
        case 7: return post(reading + "/norms", [:], reads)
        case 8:
            return post(
                reading + "/compare",
                ["position": position(), "other_position": position(), "other_reading": .string(self.id(known))],
                reads)
        case 9: return post(reading + "/layers", ["positions": .array(positions())], reads)
        case 10, 11:
            return post(
                reading + "/edit",
                [
                    "position": position(), "text": words(), "explanation": .string("\(below(50))"),
                    "keep": .bool(chance(0.3)),
                ], reads)
        case 12:
            return post(
                reading + "/steer",
                [
                    "position": position(), "text": words(), "original": words(), "strength": .number(number()),
                    "max_new_tokens": .integer(1 + below(4)), "temperature": .number(number()),
                ], reads)
        case 13:
            return post(
                reading + "/notes", ["position": position(), "text": words(), "highlighted": true], [201, 404, 422])
        case 14: return change("PATCH", "/studio/notes/\(below(40))", ["text": words(), "highlighted": false])
        case 15: return Attempt(method: "DELETE", path: "/studio/notes/\(below(40))", body: nil, allowed: [204, 404])
        case 16: return change("PATCH", reading, ["title": words()])
        case 17 where chance(0.3):
            return Attempt(method: "DELETE", path: reading, body: nil, allowed: [204, 404])
        case 18: return Attempt(method: "GET", path: reading + "/export.html", body: nil, allowed: reads)
        case 19: return imported()
        case 20:
            let path =
                [
                    "/studio/runs", "/studio/runs/\(id)", "/studio/runs/..%2f..", "/studio/reports",
                    "/studio/reports/\(id)",
                    "/studio/models", "/studio/export?readings=\(id)",
                    "/studio/world?kind=\(escaped())&seed=\(below(9))&count=\(below(4))",
                    "/page/\(escaped())", "/studio/\(escaped())",
                ].randomElement(using: &random) ?? "/"
            return Attempt(method: "GET", path: path, body: nil, allowed: reads)
        default:
            let query = [
                "words=\(escaped())", "minimum_score=\(number())", "before=\(id)", "limit=\(below(300))",
                "origin=model",
                "highlighted=\(escaped())", "pair=tiny", "&&==&", "words=%22%28*",
            ].shuffled(using: &random).prefix(below(4)).joined(separator: "&")
            let path = chance(0.5) ? "/studio/library" : "/studio/library/readings"
            return Attempt(method: "GET", path: "\(path)?\(query)", body: nil, allowed: [200, 422])
        }
    }

    private mutating func post(_ path: String, _ body: JSONValue, _ allowed: Set<Int>) -> Attempt {
        var body = body
        if random.uniform() < 0.3 { body = Fuzzer.damaged(body, &random) }
        var bytes = Array(body.serialized().utf8)
        if random.uniform() < 0.03 { bytes = Array(bytes.dropLast(1 + below(max(1, bytes.count - 1)))) }
        return Attempt(method: "POST", path: path, body: bytes, allowed: allowed)
    }

    private mutating func change(_ method: String, _ path: String, _ body: JSONValue) -> Attempt {
        var attempt = post(path, body, [200, 404, 422])
        attempt.method = method
        return attempt
    }

    /// A text, a chat, or one of TinyWorld's.
    private mutating func begun() -> JSONValue {
        switch below(4) {
        case 0: return ["messages": [["role": "user", "content": words()]]]
        case 1:
            return [
                "text": words(), "world": ["kind": "story", "seed": .integer(below(3)), "index": .integer(below(3))],
            ]
        default: return ["text": .string("Long ago Hester worked at the orchard. " + Shape.text(&random, limit: 40))]
        }
    }

    /// An export with something in it that may be damaged.
    private mutating func imported() -> Attempt {
        var lines: [JSONValue] = [
            [
                "type": "reading", "id": "7", "created": "2026-01-01T00:00:00Z", "title": words(), "pair": "tiny",
                "layer": 5,
                "text": "a b", "messages": .null, "truth": .null,
                "tokens": [
                    ["token": "a", "token_id": 5, "position": 0], ["token": " b", "token_id": 6, "position": 1],
                ],
            ],
            [
                "type": "explanation", "reading": "7", "created": "", "pair": "tiny", "position": .integer(below(3)),
                "token": "a",
                "sample": 0, "text": words(), "description": words(), "complete": true, "mse": 0.5, "origin": "model",
                "claims": [["sentence": words()]], "activation": chance(0.5) ? "AAAAfwAAgH8=" : .null,
            ],
            [
                "type": "note", "reading": "7", "created": "", "position": .integer(below(3)), "text": words(),
                "highlighted": false,
            ],
        ]
        if chance(0.5) {
            let index = below(lines.count)
            lines[index] = Fuzzer.damaged(lines[index], &random)
        }
        let text = lines.map { $0.serialized() }.joined(separator: "\n")
        return Attempt(method: "POST", path: "/studio/import", body: Array(text.utf8), allowed: [200, 422])
    }

    private mutating func below(_ count: Int) -> Int { Int.random(in: 0..<max(1, count), using: &random) }

    private mutating func id(_ known: [String]) -> String {
        if random.uniform() < 0.85, let id = known.randomElement(using: &random) { return id }
        return ["0", "-1", "1", "99999999999999999999", "x", "%00", "1.5"].randomElement(using: &random) ?? "0"
    }

    private mutating func chance(_ probability: Double) -> Bool { random.uniform() < probability }

    private mutating func position() -> JSONValue { .integer(Int.random(in: -12...12, using: &random)) }

    private mutating func positions() -> [JSONValue] { (0...below(3)).map { _ in position() } }

    private mutating func number() -> Double {
        [0, 0.5, 1, 1, 1, 2, -1, 1e300].randomElement(using: &random) ?? 0
    }

    private mutating func words() -> JSONValue {
        chance(0.6) ? "Rosa has the object." : .string(Shape.text(&random, limit: 60))
    }

    private mutating func escaped() -> String {
        Shape.text(&random, limit: 20).addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }
}

/// Random requests to what the page asks.
@Suite("Fuzzing the studio", .serialized)
struct StudioFuzzTests {
    /// `INTERLINEAR_FUZZ_REQUESTS` asks for more.
    private let count = ProcessInfo.processInfo.environment["INTERLINEAR_FUZZ_REQUESTS"].flatMap(Int.init) ?? 1500

    /// Requests made, and readings that are there.
    private final class Course: Sendable {
        private let state = Mutex((next: 0, known: [String](), read: Set<String>(), statuses: [Int: Int]()))
        var statuses: [Int: Int] { state.withLock { $0.statuses } }

        /// The number of the next request, and what it may ask about.
        func next() -> (number: Int, known: [String]) {
            state.withLock { state in
                defer { state.next += 1 }
                return (state.next, state.known)
            }
        }

        func note(status: Int, newReading: String?) {
            state.withLock { state in
                state.statuses[status, default: 0] += 1
                // The newest, so that most of what is asked for is there.
                if let newReading {
                    state.known = state.known.suffix(30) + [newReading]
                    state.read.insert(newReading)
                }
            }
        }

        /// Whether a path is about a text that was read here; one that was imported may have another target's tokens.
        func wasReadHere(_ path: String) -> Bool {
            let id = path.split(separator: "/").dropFirst(2).first.map(String.init) ?? ""
            return state.withLock { $0.read.contains(id) }
        }
    }

    @Test("Random requests to the studio get the right status and say what is wrong; the library stays whole")
    func fuzz() async throws {
        let folder = try Scratch(), file = folder.path("library.sqlite"), workers = 8
        let course = Course()
        try await withServer {
            $0.page = .init(library: file)
            $0.maximumExplains = workers
            $0.maximumDescribes = workers
            $0.maximumSourceRequests = workers
            $0.maximumScores = workers
        } _: { client, _ async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<workers { group.addTask { try await run(client, course) } }
                try await group.waitForAll()
            }
            #expect(try await client.get("/studio/library/readings").status == 200)
        }
        let found = course.statuses
        for status in [200, 201, 204, 404, 422] { #expect(found[status, default: 0] > 0, "no \(status)") }
        Attachment.record("\(count) requests: \(counted(found))", named: "fuzzing-the-studio.txt")
    }

    private func run(_ client: Client, _ course: Course) async throws {
        while true {
            let (number, known) = course.next()
            guard number < count else { return }
            var fuzzer = StudioFuzzer(seed: 12, number: number)
            let attempt = fuzzer.attempt(known)
            let answer: Client.Answer
            do {
                answer = try await client.send(
                    attempt.method, attempt.path, attempt.body, [("content-type", "application/json")])
            } catch {
                Issue.record("request \(number): \(StudioFuzzTests.text(attempt)): \(error)")
                continue
            }
            let isNew = answer.status == 201 && attempt.path == "/studio/readings"
            course.note(status: answer.status, newReading: isNew ? try answer.json()["id"]?.string : nil)
            if answer.status == 409, !course.wasReadHere(attempt.path), answer.text.contains("another target") {
                continue
            }
            try check(answer, attempt, number)
        }
    }

    private static func text(_ attempt: StudioFuzzer.Attempt) -> String {
        "\(attempt.method) \(attempt.path) \(String(decoding: (attempt.body ?? []).prefix(300), as: UTF8.self))"
    }

    private func check(_ answer: Client.Answer, _ attempt: StudioFuzzer.Attempt, _ number: Int) throws {
        let request = "request \(number): \(StudioFuzzTests.text(attempt))"
        #expect(attempt.allowed.contains(answer.status), "\(request)\n\(answer.status) \(answer.text.prefix(300))")
        if answer.status >= 400 { #expect(try answer.json()["detail"] != nil, "\(request) \(answer.text.prefix(300))") }
        guard answer.headers["content-type"]?.hasPrefix("text/event-stream") == true else { return }
        let frames = try Frames(answer.text)
        #expect(frames.isDone, "\(request)")
        for frame in frames.values {
            // What was deleted while it was explained cannot be stored.
            #expect(
                frame["error"]?.string?.contains("may have been deleted") ?? true, "\(request) \(frame.serialized())")
        }
    }
}
