import Autoencoder
import Foundation
import JSON
import LanguageModel
import Studio
import Tensors
import Testing
import Tokenization

/// Whether the server says over HTTP what the libraries say in the process.
@Suite("The contract's endpoints")
struct ContractTests {
    private let text = "Long ago Hester worked at the orchard with Bram. In the end Hester"

    @Test("GET / says what is loaded and which limits hold")
    func health() async throws {
        try await withServer { client, _ async throws in
            let health = try await client.get("/").json()
            #expect(health["status"] == "ok" && health["d_model"] == 256 && health["extraction_layer"] == 6)
            #expect(health["reconstructor_available"] == true && health["completion_available"] == true)
            #expect(health["source_model"] == "tiny" && health["verbalizer_model"] == "tiny/av")
            #expect(health["limits"]?["max_positions_per_request"] == 512)
            #expect(health["limits"]?["max_input_chars"] == 65536)
        }
    }

    @Test("/tokenize gives the tokenizer's ids, whose texts joined are the text")
    func tokenize() async throws {
        let target = try Bundled.target()
        try await withServer { client, _ async throws in
            let answer = try await client.json("/tokenize", ["text": .string(text)])
            let tokens = try #require(answer["tokens"]?.array)
            #expect(tokens.compactMap { $0["token_id"]?.int } == target.tokenizer.encode(text).map(Int.init))
            #expect(tokens.compactMap { $0["token"]?.string }.joined() == text)
            #expect(tokens.compactMap { $0["position"]?.int } == Array(tokens.indices))
            #expect(answer["prompt_length"]?.int == tokens.count && answer["text"]?.string == text)
            #expect(tokens.allSatisfy { $0["role"] == .null && $0["section"] == .null })
        }
    }

    @Test("A character that is spread over tokens is shown whole on each of them, with its number")
    func fragments() async throws {
        try await withServer { client, _ async throws in
            let tokens = try #require(try await client.json("/tokenize", ["text": "a京b"])["tokens"]?.array)
            let parts = tokens.filter { ($0["fragment_count"]?.int ?? 1) > 1 }
            #expect(parts.count == 3)
            #expect(parts.allSatisfy { $0["token"] == "京" && $0["fragment_count"] == 3 })
            #expect(parts.compactMap { $0["fragment_index"]?.int } == [0, 1, 2])
        }
    }

