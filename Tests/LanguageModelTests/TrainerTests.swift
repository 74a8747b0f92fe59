import Foundation
import LanguageModel
import Tensors
import TestSupport
import Testing

@Suite("Training a language model")
struct TrainerTests {
    private func decoder(seed: UInt64 = 3) throws -> TransformerDecoder {
        let configuration = try Checkpoint(folder: goldens.appendingPathComponent("models/qwen2")).configuration
        return TransformerDecoder(random: configuration, .float32, deviation: 0.1, seed: seed)
    }

    /// A text whose next token is determined: counting in a ring of 20.
    private let ring = (0..<200).map { Int32($0 % 20) }

    @Test("The loss of a determined text falls towards zero")
    func learns() throws {
        var losses: [Double] = []
        try LanguageModelTrainer(decoder(), precision: .float32).train(
            on: ring, .init(steps: 60, batchSize: 4, windowLength: 24, learningRate: 1e-2)
        ) {
            losses.append($1)
        }
        #expect(losses[0] > 2.5)
        #expect(try #require(losses.last) < 0.3)
    }

    @Test("The same seed trains the same weights")
    func repeatable() throws {
        let weights = try (0..<2).map { _ in
            let decoder = try decoder()
            try LanguageModelTrainer(decoder, precision: .float32).train(
                on: ring, .init(steps: 5, batchSize: 2, windowLength: 16)
            ) { _, _ in }
            return decoder.parameters.map { $0.master.floats() }
        }
        #expect(weights[0] == weights[1])
    }

    @Test("A text of one token is refused")
    func tooShort() throws {
        let trainer = LanguageModelTrainer(try decoder(), precision: .float32)
        #expect(throws: ModelError.self) { try trainer.train(on: [1], .init(steps: 1)) { _, _ in } }
    }
}
