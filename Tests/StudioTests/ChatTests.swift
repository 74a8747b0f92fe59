import Foundation
import JSON
import Studio
import Testing

/// `/v1` as clients of OpenAI's interface use it.
@Suite("/v1")
struct ChatTests {
    private let messages: JSONValue = [["role": "user", "content": "What will you do? Dario said: I will"]]

    @Test("The target is listed, and answers under its name alone")
    func models() async throws {
        try await withServer { client, _ async throws in
            let list = try await client.get("/v1/models").json()
            #expect(list["object"] == "list" && list["data"]?[0]?["id"] == "tiny")
            let good = try await client.post(
                "/v1/chat/completions", ["model": "tiny", "messages": messages, "max_tokens": 2])
            #expect(good.status == 200)
            let bad = try await client.post("/v1/chat/completions", ["model": "gpt-4", "messages": messages])
            #expect(try bad.status == 404 && bad.json()["error"]?["message"]?.string?.contains("tiny") == true)
        }
    }

    @Test("A stream comes to what is answered without one, and counts tokens if asked")
    func stream() async throws {
        try await withServer { client, _ async throws in
            let body = JSONObject([("messages", messages), ("max_tokens", 12), ("temperature", 0)])
            let plain = try await client.json("/v1/chat/completions", .object(body))
            #expect(plain["object"] == "chat.completion")
            #expect(plain["choices"]?[0]?["message"]?["role"] == "assistant")
            var streaming = body
            streaming["stream"] = true
            streaming["stream_options"] = ["include_usage": true]
            let frames = try await client.frames("/v1/chat/completions", .object(streaming))
            #expect(frames.isDone && frames.values.allSatisfy { $0["object"] == "chat.completion.chunk" })
            let text = frames.values.compactMap { $0["choices"]?[0]?["delta"]?["content"]?.string }.joined()
            #expect(text == plain["choices"]?[0]?["message"]?["content"]?.string)
            let reasons = frames.values.compactMap { $0["choices"]?[0]?["finish_reason"]?.string }
            #expect(reasons == [plain["choices"]?[0]?["finish_reason"]?.string].compactMap { $0 })
            #expect(frames.values.last?["usage"] == plain["usage"])
        }
    }

    @Test("Several answers of one seed differ from each other and come again; stop strings end them")
    func several() async throws {
        try await withServer { client, _ async throws in
            let body: JSONValue = [
                "messages": messages, "max_tokens": 16, "n": 3, "seed": 5, "temperature": 1.5, "logprobs": true,
            ]
            let one = try await client.json("/v1/chat/completions", body)
            let two = try await client.json("/v1/chat/completions", body)
            let texts = one["choices"]?.array?.compactMap { $0["message"]?["content"]?.string } ?? []
            #expect(Set(texts).count == 3)
            #expect(two["choices"] == one["choices"])
            let tokens = try #require(one["choices"]?[0]?["logprobs"]?["content"]?.array)
            #expect(!tokens.isEmpty && tokens.allSatisfy { ($0["logprob"]?.double ?? 1) <= 0 })
            let text = try #require(texts.first { $0.count > 4 })
            let stop = String(text.dropFirst(2).prefix(2))
            let cut = try await client.json(
                "/v1/chat/completions",
                [
                    "messages": messages, "max_tokens": 16, "n": 3, "seed": 5, "temperature": 1.5,
                    "stop": [.string(stop)],
                ])
            for choice in cut["choices"]?.array ?? [] {
                #expect(choice["message"]?["content"]?.string?.contains(stop) == false)
            }
        }
    }
}
