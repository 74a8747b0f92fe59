import Autoencoder
import Foundation
import JSON
import LanguageModel
import Studio
import Tensors
import Testing
import Tokenization

/// `/generate` for clients that put the activation into the prompt themselves.
@Suite("/generate")
struct GenerateTests {
    /// What a client of the hosted service sends: the embeddings of the verbalizer's prompt with the activation at the marker.
    private func injected(_ activation: [Float]) throws -> [[Float]] {
        let verbalizer = try Bundled.pair().verbalizer
        let table = verbalizer.decoder.embedding.master
        var rows = verbalizer.prompt.ids.map { table.rows(Int($0)..<Int($0) + 1).floats() }
        let norm = activation.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        rows[verbalizer.prompt.prefix.count] = activation.map { Float(Double($0) * 16 / norm) }
        return rows
    }

    private func activation() throws -> [Float] {
        let target = try Bundled.target()
        return try target.activations(
            target.tokenizer.encode("Long ago Hester worked at the orchard with Bram."), positions: [-1]
        ).floats()
    }

    @Test("Embeddings with the activation in them give the explanation that /describe gives")
    func embeddings() async throws {
        let activation = try activation()
        let rows = JSONValue.array(try injected(activation).map(json))
        try await withServer { client, _ async throws in
            let described = try await client.json("/describe", ["activations": [json(activation)], "temperature": 0])
            let parameters: JSONValue = [
                "temperature": 0, "max_new_tokens": 100, "stop": "</explanation>", "no_stop_trim": true,
            ]
            let one = try await client.json("/generate", ["input_embeds": rows, "sampling_params": parameters])
            let explanation = Explanation(text: one["text"]?.string ?? "").description
            #expect(explanation == described["results"]?[0]?["description"]?.string)
            #expect(one["meta_info"]?["finish_reason"]?["matched"] == "</explanation>")
            #expect(one["meta_info"]?["prompt_tokens"]?.int == rows.array?.count)
            #expect(one["meta_info"]?["completion_tokens"]?.int == one["output_ids"]?.array?.count)
            // The same twice, as a list.
            let two = try await client.json(
                "/generate", ["input_embeds": [rows, rows], "sampling_params": parameters])
            #expect(two.array?.compactMap { $0["text"] } == [one["text"], one["text"]].compactMap { $0 })
        }
    }

    @Test("Text and ids are continued alike, with the reason why they end")
    func textAndIDs() async throws {
        let ids = try Bundled.pair().verbalizer.tokenizer.encode("Explain this")
        try await withServer { client, _ async throws in
            let parameters: JSONValue = ["temperature": 0, "max_new_tokens": 4]
            let text = try await client.json("/generate", ["text": "Explain this", "sampling_params": parameters])
            let tokens = try await client.json(
                "/generate",
                [
                    "input_ids": .array(ids.map { .integer(Int($0)) }), "sampling_params": parameters,
                    "return_logprob": true,
                ])
            #expect(text["text"] == tokens["text"] && text["output_ids"] == tokens["output_ids"])
            #expect(tokens["meta_info"]?["finish_reason"]?["type"] == "length")
            let logProbabilities = try #require(tokens["meta_info"]?["output_token_logprobs"]?.array)
            #expect(logProbabilities.compactMap { $0[1] } == tokens["output_ids"]?.array)
            #expect(logProbabilities.allSatisfy { ($0[0]?.double ?? 1) <= 0 })
        }
    }

    @Test("A stream repeats the text as it grows, and ends with [DONE]")
    func stream() async throws {
        try await withServer { client, _ async throws in
            let parameters: JSONValue = ["temperature": 0, "max_new_tokens": 6, "ignore_eos": true]
            let body = JSONObject([("text", "Explain this"), ("sampling_params", parameters)])
            let plain = try await client.json("/generate", .object(body))
            var streaming = body
            streaming["stream"] = true
            let frames = try await client.frames("/generate", .object(streaming))
            #expect(frames.isDone && frames.values.last?["text"] == plain["text"])
            #expect(frames.values.last?["meta_info"]?["finish_reason"]?["type"] == "length")
            let texts = frames.values.compactMap { $0["text"]?.string }
            for (before, after) in zip(texts, texts.dropFirst()) { #expect(after.hasPrefix(before)) }
            #expect(frames.values.dropLast().allSatisfy { $0["meta_info"]?["finish_reason"] == .null })
        }
    }

    @Test("A prompt longer than a piece is computed in pieces, to the same end")
    func long() async throws {
        let pair = try Bundled.pair()
        let ids = (0..<1300).map { Int32(300 + ($0 * 7) % 1000) }
        let generator = TextGenerator(
            pair.verbalizer.decoder, pair.verbalizer.tokenizer, stopTokens: [], precision: pair.verbalizer.precision)
        let expected = try generator.generate(ids, .init(sampling: .greedy, maximumTokens: 5))
        let table = pair.verbalizer.decoder.embedding.master
        let rows = ids.map { json(table.rows(Int($0)..<Int($0) + 1).floats()) }
        try await withServer { client, _ async throws in
            let parameters: JSONValue = ["temperature": 0, "max_new_tokens": 5, "ignore_eos": true]
            let byID = try await client.json(
                "/generate", ["input_ids": .array(ids.map { .integer(Int($0)) }), "sampling_params": parameters])
            #expect(byID["output_ids"]?.array?.compactMap(\.int) == expected.ids.map(Int.init))
            let byRow = try await client.json(
                "/generate", ["input_embeds": .array(rows), "sampling_params": parameters])
            #expect(byRow["output_ids"] == byID["output_ids"])
        }
    }

    @Test(
        "What is not honoured, or makes no sense, is refused in one line",
        arguments: [
            #"{"text": "a", "input_ids": [1]}"#, "{}", #"{"input_ids": [99999]}"#, #"{"input_ids": []}"#,
            #"{"input_embeds": [[1, 2]]}"#, #"{"text": "a", "sampling_params": {"min_p": 1.5}}"#,
            #"{"text": "a", "sampling_params": {"regex": "a*"}}"#, #"{"text": ["a"], "sampling_params": [{}, {}]}"#,
            #"{"text": "a", "sampling_params": {"n": 0}}"#, #"{"text": "a", "sampling_params": 3}"#,
            #"{"text": "a", "sampling_params": {"stop": [3]}}"#,
        ])
    func refused(_ body: String) async throws {
        try await withServer { client, _ async throws in
            let answer = try await client.send(
                "POST", "/generate", Array(body.utf8), [("content-type", "application/json")])
            #expect(answer.status == 400, "\(answer.text)")
            let message = try #require(try answer.json()["error"]?["message"]?.string)
            #expect(!message.isEmpty && !message.contains("\n"))
        }
    }
}
