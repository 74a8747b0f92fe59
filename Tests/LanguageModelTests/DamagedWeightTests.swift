import Foundation
import LanguageModel
import Tensors
import TestSupport
import Testing

/// NaN in any weight must be seen and named, whatever the kernels in between do with it.
@Suite("Damaged weights")
struct DamagedWeightTests {
    @Test("A NaN of one token is named with its document and place, also where the text is read in stretches")
    func place() throws {
        let source = goldens.appendingPathComponent("models/qwen2")
        let file = try SafetensorsFile(source.appendingPathComponent("model.safetensors"))
        try withScratch { folder in
            try FileManager.default.copyItem(
                at: source.appendingPathComponent("config.json"), to: folder.appendingPathComponent("config.json"))
            let tensors = try file.names.map { name in
                let tensor = try file.requiredTensor(name)
                guard name.hasSuffix("embed_tokens.weight") else { return (name: name, tensor: tensor) }
                var values = tensor.floats()
                for place in 30 * tensor.width..<31 * tensor.width { values[place] = .nan }
                return (name: name, tensor: Tensor(values, shape: tensor.shape))
            }
            try SafetensorsFile.write(tensors, to: folder.appendingPathComponent("model.safetensors"))
            let checkpoint = try Checkpoint(folder: folder), decoder = try TransformerDecoder(checkpoint)
            decoder.rowsAtOnce = 4
            let extractor = ActivationExtractor(checkpoint, decoder, precision: .float32)
            var long = [Int32](repeating: 3, count: 30)
            long[21] = 30
            let error = #expect(throws: ModelError.self) {
                try extractor.extract([[1, 2], long, [5]], .init(layers: [0, 1]))
            }
            // Queries of a tile meet the keys behind them with a weight of zero, which makes NaN of NaN: the place is its tile's.
            let places = (0...21).map { "position \($0) of document 2" }
            #expect(places.contains { error?.description.contains($0) == true }, "\(error as Any)")
            // What stands behind the last position that is wanted is not read.
            #expect(throws: Never.self) { try extractor.extract([[1, 2], long], at: [nil, [20]], layers: [1]) }
        }
    }

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
            let extractor = ActivationExtractor(checkpoint, try TransformerDecoder(checkpoint), precision: .float32)
            let layers = Array(0..<checkpoint.configuration.blockCount)
            let error = #expect(throws: ModelError.self, "\(damaged)") {
                try extractor.extract([[1, 2, 3, 4, 5]], .init(layers: layers, logits: true))
            }
            #expect(error?.description.contains(damaged) == true, "\(damaged): \(error?.description ?? "")")
        }
    }
}
