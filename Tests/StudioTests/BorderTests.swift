import Foundation
import GRDB
import JSON
import Studio
import TestSupport
import Testing

/// What comes in from outside is refused at the border, in a line that says where; what a library holds already does no harm.
@Suite("The border of the studio", .serialized)
struct BorderTests {
    private func withStudio(_ body: (Client, URL) async throws -> Void) async throws {
        let folder = try Scratch(), file = folder.path("library.sqlite")
        try await withServer({ $0.page = .init(library: file) }) { client, _ in try await body(client, file) }
    }

    private func bring(_ client: Client, _ lines: [JSONValue]) async throws -> Client.Answer {
        try await bring(client, lines.map { $0.serialized() }.joined(separator: "\n"))
    }

    private func bring(_ client: Client, _ text: String) async throws -> Client.Answer {
        try await client.send("POST", "/studio/import", Array(text.utf8), [])
    }

    /// What `nla explain --json` prints, with one claim.
    private func printed(_ changes: [String: JSONValue] = [:], confidence: JSONValue = 0.5) -> JSONValue {
        var result: JSONObject = [
            "position": 0, "token": "a", "description": "d", "claims": [["text": "x", "confidence": confidence]],
        ]
        for (key, value) in changes { result[key] = value }
        return ["results": [.object(result)], "tokens": 1, "layer": 5]
    }

    private func reading(_ changes: [String: JSONValue] = [:]) -> JSONValue {
        var line: JSONObject = [
            "type": "reading", "id": "7", "created": "2026-01-01T00:00:00Z", "title": "t", "pair": "tiny", "layer": 5,
            "text": "a b",
            "messages": .null, "truth": .null,
            "tokens": [["token": "a", "token_id": 5, "position": 0], ["token": " b", "token_id": 6, "position": 1]],
        ]
        for (key, value) in changes { line[key] = value }
        return .object(line)
    }

    private func explanation(_ changes: [String: JSONValue] = [:]) -> JSONValue {
        var line: JSONObject = [
            "type": "explanation", "reading": "7", "created": "", "pair": "tiny", "position": 1, "token": "a",
            "sample": 0,
            "text": "w", "description": "w", "complete": true, "mse": 0.5, "origin": "model",
            "claims": [["sentence": "w"]],
        ]
        for (key, value) in changes { line[key] = value }
        return .object(line)
    }

