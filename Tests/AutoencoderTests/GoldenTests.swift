import Autoencoder
import Foundation
import LanguageModel
import Tensors
import Testing

@Suite("Autoencoders against PyTorch")
struct GoldenTests {
    @Test("Reconstructions are those of PyTorch", arguments: GoldenPair.names)
    func reconstructions(name: String) throws {
        let golden = try GoldenPair(name)
        let reconstructor = try Reconstructor(folder: golden.ar, precision: .float32)
        let vectors = try reconstructor.reconstruct(golden.texts)
        let expected = try golden.tensor("vectors")
        for row in 0..<vectors.rows {
            #expect(vectors.rows(row..<row + 1).relativeError(to: expected.rows(row..<row + 1)) < 1e-5, "row \(row)")
        }
    }

    @Test(
        "Greedy explanations are those of PyTorch, by replacement and by norm-matched addition",
        arguments: GoldenPair.names)
    func explanations(name: String) throws {
        let golden = try GoldenPair(name)
        let verbalizer = try Verbalizer(folder: golden.av, precision: .float32)
        #expect(verbalizer.prompt.ids == golden.prompt)
        #expect(verbalizer.injection.method == (name == "qwen2" ? .replace : .normMatchedAdd))
        let explained = try verbalizer.explain(golden.tensor("activations"), .init(maximumTokens: 32)).map { $0[0] }
        #expect(explained.map(\.ids) == golden.ids)
        #expect(explained.map(\.text) == golden.explanations)
        #expect(explained.allSatisfy { $0.isComplete })
    }

    @Test("Scores are those of PyTorch", arguments: GoldenPair.names)
    func scores(name: String) throws {
        let golden = try GoldenPair(name)
        let predictions = try golden.tensor("vectors")
        let rows = try Scores.rows(predictions, golden.tensor("activations").rows(0..<predictions.rows))
        for (row, (mse, cosine)) in zip(
            rows, zip(try golden.tensor("mse").floats(), try golden.tensor("cosine").floats()))
        {
            #expect(abs(row.meanSquaredError - Double(mse)) < 1e-5 && abs(row.cosine - Double(cosine)) < 1e-5)
        }
    }

    @Test("Log-probabilities of responses and their gradients are those of PyTorch", arguments: GoldenPair.names)
    func gradients(name: String) throws {
        let golden = try GoldenPair(name)
        let verbalizer = try Verbalizer(folder: golden.av, precision: .float32)
        verbalizer.makeTrainable(precision: .float32)
        let batch = try verbalizer.batch(golden.tensor("activations"), golden.responses)
        let tape = Tape(precision: .float32)
        let logProbabilities = verbalizer.responseLogProbabilities(batch, tape: tape)
        #expect(logProbabilities.value.relativeError(to: try golden.tensor("logprobs")) < 2e-5)
        tape.backward(
            from: logProbabilities,
            gradient: Tensor([Float](repeating: -1, count: batch.tokenCount), shape: [batch.tokenCount]))
        var compared = 0
        for stored in golden.tensors.names where stored.hasPrefix("grad.") {
            let canonical = try #require(Checkpoint.canonicalName(String(stored.dropFirst(5))))
            let parameter = try #require(verbalizer.parameters.first { $0.name == canonical })
            let gradient = try #require(parameter.gradient)
            #expect(gradient.relativeError(to: try golden.tensor(stored)) < 1e-4, "\(stored)")
            compared += 1
        }
        #expect(compared == 4)
    }

    @Test("bfloat16 comes close")
    func halfPrecision() throws {
        let golden = try GoldenPair("qwen2")
        let reconstructor = try Reconstructor(folder: golden.ar, precision: .bfloat16)
        #expect(try reconstructor.reconstruct(golden.texts).relativeError(to: golden.tensor("vectors")) < 0.05)
    }

    @Test("What was sampled has the log-probability that training computes", arguments: GoldenPair.names)
    func sampledLogProbabilities(name: String) throws {
        let golden = try GoldenPair(name)
        let verbalizer = try Verbalizer(folder: golden.av, precision: .float32)
        let vectors = try golden.tensor("activations")
        let samples = try verbalizer.explain(vectors, .init(temperature: 1, maximumTokens: 20, samples: 3, seed: 4))
        let flat = samples.enumerated().flatMap { row, list in list.map { (row, $0) } }
        let batch = try verbalizer.batch(vectors, flat.map { .init(activation: $0, ids: $1.ids) })
        let computed = verbalizer.responseLogProbabilities(batch, tape: Tape(recording: false)).value.floats()
        for (range, (_, sample)) in zip(batch.ranges, flat) {
            for (a, b) in zip(computed[range], sample.logProbabilities) { #expect(abs(a - b) < 1e-4 + 1e-4 * abs(b)) }
        }
    }
}
