import Foundation
import Tensors
import TestSupport
import Testing

import LanguageModel

@Suite("Training over quantized weights")
struct QuantizedTrainingTests {
    /// Adapters on every linear layer, with both matrices away from zero.
    private func adapt(_ decoder: TransformerDecoder) throws {
        try decoder.attachAdapters(LoRAConfiguration(rank: 3, alpha: 6), seed: 8, precision: .float32)
        for (index, parameter) in decoder.adapterParameters.enumerated() {
            parameter.set(
                master: .uniform(parameter.storage.shape, .float32, deviation: 0.1, seed: UInt64(40 + index)),
                precision: .float32)
        }
    }

    /// The loss of a branching text and the gradients of all trainable parameters, by name.
    private func gradients(_ decoder: TransformerDecoder) -> (loss: Double, [String: Tensor]) {
        var tree = TokenTree()
        let prompt = tree.append([3, 31, 0, 17])
        tree.append([8, 8, 21], after: prompt)
        tree.append([5, 9], after: prompt)
        let targets: [Int32] = [31, 0, 17, 8, 8, 21, 2, 9, 4]
        let tape = Tape(precision: .float32)
        let hidden = decoder.hidden(tree, tape: tape)
        let result = decoder.logProbabilities(of: targets, hidden, tape: tape)
        tape.backward(
            from: result,
            gradient: Tensor(
                [Float](repeating: -1 / Float(targets.count), count: targets.count), shape: [targets.count]))
        let trained = decoder.parameters + decoder.adapterParameters
        return (
            -result.value.floats().reduce(0) { $0 + Double($1) } / Double(targets.count),
            Dictionary(uniqueKeysWithValues: trained.compactMap { one in one.gradient.map { (one.name, $0) } })
        )
    }

    @Test(
        "Gradients of adapters over codes are those over the dequantized weights",
        arguments: ["mlx-4", "mlx-8", "gptq-4-order", "bnb-nf4", "float-8-block"])
    func gradients(name: String) throws {
        let stored = try TransformerDecoder(QuantizedModels.checkpoint(name))
        let dense = try TransformerDecoder(QuantizedModels.checkpoint(name))
        for parameter in dense.parameters {
            parameter.replace(by: Tensor(parameter.value.floats(), shape: parameter.storage.shape))
        }
        #expect(stored.parameters.contains { if case .stored = $0.storage { true } else { false } })
        try adapt(stored)
        try adapt(dense)
        let (loss, found) = gradients(stored), (otherLoss, wanted) = gradients(dense)
        #expect(abs(loss - otherLoss) < 1e-5 * abs(otherLoss))
        #expect(Set(found.keys) == Set(wanted.keys) && found.count == 14)
        for (name, gradient) in wanted {
            let own = try #require(found[name])
            #expect(own.relativeError(to: gradient) < 1e-4, "\(name)")
            #expect(gradient.floats().contains { $0 != 0 }, "\(name)")
        }
    }

    @Test("Adapters over codes learn, and what is written of them and the codes computes what was trained")
    func learns() throws {
        let checkpoint = try QuantizedModels.checkpoint("mlx-4")
        let decoder = try TransformerDecoder(checkpoint)
        let before = decoder.parameters.map { $0.value.floats() }
        try decoder.attachAdapters(LoRAConfiguration(rank: 4, alpha: 8), seed: 2, precision: .float32)
        var optimizer = AdamW()
        optimizer.weightDecay = 0
        var losses: [Double] = []
        for _ in 0..<15 {
            losses.append(gradients(decoder).loss)
            optimizer.update(decoder.adapterParameters, learningRate: 1e-2)
        }
        #expect(try #require(losses.last) < losses[0] - 0.3)
        #expect(decoder.parameters.map { $0.value.floats() } == before)
        try withScratch { scratch in
            let ids = [3, 31, 0, 17, 8]
            let trained = decoder.logits(of: ids)
            try decoder.mergeAdapters(precision: .float32)
            try checkpoint.write(decoder, type: .float32, to: scratch.appending(path: "merged"))
            let merged = try TransformerDecoder(Checkpoint(folder: scratch.appending(path: "merged")))
            #expect(merged.logits(of: ids).relativeError(to: trained) < 1e-4)
        }
    }
}
