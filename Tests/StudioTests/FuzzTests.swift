import Foundation
import JSON
import Runs
import Studio
import Synchronization
import Tensors
import TestSupport
import Testing

/// Makes up requests, some as the contract has them and some not.
struct Fuzzer {
    /// A request, and what may come of it.
    struct Attempt: Sendable {
        var method = "POST"
        var path: String
        var body: [UInt8]
        var headers = [("content-type", "application/json")]
        /// The body as JSON, if it is any.
        var json: JSONValue?
        var allowed: Set<Int>
    }

    private var random: Random

    /// The same number gives the same request.
    init(seed: UInt64, number: Int) { random = Random(seed: seed, UInt64(number)) }

    mutating func attempt() -> Attempt {
        let path = Contract.requests.keys.sorted().randomElement(using: &random) ?? "/tokenize"
        let shape = Contract.requests[path] ?? .null
        var body = shape.sample(&random)
        if path == "/tokenize" || random.uniform() < 0.9 { shorten(&body) }
        if random.uniform() < 0.4 { body = Fuzzer.damaged(body, &random) }
        // What is well formed may still make no sense: no text, positions outside it, a vector of zeros.
        let allowed: Set<Int> = shape.problem(body) == nil ? [200, 422] : [422]
        var attempt = Attempt(
            path: path, body: Array(body.serialized().utf8), json: body, allowed: allowed)
        switch random.uniform() {
        case ..<0.05: spoil(&attempt)
        case ..<0.07:
            attempt.headers = [("content-type", "text/plain")]
            attempt.allowed = [415]
        case ..<0.09:
            attempt.method = ["GET", "PUT", "DELETE", "PATCH"].randomElement(using: &random) ?? "GET"
            attempt.allowed = [405]
        case ..<0.10:
            attempt.headers.append(("host", Shape.text(&random, limit: 0) + "evil.example"))
            attempt.allowed = [403]
        default: break
        }
        return attempt
    }

    /// Cuts, doubles or changes bytes.
    private mutating func spoil(_ attempt: inout Attempt) {
        var bytes = attempt.body
        guard !bytes.isEmpty else { return }
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes.removeSubrange(place...)
        case 1: bytes.insert(contentsOf: bytes[..<place], at: place)
        default: bytes[place] = UInt8.random(in: 0...255, using: &random)
        }
        attempt.body = bytes
        attempt.json = nil
        attempt.allowed = [200, 422]
    }

    /// Keeps most explanations to a few tokens: what is looked for is not found in long ones.
    private mutating func shorten(_ body: inout JSONValue) {
        guard var object = body.object else { return }
        for key in ["max_new_tokens", "completion_tokens"] {
            object[key] = .integer(Int.random(in: 1...6, using: &random))
        }
        body = .object(object)
    }

    /// A value with one thing in it taken away or replaced by anything.
    static func damaged(_ value: JSONValue, _ random: inout Random) -> JSONValue {
        switch value {
        case .object(var object) where !object.isEmpty && random.uniform() < 0.9:
            guard let key = object.keys.randomElement(using: &random), let old = object[key] else { return value }
            switch random.uniform() {
            case ..<0.2: object[key] = nil
            case ..<0.5: object[key] = damaged(old, &random)
            default: object[key] = Shape.anything(&random)
            }
            return .object(object)
        case .array(var elements) where !elements.isEmpty && random.uniform() < 0.8:
            let index = Int.random(in: 0..<elements.count, using: &random)
            if random.uniform() < 0.3 {
                elements.remove(at: index)
            } else {
                elements[index] = damaged(elements[index], &random)
            }
            return .array(elements)
        default: return Shape.anything(&random)
        }
    }
}

/// Random requests against the contract.
@Suite("Fuzzing")
struct FuzzTests {
    /// `INTERLINEAR_FUZZ_REQUESTS` asks for more.
    private let count = ProcessInfo.processInfo.environment["INTERLINEAR_FUZZ_REQUESTS"].flatMap(Int.init) ?? 1500

    @Test("Random requests get the right status and shape: no crash, no failure, no leak")
    func fuzz() async throws {
        let seed: UInt64 = 11, workers = 8
        let found = try await withServer {
            $0.maximumExplains = workers
            $0.maximumDescribes = workers
            $0.maximumSourceRequests = workers
            $0.maximumScores = workers
        } _: { client, server async throws in
            let first = try await run(0..<min(count, 500), seed, workers, client)
            let before = FuzzTests.residentBytes()
            let rest = try await run(min(count, 500)..<count, seed, workers, client)
            // Beside other tests the process's memory says nothing. At rest, what a rush needed goes back.
            if count > 10_000 {
                try await wait(until: "the server holds no 100 MiB more than after the first requests") {
                    FuzzTests.residentBytes() - before < 100 << 20
                }
            }
            #expect(try await client.get("/").status == 200)
            return first.merging(rest, uniquingKeysWith: +)
        }
        for status in [200, 422, 415, 405, 403] { #expect(found[status, default: 0] > 0, "no \(status)") }
        Attachment.record("\(count) requests: \(counted(found))", named: "fuzzing.txt")
    }

    private func run(
        _ numbers: Range<Int>, _ seed: UInt64, _ workers: Int, _ client: Client
    ) async throws -> [Int: Int] {
        return try await withThrowingTaskGroup(of: [Int: Int].self) { group in
            let shared = Counter(numbers)
            for _ in 0..<workers {
                group.addTask {
                    var own: [Int: Int] = [:]
                    while let number = shared.next() {
                        var fuzzer = Fuzzer(seed: seed, number: number)
                        let attempt = fuzzer.attempt()
                        let answer = try await client.send(attempt.method, attempt.path, attempt.body, attempt.headers)
                        own[answer.status, default: 0] += 1
                        try check(answer, attempt, number)
                    }
                    return own
                }
            }
            return try await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
        }
    }

    /// Numbers handed out one by one.
    private final class Counter: Sendable {
        private let value: Mutex<Int>
        private let end: Int

        init(_ numbers: Range<Int>) {
            value = Mutex(numbers.lowerBound)
            end = numbers.upperBound
        }

        func next() -> Int? {
            value.withLock { value in
                guard value < end else { return nil }
                value += 1
                return value - 1
            }
        }
    }

    private func check(_ answer: Client.Answer, _ attempt: Fuzzer.Attempt, _ number: Int) throws {
        let request =
            "request \(number): \(attempt.method) \(attempt.path) \(String(decoding: attempt.body.prefix(300), as: UTF8.self))"
        #expect(attempt.allowed.contains(answer.status), "\(request)\n\(answer.status) \(answer.text.prefix(300))")
        switch answer.status {
        case 200 where answer.headers["content-type"]?.hasPrefix("text/event-stream") == true:
            let frames = try Frames(answer.text)
            #expect(frames.isDone || attempt.path == "/completion", "\(request)")
            for frame in frames.values {
                let problem = Contract.frames[attempt.path]?.problem(frame) ?? (frame["error"] == nil ? nil : "failed")
                #expect(problem == nil, "\(request)")
            }
        case 200: #expect(Contract.answers[attempt.path]?.problem(try answer.json()) == nil, "\(request)")
        case 422: #expect(Contract.validationError.problem(try answer.json()) == nil, "\(request) \(answer.text)")
        default: #expect(Contract.otherError.problem(try answer.json()) == nil, "\(request)")
        }
    }

    /// Memory of this process, where the system tells.
    private static func residentBytes() -> Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
    }
}