    @Test("/tokenize says which message each token of a chat comes from, and which part of it")
    func chat() async throws {
        try await withServer { client, _ async throws in
            let answer = try await client.json(
                "/tokenize",
                ["messages": [["role": "user", "content": "user"], ["role": "assistant", "content": "Yes."]]])
            #expect(
                answer["text"]
                    == "<|im_start|>user\nuser<|im_end|>\n<|im_start|>assistant\nYes.<|im_end|>\n<|im_start|>assistant\n"
            )
            let tokens = try #require(answer["tokens"]?.array)
            func text(_ message: JSONValue, _ section: JSONValue) -> String {
                tokens.filter { $0["message_index"] == message && $0["section"] == section }
                    .compactMap { $0["token"]?.string }.joined()
            }
            #expect(text(0, "header") == "<|im_start|>user\n" && text(0, "content") == "user")
            #expect(text(0, "footer") == "<|im_end|>\n" && text(1, "content") == "Yes.")
            #expect(text(.null, "scaffold") == "<|im_start|>assistant\n")
            #expect(tokens.last?["role"] == "assistant" && tokens.first?["role"] == "user")
        }
    }

    @Test("A final message that is continued stays open, without a generation prompt")
    func continued() async throws {
        try await withServer { client, _ async throws in
            let answer = try await client.json(
                "/tokenize",
                [
                    "messages": [["role": "user", "content": "Hi"], ["role": "assistant", "content": "I think "]],
                    "continue_final_message": true,
                ])
            #expect(
                answer["text"] == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nI think ")
            #expect(answer["tokens"]?.array?.last?["section"] == "content")
        }
    }

    @Test("/extract gives the target's activations", arguments: [1, 30])
    func extract(repetitions: Int) async throws {
        // Thirty repetitions are read in several pieces.
        let text = String(repeating: text + ". ", count: repetitions)
        let target = try Bundled.target()
        let ids = target.tokenizer.encode(text)
        let expected = try target.activations(ids, positions: Array(ids.indices))
        try await withServer { client, _ async throws in
            let answer = try await client.json("/extract", ["text": .string(text)])
            #expect(answer["layer_index"] == 6)
            let tokens = try #require(answer["tokens"]?.array)
            let found = tokens.flatMap { $0["activation"]?.array?.compactMap(\.double).map(Float.init) ?? [] }
            try #require(found.count == expected.count)
            // The weights are bfloat16: a batch of another size rounds differently.
            #expect(Tensor(found, shape: expected.shape).relativeError(to: expected) < 1e-2)
            let norm = try #require(tokens.last?["l2_norm"]?.double)
            #expect(abs(norm - Scores.norm(expected.rows(ids.count - 1..<ids.count))) < 0.01 * norm)
        }
    }

    @Test("/explain says what the explainer does, with the same scores")
    func explain() async throws {
        let pair = try Bundled.pair(), target = try Bundled.target()
        let ids = target.tokenizer.encode(text)
        let activations = try target.activations(ids, positions: [-1, 3])
        let expected = try TextExplainer(pair, variance: nil).explain(activations, .init())
        try await withServer { client, _ async throws in
            let answer = try await client.json(
                "/explain", ["text": .string(text), "positions": [-1, 3], "temperature": 0, "reverse": false])
            #expect(answer["layer_index"] == 6)
            let results = try #require(answer["results"]?.array)
            #expect(results.compactMap { $0["position"]?.int } == [ids.count - 1, 3])
            for (result, row) in zip(results, expected) {
                #expect(result["description"]?.string == row.explanation.description)
                #expect(abs((result["mse"]?.double ?? 9) - row.score.meanSquaredError) < 0.02)
                #expect(abs((result["cosine_similarity"]?.double ?? 9) - row.score.cosine) < 0.02)
                #expect(result["generated"] == false)
            }
        }
    }

    @Test("/explain without positions explains all, last to first unless told otherwise")
    func order() async throws {
        try await withServer { client, _ async throws in
            let count = try #require(
                try await client.json("/tokenize", ["text": .string(text)])["tokens"]?.array?.count)
            for isReversed in [true, false] {
                let answer = try await client.json(
                    "/explain", ["text": .string(text), "reverse": .bool(isReversed), "max_new_tokens": 2])
                let positions = answer["results"]?.array?.compactMap { $0["position"]?.int }
                #expect(positions == (isReversed ? (0..<count).reversed() : Array(0..<count)))
            }
        }
    }

    @Test("/describe and /score agree with the pair, and /compare with the description of the difference")
    func describe() async throws {
        let pair = try Bundled.pair(), target = try Bundled.target()
        let activations = try target.activations(target.tokenizer.encode(text), positions: [-1, 3])
        let expected = try TextExplainer(pair, variance: nil).explain(activations, .init())
        let difference = try pair.compare(activations.rows(0..<1), activations.rows(1..<2), .init())
        let vectors = [activations.rows(0..<1).floats(), activations.rows(1..<2).floats()]
        try await withServer { client, _ async throws in
            let answer = try await client.json(
                "/describe", ["activations": .array(vectors.map(json)), "temperature": 0])
            let results = try #require(answer["results"]?.array)
            #expect(results.count == 2)
            for (index, (result, row)) in zip(results, expected).enumerated() {
                let description = try #require(result["description"]?.string)
                #expect(description == row.explanation.description)
                let score = try await client.json(
                    "/score", ["description": .string(description), "activation": json(vectors[index])])
                #expect(abs((score["mse"]?.double ?? 9) - row.score.meanSquaredError) < 0.02)
                #expect(abs((score["mse"]?.double ?? 9) - (result["mse"]?.double ?? 0)) < 0.02)
                #expect(abs((score["cosine_similarity"]?.double ?? 9) - row.score.cosine) < 0.02)
            }
            let compared = try await client.json(
                "/compare",
                ["activation_a": json(vectors[0]), "activation_b": json(vectors[1]), "temperature": 0])
            #expect(compared["description"]?.string == difference.rows[0].explanation.description)
            #expect(abs((compared["diff_norm"]?.double ?? 0) - difference.norm) < 1e-3 * difference.norm)
        }
    }

    @Test("/completion writes what the generator writes")
    func completion() async throws {
        let target = try Bundled.target()
        let decoder = try TransformerDecoder(target.checkpoint)
        let stops = try TextGenerator.stopTokens(folder: target.checkpoint.folder, tokenizer: target.tokenizer)
        let generator = TextGenerator(
            decoder, target.tokenizer, stopTokens: stops, precision: try target.checkpoint.naturalPrecision())
        let prompt = target.tokenizer.encode(text)
        let expected = try generator.generate(prompt, .init(sampling: .greedy, maximumTokens: 12))
        try await withServer { client, _ async throws in
            let answer = try await client.json(
                "/completion", ["text": .string(text), "completion_tokens": 12, "temperature": 0])
            #expect(answer["prompt_length"]?.int == prompt.count)
            #expect(answer["text"]?.string == text + expected.text)
            let ids = answer["tokens"]?.array?.compactMap { $0["token_id"]?.int }.dropFirst(prompt.count)
            #expect(ids.map(Array.init) == expected.ids.filter { !stops.contains($0) }.map(Int.init))
        }
    }

    @Test("A continuation longer than the server writes is cut, not refused")
    func clamped() async throws {
        try await withServer {
            $0.maximumCompletionTokens = 3
        } _: { client, _ async throws in
            let answer = try await client.json("/completion", ["text": .string(text), "completion_tokens": 9999])
            let written = (answer["tokens"]?.array?.count ?? 0) - (answer["prompt_length"]?.int ?? 0)
            #expect((1...3).contains(written))
        }
    }

    @Test("Without a target the server describes, and says with 503 what it cannot do")
    func alone() async throws {
        try await withServer(models: { ServedModels(verbalizer: try Bundled.pair().verbalizer) }) {
            client, _ async throws in
            let vector = json([Float](repeating: 1, count: 256))
            let described = try await client.json("/describe", ["activations": [vector], "max_new_tokens": 8])
            #expect(described["results"]?[0]?["mse"] == .null)
            for (path, body) in [
                ("/tokenize", ["text": "a"]), ("/explain", ["text": "a"]), ("/completion", ["text": "a"]),
                ("/score", ["description": "a", "activation": vector]),
            ] as [(String, JSONValue)] {
                let answer = try await client.post(path, body)
                #expect(answer.status == 503, "\(path)")
                #expect(try answer.json()["detail"]?.string?.contains("start it with") == true, "\(answer.text)")
            }
            let health = try await client.get("/").json()
            #expect(health["source_model"] == .null && health["completion_available"] == false)
        }
    }
}
