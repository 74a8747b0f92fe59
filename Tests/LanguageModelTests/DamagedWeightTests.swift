import Foundation
import LanguageModel
import Tensors
import TestSupport
import Testing

/// NaN in any weight must be seen and named, whatever the kernels in between do with it.
@Suite("Damaged weights")
struct DamagedWeightTests {
    @Test("A NaN in any one weight is named", arguments: ["qwen2", "qwen3", "gemma3"])
    func named(family: String) throws {
        let source = goldens.appendingPathComponent("models/\(family)")
        let file = try SafetensorsFile(source.appendingPathComponent("model.safetensors"))
        for damaged in file.names {
            let folder = FileManager.default.temporaryDirectory.appending(path: "nla-test-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            defer { try? FileManager.default.removeItem(at: folder) }
            try FileManager.default.copyItem(
                at: source.appendingPathComponent("config.json"), to: folder.appendingPathComponent("config.json"))
            let tensors = try file.names.map { name in
                let tensor = try file.requiredTensor(name)
                guard name == damaged else { return (name: name, tensor: tensor) }
                // Every row, so that the embeddings of the text are hit too.
                return (name: name, tensor: Tensor([Float](repeating: .nan, count: tensor.count), shape: tensor.shape))
            }
            try SafetensorsFile.write(tensors, to: folder.appendingPathComponent("model.safetensors"))
            let checkpoint = try Checkpoint(folder: folder)
            let extractor = ActivationExtractor(checkpoint, try Decoder(checkpoint), precision: .float32)
            let layers = Array(0..<checkpoint.configuration.blockCount)
            let error = #expect(throws: ModelError.self, "\(damaged)") {
                try extractor.extract([[1, 2, 3, 4, 5]], .init(layers: layers, logits: true))
            }
            #expect(error?.description.contains(damaged) == true, "\(damaged): \(error?.description ?? "")")
        }
    }
}
