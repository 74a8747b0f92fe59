import Foundation
import LanguageModel
import Tensors
import TestSupport
import Testing

@Suite("Training adapters")
struct AdapterTrainingTests {
    private let base = goldens.appendingPathComponent("models/llama")
    private let adapter = goldens.appendingPathComponent("models/lora")

    /// Steps on the language loss of one sequence, on the adapters alone.
    private func train(_ decoder: TransformerDecoder, _ ids: [Int32], steps: Int, precision: Precision) -> [Double] {
        for parameter in decoder.adapterParameters { parameter.makeTrainable(precision: precision) }
        var optimizer = AdamW()
        optimizer.weightDecay = 0
        return (0..<steps).map { _ in
            var tree = TokenTree()
            tree.append(ids)
            let tape = Tape(precision: precision)
            let count = ids.count - 1
            let hidden = decoder.hidden(tree, rows: (0..<Int32(count)).map { $0 }, tape: tape)
            let result = decoder.logProbabilities(of: Array(ids.dropFirst()), hidden, tape: tape)
            tape.backward(
                from: result, gradient: Tensor([Float](repeating: -1 / Float(count), count: count), shape: [count]))
            optimizer.update(decoder.adapterParameters, learningRate: 1e-2)
            return -result.value.floats().reduce(0) { $0 + Double($1) } / Double(count)
        }
    }

    @Test("Three steps on an adapter end where PEFT and PyTorch end")
    func threeSteps() throws {
        let expected = try SafetensorsFile(adapter.appendingPathComponent("expected.safetensors"))
        let decoder = try TransformerDecoder(Checkpoint(folder: base))
        try decoder.attachAdapters(from: adapter)
        let ids = try expected.requiredTensor("ids").integers().map(Int32.init)
        _ = train(decoder, ids, steps: 3, precision: .float32)
        let layer = try #require(decoder.linears.first { $0.name == "layers.1.mlp.down_proj" }?.layer.adapter)
        #expect(layer.down.master.relativeError(to: try expected.requiredTensor("after3.A")) < 1e-4)
        #expect(layer.up.master.relativeError(to: try expected.requiredTensor("after3.B")) < 1e-4)
    }

    @Test("Training adapters leaves the frozen weights' bytes as they were")
    func frozen() throws {
        let decoder = try TransformerDecoder(Checkpoint(folder: base))
        let before = decoder.parameters.map { $0.value.floats() }
        try decoder.attachAdapters(
            LoRAConfiguration(rank: 2, alpha: 4, targets: ["o_proj", "gate_proj"]), seed: 1, precision: .float32)
        let losses = train(decoder, [1, 2, 3, 4, 5, 6, 7, 8], steps: 12, precision: .float32)
        #expect(try #require(losses.last) < losses[0] - 0.05)
        #expect(decoder.parameters.map { $0.value.floats() } == before)
        #expect(decoder.parameters.allSatisfy { $0.gradient == nil && !$0.isTrainable })
    }

    @Test("Fresh adapters change nothing before they are trained")
    func fresh() throws {
        let plain = try TransformerDecoder(Checkpoint(folder: base)),
            adapted = try TransformerDecoder(Checkpoint(folder: base))
        try adapted.attachAdapters(LoRAConfiguration(rank: 3, alpha: 3), seed: 2, precision: .float32)
        var tree = TokenTree()
        tree.append([3, 1, 4, 1, 5])
        let expected = plain.hidden(tree, tape: Tape(recording: false)).value
        #expect(adapted.hidden(tree, tape: Tape(recording: false)).value.relativeError(to: expected) == 0)
        #expect(adapted.adapterParameters.count == 2 * 7 * 3)
    }

    @Test("An adapter of the output layer adds its product to the logits, tied or not", arguments: ["llama", "qwen2"])
    func outputLayer(family: String) throws {
        let folder = goldens.appendingPathComponent("models/\(family)")
        let plain = try TransformerDecoder(Checkpoint(folder: folder)),
            adapted = try TransformerDecoder(Checkpoint(folder: folder))
        try adapted.attachAdapters(
            LoRAConfiguration(rank: 2, alpha: 6, targets: ["lm_head"]), seed: 1, precision: .float32)
        _ = train(adapted, [1, 2, 3, 4, 5, 6, 7, 8], steps: 3, precision: .float32)
        let adapter = try #require(adapted.linears.last?.layer.adapter)
        var tree = TokenTree()
        tree.append([3, 1, 4])
        let tape = Tape(recording: false)
        let hidden = plain.hidden(tree, tape: tape)
        // A plain decoder's normalized states times (W + 3·B·A).
        let x = plain.normalized(hidden, tape: tape).value.floats()
        let down = adapter.down.master.floats(), up = adapter.up.master.floats()
        let width = plain.configuration.hiddenSize
        let base = plain.logits(plain.hidden(tree, tape: tape), tape: tape).floats()
        let expected = (0..<3 * 37).map { index in
            let (row, token) = (index / 37, index % 37)
            return base[index]
                + 3
                * (0..<2).reduce(Float(0)) { sum, r in
                    sum + up[token * 2 + r] * (0..<width).reduce(0) { $0 + x[row * width + $1] * down[r * width + $1] }
                }
        }
        let ours = adapted.logits(adapted.hidden(tree, tape: tape), tape: tape)
        #expect(ours.relativeError(to: Tensor(expected, shape: [3, 37])) < 1e-5)
        #expect(ours.relativeError(to: Tensor(base, shape: [3, 37])) > 1e-3)
        // It survives being written and read.
        let saved = FileManager.default.temporaryDirectory.appending(path: "nla-test-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: saved) }
        try adapted.writeAdapters(LoRAConfiguration(rank: 2, alpha: 6, targets: ["lm_head"]), baseModel: nil, to: saved)
        try plain.attachAdapters(from: saved)
        #expect(plain.logits(plain.hidden(tree, tape: tape), tape: tape).relativeError(to: ours) < 1e-6)
    }

    @Test("Adapters train in bfloat16 too")
    func bfloat16() throws {
        let decoder = try TransformerDecoder(Checkpoint(folder: base))
        try decoder.attachAdapters(LoRAConfiguration(rank: 2, alpha: 4), seed: 1, precision: .bfloat16)
        let losses = train(decoder, [1, 2, 3, 4, 5, 6, 7, 8], steps: 12, precision: .bfloat16)
        #expect(try #require(losses.last) < losses[0] - 0.05)
    }
}
