import Foundation
import JSON
import Studio
import Tensors
import Testing

/// Whether everything that comes back is described.
@Suite("Shapes")
struct ShapeTests {
    @Test("A description refuses what does not fit it")
    func descriptions() throws {
        let shape = Shape.object([.required("a", .integer(1...3)), .optional("b", .orNull(.list(.string(2), 1...2)))])
        for good in [#"{"a": 1}"#, #"{"a": 3.0, "b": null}"#, #"{"a": 2, "b": ["xy"], "c": 9}"#] {
            #expect(shape.problem(try JSONValue.parse(good)) == nil)
        }
        for bad in [
            "{}", "[]", #"{"a": 0}"#, #"{"a": 1.5}"#, #"{"a": true}"#, #"{"a": "1"}"#, #"{"a": 1, "b": []}"#,
            #"{"a": 1, "b": ["xyz"]}"#, #"{"a": 1, "b": [null]}"#,
        ] {
            #expect(shape.problem(try JSONValue.parse(bad)) != nil, "\(bad)")
        }
    }

    /// Requests that cover every endpoint, each way of giving it text, and its stream.
    private func requests() -> [(path: String, body: JSONValue)] {
        let messages: JSONValue = [["role": "user", "content": "Hester 京"], ["role": "assistant", "content": ""]]
        let one = json([Float](repeating: 1, count: 256)), two = json((0..<256).map { Float($0) - 100 })
        return [
            ("/tokenize", ["text": "a 京 b"]), ("/tokenize", ["text": ""]), ("/tokenize", ["messages": messages]),
            ("/extract", ["text": "Long ago"]), ("/extract", ["messages": messages]),
            ("/explain", ["text": "Long ago", "max_new_tokens": 12]),
            ("/explain", ["messages": messages, "positions": [-1, 2], "stream": true]),
            ("/describe", ["activations": [one, two], "temperature": 2]),
            ("/describe", ["activations": [one, two], "stream": true]),
            ("/score", ["description": "It ends with \"京\".", "activation": two]),
            ("/score", ["description": "", "activation": two]),
            ("/compare", ["activation_a": one, "activation_b": two]),
            ("/completion", ["text": "Long ago"]), ("/completion", ["messages": messages, "stream": true]),
        ]
    }

    @Test("Answers and frames fit their descriptions")
    func answers() async throws {
        try await withServer { client, _ async throws in
            for (path, body) in requests() {
                #expect(try #require(Contract.requests[path]).problem(body) == nil, "\(path)")
                if body["stream"] == true {
                    for frame in try await client.frames(path, body).values {
                        let problem = try #require(Contract.frames[path]).problem(frame)
                        #expect(problem == nil, "\(path): \(frame.serialized())")
                    }
                } else {
                    let problem = try #require(Contract.answers[path]).problem(await client.json(path, body))
                    #expect(problem == nil, "\(path)")
                }
            }
            #expect(Contract.health.problem(try await client.get("/").json()) == nil)
        }
    }

    @Test(
        "Answers fit the published contract, too",
        .enabled(if: (try? PublishedContract()) != nil, "needs ../shared/contracts, or $INTERLINEAR_SHARED"))
    func published() async throws {
        let contract = try #require(try PublishedContract())
        try await withServer { client, _ async throws in
            for (path, body) in requests() {
                #expect(try contract.request(path).problem(body) == nil, "\(path)")
                guard body["stream"] != true else { continue }
                let problem = try contract.answer(path, status: 200).problem(await client.json(path, body))
                #expect(problem == nil, "\(path)")
                let refusal = try await client.post(path, ["text": 3, "activation": 3])
                #expect(refusal.status == 422)
                #expect(try contract.answer(path, status: 422).problem(refusal.json()) == nil, "\(path)")
            }
            #expect(try contract.answer("/", status: 200).problem(await client.get("/").json()) == nil)
        }
        #expect(Set(contract.paths) == Set(Contract.requests.keys).union(["/"]))
    }

    @Test(
        "Our description and the published one agree about made-up requests",
        .enabled(if: (try? PublishedContract()) != nil, "needs ../shared/contracts, or $INTERLINEAR_SHARED"))
    func agreement() throws {
        let contract = try #require(try PublishedContract())
        var random = Random(seed: 3)
        for (path, own) in Contract.requests {
            let theirs = try contract.request(path)
            for _ in 0..<300 {
                var body = own.sample(&random)
                if Bool.random(using: &random) { body = Fuzzer.damaged(body, &random) }
                // Ours also says how wide an activation is and how long a role may be.
                if own.problem(body) == nil { #expect(theirs.problem(body) == nil, "\(path) \(body.serialized())") }
                if theirs.problem(body) != nil { #expect(own.problem(body) != nil, "\(path) \(body.serialized())") }
            }
        }
    }
}
