import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing

/// The output matrix and the embedding: the tensors in the file count more than the flag in the configuration.
@Suite("Output matrices")
struct OutputMatrixTests {
    @Test("An own matrix is used though the configuration ties it, and says so where it is written")
    func own() throws {
        let scratch = try Scratch()
        let checkpoint = try TinyModels.checkpoint("gemma3-own-head")
        #expect(checkpoint.json["tie_word_embeddings"]?.bool == true)
        #expect(!checkpoint.configuration.tiesEmbeddings)
        try checkpoint.write(TransformerDecoder(checkpoint), type: .float32, to: scratch.path("copy"))
        let copy = try Checkpoint(folder: scratch.path("copy"))
        #expect(copy.json["tie_word_embeddings"]?.bool == false)
        let name = "lm_head.weight"
        #expect(try copy.tensor(name)?.floats() == checkpoint.tensor(name)?.floats())
    }

    @Test(
        "A matrix that is a copy of the embedding stays tied to it, in another element type too",
        arguments: [ElementType.float32, .float16])
    func copy(type: ElementType) throws {
        let scratch = try Scratch()
        let folder = scratch.path("model")
        try FileManager.default.copyItem(at: TinyModels.folder("qwen2"), to: folder)
        let file = folder.appending(path: "model.safetensors")
        let weights = try SafetensorsFile(file)
        let half = try weights.requiredTensor("model.embed_tokens.weight").converted(to: .float16)
        var tensors = try weights.names.map { ($0, try weights.requiredTensor($0).copy()) }
        tensors.removeAll { $0.0 == "model.embed_tokens.weight" }
        tensors += [("model.embed_tokens.weight", half), ("lm_head.weight", half.converted(to: type))]
        try SafetensorsFile.write(tensors, to: file)
        let checkpoint = try Checkpoint(folder: folder)
        #expect(checkpoint.configuration.tiesEmbeddings)
        #expect(try TransformerDecoder(checkpoint).parameters.allSatisfy { $0.name != "lm_head.weight" })
    }

    @Test("A tied model may store the output matrix alone")
    func headOnly() throws {
        let checkpoint = try TinyModels.checkpoint("qwen2-head-only")
        #expect(checkpoint.configuration.tiesEmbeddings)
        #expect(checkpoint.fileNames["embed_tokens.weight"] == "lm_head.weight")
    }

    @Test("A model without its output matrix is read, and cannot speak")
    func missing() throws {
        let checkpoint = try TinyModels.checkpoint("llama-no-head")
        let rows = try ReferenceCheck(
            checkpoint, reference: TinyModels.expected("llama-no-head"), precision: .float32
        ).run()
        #expect(rows.count == 2 && rows.allSatisfy(\.passes))
        let error = #expect(throws: ModelError.self) { try TransformerDecoder(checkpoint) }
        #expect(error?.description.contains("tie_word_embeddings") == true)
        #expect(try TransformerDecoder(checkpoint, blockCount: 1).parameters.count == 10)
    }

    @Test("An adapter of the output matrix is left aside where there is none")
    func adapter() throws {
        let decoder = try TransformerDecoder(TinyModels.checkpoint("llama"), hasOutput: false)
        try decoder.attachAdapters(from: TinyModels.folder("lora-head"))
        #expect(decoder.adapterParameters.count == 4)
        let cut = try TransformerDecoder(TinyModels.checkpoint("llama"), blockCount: 2)
        try cut.attachAdapters(from: TinyModels.folder("lora-head"))
        #expect(cut.adapterParameters.count == 2)
    }
}
