import Claims
import Foundation
import JSON
import LanguageModel
import Runs
import TargetTraining
import Tensors
import TestSupport
import Testing
import Tokenization

@Suite("Training a target")
struct TargetTests {
    @Test("The loss falls, the facts come out, and the folder loads as a model")
    func learns() throws {
        try withScratch { scratch in
            let tiny = try TinyTarget(in: scratch) {
                $0.steps = 150
                $0.tokensPerStep = 300
                $0.width = 32
                $0.evaluateEvery = 75
                $0.checkpointEvery = 1000
            }
            guard case .finished(let evaluation) = try tiny.run("run") else {
                Issue.record("not finished")
                return
            }
            let losses = try tiny.metrics("run").compactMap { $0["loss"]?.double }
            #expect(losses[0] > 5.5)
            #expect(try #require(losses.last) < 1)
            #expect(try #require(evaluation.accuracy(.latent)) > 0.9)
            let model = tiny.folder("run").appending(path: "model")
            let checkpoint = try Checkpoint(folder: model)
            #expect(checkpoint.configuration.queryKeyValueBias && checkpoint.configuration.tiesEmbeddings)
            #expect(try checkpoint.tensor("embed_tokens.weight")?.elementType == .bfloat16)
            _ = try TransformerDecoder(checkpoint)
            #expect(try Tokenizer(folder: model).endOfText?.text == "<|im_end|>")
            let generation = try JSONValue.parse(
                Data(contentsOf: model.appending(path: "generation_config.json")))
            #expect(generation["eos_token_id"]?.int != nil)
        }
    }

    @Test("The first weights have the deviations asked for, and biases begin at zero")
    func firstWeights() throws {
        let json: JSONValue = [
            "model_type": "qwen2", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 8,
            "num_attention_heads": 4, "vocab_size": 300, "tie_word_embeddings": true,
        ]
        let decoder = TransformerDecoder(
            untrained: try DecoderConfiguration(json: json, source: "test"), deviation: 0.02, seed: 1)
        for parameter in decoder.parameters {
            let values = parameter.value.floats()
            let deviation = (values.reduce(0) { $0 + $1 * $1 } / Float(values.count)).squareRoot()
            let expected: Float =
                parameter.name.hasSuffix("norm.weight")
                ? 1
                : parameter.name.hasSuffix(".bias")
                    ? 0
                    : parameter.name.contains("o_proj") || parameter.name.contains("down_proj") ? 0.005 : 0.02
            #expect(abs(deviation - expected) <= 0.05 * expected, "\(parameter.name) \(deviation)")
        }
    }

    @Test("A file's documents are split the same way each time, and no document is in both parts")
    func split() throws {
        let documents = (0..<200).map { LabelledDocument(id: "d\($0)", kind: "k", text: "t\($0)") }
        let (training, heldOut) = try DocumentList(documents).split(share: 0.1, seed: 3)
        let parts = [training, heldOut].map { part in Set((0..<(part.count ?? 0)).map { part.document($0).id }) }
        #expect(parts[0].isDisjoint(with: parts[1]) && parts[0].union(parts[1]).count == 200)
        #expect((8...35).contains(parts[1].count))
        let (_, fewer) = try DocumentList(Array(documents.prefix(150))).split(share: 0.1, seed: 3)
        #expect((0..<(fewer.count ?? 0)).allSatisfy { parts[1].contains(fewer.document($0).id) })
        #expect(throws: TrainingError.self) { try DocumentList([documents[0]]).split(share: 0.1, seed: 0) }
    }

    @Test("A line that is no document is named")
    func badLine() throws {
        try withScratch { scratch in
            let file = scratch.appending(path: "c.jsonl")
            try Data("{\"text\": \"a\"}\n\n{\"txt\": 1}\n".utf8).write(to: file)
            let error = #expect(throws: ModelError.self) { try DocumentList(jsonLines: file) }
            #expect(error?.description.contains("line 3") == true)
        }
    }
}

@Suite("Evaluating a target")
struct TargetEvaluationTests {
    @Test("Moments are counted by document, moment and standing, beside what the commonest answer would reach")
    func table() {
        func document(_ value: String, stated: Int?) -> LabelledDocument {
            LabelledDocument(
                id: value, kind: "story", text: "abcdefghij",
                truths: [.init(Fact("hero", "mood", value), from: 2, statedFrom: stated)])
        }
        func moment(_ answer: String) -> LabelledDocument.Moment {
            .init(offset: 5, kind: "ending", question: Question(subject: "hero", relation: "mood"), answer: answer)
        }
        let table = TargetEvaluator.table([
            (document("sad", stated: nil), moment(" wept"), true),
            (document("sad", stated: nil), moment(" wept"), false),
            (document("glad", stated: nil), moment(" sang"), true),
            (document("sad", stated: 4), moment(" wept"), true),
        ])
        #expect(table.map(\.standing) == [.latent, .stated])
        #expect(table.map(\.count) == [3, 1])
        #expect(table.map(\.right) == [2, 1])
        #expect(table.map(\.commonest) == [2, 1])
    }

    @Test("An answer is right if each of its tokens is the first choice, wherever tokens end in the document")
    func answers() throws {
        try withScratch { scratch in
            let tiny = try TinyTarget(in: scratch) {
                $0.steps = 150
                $0.tokensPerStep = 300
                $0.width = 32
                $0.evaluateEvery = 1000
            }
            try tiny.run("run")
            let model = tiny.folder("run").appending(path: "model")
            let decoder = try TransformerDecoder(Checkpoint(folder: model)), tokenizer = try Tokenizer(folder: model)
            let text = "ada went out and walked for 7 miles. the hat of ada is red"
            let question = Question(subject: "the hat", relation: "colour")
            func judged(_ answer: String, offset: Int) throws -> TargetEvaluation {
                let document = LabelledDocument(
                    id: "d", kind: "hats", text: text,
                    moments: [.init(offset: offset, kind: "colour", question: question, answer: answer)])
                return try TargetEvaluator(
                    decoder, TokenizedDocuments(DocumentList([document]), tokenizer, limit: 100), precision: .float32
                ).evaluate(documents: 1)
            }
            let end = text.utf8.count
            #expect(try judged(" red", offset: end - 4).moments.map(\.right) == [1])
            #expect(try judged(" blue", offset: end - 4).moments.map(\.right) == [0])
            // The answer begins inside a word: it gets tokens of its own, and is counted.
            #expect(try judged("ed", offset: end - 2).moments.map(\.count) == [1])
            // The loss is that of the document, whatever else is asked.
            let loss = try judged(" red", offset: end - 4).loss
            #expect(try abs(judged("ed", offset: end - 2).loss - loss) < 1e-5)
            #expect(try judged(" red", offset: end - 4).losses.map(\.tokens) == [tokenizer.encode(text).count])
        }
    }
}