    /// 422, in one line that names the place, and nothing is there.
    private func expectRefused(_ answer: Client.Answer, _ place: String, _ client: Client) async throws {
        #expect(
            answer.status == 422 && answer.text.contains(place), "\(place): \(answer.status) \(answer.text.prefix(300))"
        )
        #expect(try await client.get("/studio/library/readings").json()["readings"]?.array?.isEmpty == true)
    }

    @Test("A confidence that is no probability is refused, in what nla explain prints and in an export")
    func confidence() async throws {
        try await withStudio { client, _ in
            for value: JSONValue in [
                1e300, -1e300, 1.5, -0.1, .number(.nan), .number(.infinity), .integer(.max), "0.5", [0.5],
            ] {
                try await expectRefused(
                    bring(client, [printed(confidence: value)]), "results[0].claims[0].confidence", client)
                try await expectRefused(
                    bring(client, [reading(), explanation(["claims": [["sentence": "w", "confidence": value]]])]),
                    "line 2: claims[0].confidence", client)
            }
            for value: JSONValue in [0, 1, 0.5, -0.0, .null] {
                #expect(try await bring(client, [printed(confidence: value)]).status == 200)
                let answer = try await bring(
                    client, [reading(), explanation(["claims": [["sentence": "w", "confidence": value]]])])
                let id = try #require(answer.json()["readings"]?[0]?.string)
                #expect(try await client.get("/studio/readings/\(id)/export.html").status == 200)
            }
        }
    }

    @Test("A token id that is none is refused, and one of another target is told when the reading is used")
    func tokenID() async throws {
        try await withStudio { client, _ in
            for value: JSONValue in [3_000_000_000, -1, .integer(.min), 1e300, .number(.nan), "5"] {
                try await expectRefused(bring(client, [printed(["token_id": value])]), "results[0].token_id", client)
                let tokens: JSONValue = [["token": "a", "token_id": value, "position": 0]]
                try await expectRefused(
                    bring(client, [reading(["tokens": tokens])]), "line 1: tokens[0].token_id", client)
            }
            let answer = try await bring(client, [printed(["token_id": .integer(Int(Int32.max))])])
            let id = try #require(answer.json()["readings"]?[0]?.string)
            for path in ["norms", "explain", "edit", "layers"] {
                let used = try await client.post(
                    "/studio/readings/\(id)/\(path)", ["positions": [0], "position": 0, "text": "w"])
                #expect(
                    used.status == 409 && used.text.contains("another target"), "\(path): \(used.status) \(used.text)")
            }
            #expect(try await client.get("/studio/export").status == 200)
        }
    }

    /// Fields of an imported reading, and what they cannot be.
    private static let badReadings: [(String, String)] = [
        ("layer", "-1"), ("layer", "1e300"), ("tokens", "[]"), ("tokens", #"[{"token": "a", "position": 1}]"#),
        ("messages", #""x""#),
        ("messages", "[1]"), ("messages", #"[{"role": "user", "content": 1}]"#), ("truth", #"{"text": "other"}"#),
        ("title", "null"), ("text", "7"),
        ("created", "\"\(String(repeating: "1", count: 41))\""),
    ]

    @Test("Every other field of an import has its bounds", arguments: badReadings.indices)
    func readings(_ index: Int) async throws {
        let (key, value) = BorderTests.badReadings[index]
        try await withStudio { client, _ in
            try await expectRefused(
                bring(client, [reading([key: try JSONValue.parse(value)])]), "line 1: \(key)", client)
        }
    }

    /// Fields of an imported explanation, and what they cannot be.
    private static let badExplanations: [(String, String)] = [
        ("position", "2"), ("position", "-1"), ("position", "9223372036854775807"), ("sample", "9223372036854775807"),
        ("sample", "-1"),
        ("mse", "NaN"), ("mse", #""1""#), ("cosine_similarity", "Infinity"), ("l2_norm", "[1]"),
        ("temperature", "-Infinity"),
        ("complete", "1"), ("origin", #""x""#), ("seed", "5"), ("claims", #""x""#), ("claims", #"[{"sentence": 1}]"#),
        ("claims", #"[{"sentence": "w", "truth": "perhaps"}]"#),
        ("claims", #"[{"sentence": "w", "fact": {"subject": 1}}]"#),
        ("activation", #""AAA""#), ("activation", #""AAAAfwAAgH8=""#), ("description", "null"),
        ("token", "\"\(String(repeating: "a", count: 10_001))\""),
        // One character to a reader, and many bytes.
        ("description", "\"a\(String(repeating: "\u{301}", count: 70_000))\""),
    ]

    @Test("Every other field of an imported explanation has its bounds", arguments: badExplanations.indices)
    func explanations(_ index: Int) async throws {
        let (key, value) = BorderTests.badExplanations[index]
        try await withStudio { client, _ in
            let line = explanation([key: try JSONValue.parse(value)])
            try await expectRefused(bring(client, [reading(), line]), "line 2: \(key)", client)
        }
    }

    @Test("Files that are none, deep, empty or cut are refused in a line")
    func files() async throws {
        try await withStudio { client, _ in
            let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
            for text in [
                "", "\n\n", "[]", "{}", "null", deep, "{\"results\":\(deep)}", "\u{FEFF}", "{\"type\":\"reading\"",
                "\0",
            ] {
                let answer = try await bring(client, text)
                #expect(answer.status == 422, "\(text.prefix(20)): \(answer.status) \(answer.text.prefix(200))")
            }
            let whole = reading().serialized()
            try await expectRefused(bring(client, "\(whole)\n{\"type\":"), "line 2: no JSON", client)
            try await expectRefused(
                bring(client, "\(whole)\n\(whole.replacing("a b", with: "a\\u0000b"))"), "U+0000", client)
        }
    }

    @Test("What an earlier version stored, or a hand changed, is mended or left out; nothing of it ends the server")
    func stored() async throws {
        let folder = try Scratch(), file = folder.path("library.sqlite")
        var id = ""
        try await withServer({ $0.page = .init(library: file) }) { client, _ in
            let answer = try await bring(
                client,
                [
                    reading(), explanation(), explanation(),
                    ["type": "note", "reading": "7", "created": "", "text": "n"],
                ])
            id = try #require(answer.json()["readings"]?[0]?.string)
        }
        let changes = [
            "UPDATE explanation SET claims = '[{\"sentence\":\"w\",\"confidence\":1e300}]', mse = 1e999, cosine = 'x', sample = -3",
            "UPDATE explanation SET activation = x'0000807F'", "UPDATE explanation SET activation = 'text'",
            "UPDATE explanation SET claims = '{'", "UPDATE explanation SET position = 9223372036854775807 WHERE id = 1",
            "UPDATE explanation SET position = 1000 WHERE id = 2", "UPDATE note SET position = 'x'",
            "UPDATE reading SET layer = -7",
            "UPDATE reading SET tokens = '[{\"token\":\"a\",\"token_id\":3000000000}]'",
            "UPDATE reading SET truth = '[1]'",
            "UPDATE reading SET title = x'FF00FE'", "UPDATE reading SET tokens = 'x'",
        ]
        for change in changes {
            let queue = try DatabaseQueue(path: file.path)
            try await queue.write { try $0.execute(sql: change) }
            try queue.close()
            try await withServer({ $0.page = .init(library: file) }) { client, _ in
                func expectReason(_ answer: Client.Answer) {
                    let isTold =
                        answer.status < 300 || [409, 422].contains(answer.status)
                        || answer.text.contains("of the library")
                    #expect(isTold, "\(change): \(answer.status) \(answer.text.prefix(300))")
                }
                for path in [
                    "readings/\(id)", "readings/\(id)/export.html", "export", "library?words=w", "library/readings",
                ] {
                    expectReason(try await client.get("/studio/\(path)"))
                }
                for path in ["norms", "explain", "edit", "layers", "notes", "compare", "steer"] {
                    expectReason(
                        try await client.post(
                            "/studio/readings/\(id)/\(path)",
                            ["positions": [0], "position": 0, "text": "w", "original": "w", "other_position": 0]))
                }
            }
        }
        try await withServer({ $0.page = .init(library: file) }) { client, _ in
            let refused = try await client.get("/studio/readings/\(id)")
            #expect(
                refused.status == 500 && refused.text.contains("reading \(id) of the library: title"), "\(refused.text)"
            )
            #expect(try await client.send("DELETE", "/studio/readings/\(id)", nil, []).status == 204)
            #expect(try await client.get("/studio/library/readings").json()["readings"]?.array?.isEmpty == true)
        }
    }

    @Test("Rows that are none are left out of a reading, and counted")
    func damagedRows() async throws {
        try await withStudio { client, file in
            let answer = try await bring(client, [reading(), explanation(), explanation()])
            let id = try #require(answer.json()["readings"]?[0]?.string)
            let queue = try DatabaseQueue(path: file.path)
            try await queue.write { try $0.execute(sql: "UPDATE explanation SET position = 'x' WHERE id = 1") }
            let found = try await client.get("/studio/readings/\(id)").json()
            #expect(found["damaged"]?.int == 1 && found["explanations"]?.array?.count == 1)
            let lines = try await client.get("/studio/export").text.split(separator: "\n")
            #expect(lines.count == 2)
            #expect(try await client.get("/studio/library").json()["items"]?.array?.count == 1)
        }
    }

    @Test("The nearest of more explanations than are read at once are those that the cosine says")
    func nearest() async throws {
        try await withStudio { client, file in
            let begun = try await client.post("/studio/readings", ["text": "Rosa took a saddle out of a bag."])
            let id = try #require(begun.json()["id"]?.string)
            let tokens = (0..<1500).map { index -> JSONValue in
                ["token": "a", "token_id": 5, "position": .integer(index)]
            }
            // Of the first axis, turned a little further with each.
            let lines = (0..<1500).map { index -> JSONValue in
                var vector = [Float](repeating: 0, count: 256)
                vector[0] = 1
                vector[1] = Float(index) / 100
                let bytes = vector.flatMap { value in
                    Swift.withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
                }
                return explanation([
                    "position": .integer(index), "activation": .string(Data(bytes).base64EncodedString()),
                    "description": .string("number \(index)"),
                ])
            }
            let answer = try await bring(client, [reading(["tokens": .array(tokens)])] + lines)
            #expect(answer.status == 200, "\(answer.text.prefix(200))")
            let edited = try await client.json(
                "/studio/readings/\(id)/edit", ["position": 0, "text": "The hero is greedy."])
            let near = try #require(edited["nearest"]?.array)
            let cosines = near.compactMap { $0["cosine_similarity"]?.double }
            #expect(near.count == 8 && cosines == cosines.sorted(by: >), "\(cosines)")
            // Each vector is the first axis, turned a little further than the one before it. So the eight nearest to any vector are
            // eight in a row, or some from each end.
            let places = Set(near.compactMap { $0["position"]?.int })
            let inARow = (0..<1500).contains { first in places == Set((first..<first + 8).map { $0 % 1500 }) }
            #expect(inARow, "\(places.sorted())")
        }
    }
}
