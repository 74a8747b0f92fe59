import Foundation
import JSON
import Studio
import Testing

/// The frames of every stream, in shape and order, and that they come to what is answered without streaming.
@Suite("Server-sent events")
struct StreamTests {
    private let text = "Long ago Hester worked at the orchard with Bram."

    @Test("/explain: what is coming, words so far, results, the end")
    func explain() async throws {
        try await withServer { client, _ async throws in
            let positions: JSONValue = [0, -1, 4]
            let body = JSONObject([("text", .string(text)), ("positions", positions), ("temperature", 0)])
            let plain = try await client.json("/explain", .object(body))
            var streaming = body
            streaming["stream"] = true
            let frames = try await client.frames("/explain", .object(streaming))
            #expect(frames.isDone)
            let meta = try #require(frames.values.first?.object)
            #expect(Set(meta.keys) == ["layer_index", "total", "prompt_length"])
            #expect(meta["total"] == 3 && meta["layer_index"] == 6)
            let progress = frames.values.dropFirst().filter { $0["done"] != nil }
            #expect(!progress.isEmpty)
            for frame in progress {
                #expect(frame.object.map { Set($0.keys) } == ["position", "text", "done"] && frame["done"] == false)
                #expect(frame["text"]?.string?.contains("explanation>") == false)
            }
            let results = frames.values.dropFirst().filter { $0["description"] != nil }
            #expect(results.count == 3 && results.count + progress.count + 1 == frames.values.count)
            for result in results {
                let same = plain["results"]?.array?.first { $0["position"] == result["position"] }
                #expect(same?["description"] == result["description"] && same?["token"] == result["token"])
                // What was shown on the way is a beginning of what came of it, and nothing follows the result.
                let own = frames.values.filter { $0["position"] == result["position"] }
                #expect(own.last == result)
                for frame in own.dropLast() {
                    let words = try #require(frame["text"]?.string)
                    #expect(result["description"]?.string?.hasPrefix(words) == true, "\(words)")
                }
            }
        }
    }

    @Test("/describe: words so far and results, each with its index, and the end")
    func describe() async throws {
        try await withServer { client, _ async throws in
            let tokens = try #require(try await client.json("/extract", ["text": .string(text)])["tokens"]?.array)
            let vectors = tokens.prefix(4).compactMap { $0["activation"] }
            let body = JSONObject([("activations", .array(vectors)), ("temperature", 0)])
            let plain = try await client.json("/describe", .object(body))
            var streaming = body
            streaming["stream"] = true
            let frames = try await client.frames("/describe", .object(streaming))
            #expect(frames.isDone)
            for frame in frames.values {
                let keys = try #require(frame.object.map { Set($0.keys) })
                let isResult = frame["description"] != nil
                #expect(
                    keys
                        == (isResult
                            ? ["index", "description", "mse", "cosine_similarity"] : ["index", "text", "done"]))
                guard isResult, let index = frame["index"]?.int else { continue }
                #expect(plain["results"]?[index]?["description"] == frame["description"])
            }
            #expect(
                frames.values.filter { $0["description"] != nil }.compactMap { $0["index"]?.int }.sorted() == [
                    0, 1, 2, 3,
                ])
        }
    }

    @Test("/completion: the prompt, token by token, the text")
    func completion() async throws {
        try await withServer { client, _ async throws in
            let body = JSONObject([("text", .string(text)), ("completion_tokens", 8), ("temperature", 0)])
            let plain = try await client.json("/completion", .object(body))
            var streaming = body
            streaming["stream"] = true
            let frames = try await client.frames("/completion", .object(streaming)).values
            let first = try #require(frames.first), last = try #require(frames.last)
            #expect(first["type"] == "prompt" && last["type"] == "done")
            #expect(first["prompt_length"] == plain["prompt_length"] && last["text"] == plain["text"])
            let tokens = frames.dropFirst().dropLast()
            #expect(tokens.allSatisfy { $0["type"] == "token" })
            let all = (first["tokens"]?.array ?? []) + tokens.compactMap { $0["token"] }
            #expect(all == plain["tokens"]?.array)
        }
    }

    @Test("The first words of an explanation come while others are still being written")
    func early() async throws {
        // Two at a time: a stream that only came whole would hold its results back to the end.
        try await withServer {
            $0.maximumConcurrent = 2
        } _: { client, _ async throws in
            let frames = try await client.frames(
                "/explain", ["text": .string(text), "stream": true, "temperature": 0]
            ).values
            let firstResult = try #require(frames.firstIndex { $0["description"] != nil })
            #expect(frames[firstResult...].contains { $0["done"] == false })
        }
    }
}
