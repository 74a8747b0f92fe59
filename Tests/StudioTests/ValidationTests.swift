import Foundation
import JSON
import Studio
import Testing

/// What requests may not say, where that is said, and in which words.
@Suite("Validation")
struct ValidationTests {
    /// A request, and the place and type of the problem with it.
    struct Case: Sendable, CustomTestStringConvertible {
        let path: String
        let body: String
        let location: [JSONValue]
        let type: String
        var testDescription: String { "\(path) \(body.prefix(60))" }

        init(_ path: String, _ body: String, _ location: [JSONValue], _ type: String) {
            self.path = path
            self.body = body
            self.location = ["body"] + location
            self.type = type
        }
    }

    static let cases: [Case] = [
        Case("/tokenize", "", [], "missing"),
        Case("/tokenize", "{\"text\": ", [.integer(9)], "json_invalid"),
        Case("/tokenize", "[1]", [], "model_attributes_type"),
        Case("/tokenize", "{}", [], "value_error"),
        Case("/tokenize", #"{"text": null, "messages": null}"#, [], "value_error"),
        Case("/tokenize", #"{"text": 3}"#, ["text"], "string_type"),
        Case("/tokenize", #"{"messages": []}"#, ["messages"], "value_error"),
        Case("/tokenize", #"{"messages": {}}"#, ["messages"], "list_type"),
        Case("/tokenize", #"{"messages": [{"content": "a"}]}"#, ["messages", 0, "role"], "missing"),
        Case(
            "/tokenize", #"{"messages": [{"role": "user", "content": null}]}"#, ["messages", 0, "content"],
            "string_type"),
        Case("/tokenize", #"{"messages": ["a"]}"#, ["messages", 0], "model_attributes_type"),
        Case("/tokenize", #"{"text": "a", "add_generation_prompt": 1}"#, ["add_generation_prompt"], "bool_type"),
        Case("/tokenize", #"{"text": "a", "add_generation_prompt": null}"#, ["add_generation_prompt"], "bool_type"),
        Case("/explain", #"{"text": ""}"#, ["text"], "value_error"),
        Case("/explain", #"{"text": "a b", "positions": [0, 99]}"#, ["positions", 1], "value_error"),
        Case("/explain", #"{"text": "a b", "positions": [-99]}"#, ["positions", 0], "value_error"),
        Case("/explain", #"{"text": "a b", "positions": ["1"]}"#, ["positions", 0], "int_type"),
        Case("/explain", #"{"text": "a", "max_new_tokens": 0}"#, ["max_new_tokens"], "greater_than"),
        Case("/explain", #"{"text": "a", "max_new_tokens": 4097}"#, ["max_new_tokens"], "less_than_equal"),
        Case("/explain", #"{"text": "a", "max_new_tokens": 1.5}"#, ["max_new_tokens"], "int_from_float"),
        Case("/explain", #"{"text": "a", "max_new_tokens": "5"}"#, ["max_new_tokens"], "int_type"),
        Case("/explain", #"{"text": "a", "temperature": -0.1}"#, ["temperature"], "greater_than_equal"),
        Case("/explain", #"{"text": "a", "temperature": 5.1}"#, ["temperature"], "less_than_equal"),
        Case("/explain", #"{"text": "a", "temperature": NaN}"#, ["temperature"], "finite_number"),
        Case("/explain", #"{"text": "a", "stream": "yes"}"#, ["stream"], "bool_type"),
        Case("/describe", "{}", ["activations"], "missing"),
        Case("/describe", #"{"activations": []}"#, ["activations"], "too_short"),
        Case("/describe", #"{"activations": [1]}"#, ["activations", 0], "list_type"),
        Case("/describe", #"{"activations": [[1, 2]]}"#, ["activations", 0], "value_error"),
        Case("/describe", #"{"activations": [[1, true]]}"#, ["activations", 0, 1], "float_type"),
        Case("/describe", #"{"activations": [[1e300]]}"#, ["activations", 0, 0], "finite_number"),
        Case("/score", #"{"activation": [1]}"#, ["description"], "missing"),
        Case("/score", #"{"description": "a", "activation": [1]}"#, ["activation"], "value_error"),
        Case("/compare", #"{"activation_a": [1]}"#, ["activation_a"], "value_error"),
        Case("/completion", #"{"text": "a", "completion_tokens": 0}"#, ["completion_tokens"], "greater_than_equal"),
    ]

    @Test("Each problem is a 422 that says where it is and what is wrong, as FastAPI does", arguments: cases)
    func problems(_ one: Case) async throws {
        try await withServer { client, _ async throws in
            let answer = try await client.send(
                "POST", one.path, Array(one.body.utf8), [("content-type", "application/json")])
            #expect(answer.status == 422, "\(answer.text)")
            let problem = try #require(try answer.json()["detail"]?[0], "\(answer.text)")
            #expect(problem["loc"] == .array(one.location), "\(answer.text)")
            #expect(problem["type"]?.string == one.type, "\(answer.text)")
            #expect(problem["msg"]?.string?.isEmpty == false)
        }
    }

    @Test("All problems of a request are told at once")
    func several() async throws {
        try await withServer { client, _ async throws in
            let answer = try await client.post(
                "/explain", ["text": 1, "temperature": "x", "stream": 3, "positions": 4])
            let places = try answer.json()["detail"]?.array?.compactMap { $0["loc"]?[1]?.string }
            #expect(places.map(Set.init) == ["text", "temperature", "stream", "positions"])
        }
    }

    @Test("Lists and texts over the limits are refused, those at the limits are not")
    func limits() async throws {
        try await withServer {
            $0.maximumInputCharacters = 30
            $0.maximumPositions = 3
            $0.maximumDescribeBatch = 2
            $0.maximumDescriptionCharacters = 5
            $0.maximumInputTokens = 12
        } _: { client, _ async throws in
            let vector = json([Float](repeating: 1, count: 256))
            // Thirty characters of four bytes each.
            #expect(try await client.status("/tokenize", ["text": .string(String(repeating: "a", count: 12))]) == 200)
            #expect(try await client.status("/tokenize", ["text": .string(String(repeating: "a", count: 31))]) == 422)
            #expect(try await client.status("/tokenize", ["text": .string(String(repeating: "😀", count: 30))]) == 422)
            #expect(
                try await client.status("/explain", ["text": "a b c", "positions": [0, 0, 0], "max_new_tokens": 1])
                    == 200)
            #expect(try await client.status("/explain", ["text": "a b c", "positions": [0, 0, 0, 0]]) == 422)
            #expect(try await client.status("/explain", ["text": "a b c d"]) == 422)
            #expect(
                try await client.status("/describe", ["activations": [vector, vector], "max_new_tokens": 1]) == 200)
            #expect(try await client.status("/describe", ["activations": [vector, vector, vector]]) == 422)
            #expect(try await client.status("/score", ["description": "12345", "activation": vector]) == 200)
            #expect(try await client.status("/score", ["description": "123456", "activation": vector]) == 422)
        }
    }

    @Test("Vectors without direction, and without difference, are refused")
    func directionless() async throws {
        try await withServer { client, _ async throws in
            let zero = json([Float](repeating: 0, count: 256)), one = json([Float](repeating: 1, count: 256))
            #expect(try await client.post("/describe", ["activations": [one, zero]]).status == 422)
            #expect(try await client.post("/compare", ["activation_a": one, "activation_b": one]).status == 422)
        }
    }
}
