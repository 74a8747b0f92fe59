import Foundation
import GGUF
import JSON
import Tensors
import Tokenization

/// Writes a model folder as a GGUF file, as llama.cpp's convert_hf_to_gguf.py does: names, interleaved rows of Llama's queries and
/// keys, 1 added to Gemma's norms, vectors and norms in float32, the tokenizer inside.
///
/// What was written is opened again and compared: a model that GGUF cannot describe is refused, never written as another one.
package struct GGUFConversion {
    private let checkpoint: Checkpoint
    private let architecture: GGUFArchitecture
    private let type: GGMLType
    private let tokenizer: WrittenTokenizer
    /// What GGUF cannot say of the model, a line each.
    package var remarks: [String] { tokenizer.remarks }

    /// Prepares to write a model.
    ///
    /// - Parameters:
    ///   - checkpoint: of a model folder.
    ///   - type: how matrices are held: F32, F16, BF16 or Q8_0. Rows that are no whole blocks are F16, as llama.cpp has them.
    /// - Throws: a one-line error where the model, or its tokenizer, cannot be written.
    package init(_ checkpoint: Checkpoint, as type: GGMLType) throws {
        if let method = checkpoint.quantizationMethod {
            throw ModelError(
                "\(checkpoint.folder.path): its weights are quantized (\(method)), and GGUF is written of numbers only; give the model that it was made from"
            )
        }
        guard case .safetensors = checkpoint.weights else {
            throw ModelError("\(checkpoint.folder.path): is GGUF already; give a model folder, or write a folder of it")
        }
        let family = checkpoint.configuration.family
        guard let architecture = GGUFArchitecture.all.first(where: { $0.modelType == family }) else {
            throw ModelError("\(checkpoint.folder.path): a model of the family \(family) cannot be written as GGUF")
        }
        self.checkpoint = checkpoint
        self.architecture = architecture
        self.type = type
        tokenizer = try WrittenTokenizer(
            folder: checkpoint.folder, tokenCount: checkpoint.configuration.vocabularySize)
    }

    private func fail(_ reason: String) -> ModelError { ModelError("\(checkpoint.folder.path): \(reason)") }

    /// Writes the file. It appears under its name only when it is complete and says the same as the folder.
    package func write(to url: URL) throws {
        try AtomicFile.checkWritable(url)
        // Beside its place, for what is compared is the file. The name must be that of no part of a split model.
        let draft = url.deletingLastPathComponent().appendingPathComponent(".\(UUID().uuidString).gguf")
        defer { try? FileManager.default.removeItem(at: draft) }
        try GGUFFile.write(metadata: try metadata() + tokenizer.metadata, sources: try sources(), to: draft)
        do {
            try check(Checkpoint(folder: draft))
            try checkTokenizer(draft)
        } catch let error as GGUFError {
            throw fail("GGUF cannot describe this model: \(error)")
        }
        do { try Disk.rename(draft.path, to: url) } catch let error as Disk.Failure {
            throw ModelError(error.description)
        }
    }

    /// Compares what was written with the folder.
    private func check(_ written: Checkpoint) throws {
        var wanted = checkpoint.configuration
        // Numbers are stored in float32.
        wanted.rotaries = wanted.rotaries.map { RotaryConfiguration(base: Double(Float($0.base)), scaling: $0.scaling) }
        guard written.configuration == wanted else {
            throw fail("GGUF cannot describe this model: its configuration would be read as another one")
        }
    }

    /// Compares the ids of texts with what tokenizers treat in different ways: digits, white space, marks, endings, letters of many kinds.
    private func checkTokenizer(_ written: URL) throws {
        let own = try Tokenizer(folder: checkpoint.folder), other = try Tokenizer(folder: written)
        let texts =
            [
                "", " ", "Hello, world", " leading and trailing ", "1 22 333 4444 55555", "a  b   c\t\td\n\n\ne \r\n f",
                "I'll we've don't IT'S", "snake_case camelCase x=y+1; // ok", "naïve café Ελλάδα Привет שלום مرحبا",
                "日本語の文、漢字。 한국어",
                "👩‍👧 🏳️‍🌈 ½ ² Ⅳ ①", "{\"k\": [1, 2.5e-3]}", "<b>x</b> $5 50% #1 @me",
                String(repeating: " ", count: 40) + "x",
            ] + own.templateTokens.values.sorted().flatMap { ["\($0)", "a\($0) b"] }
        for text in texts where own.encode(text) != other.encode(text) {
            throw fail(
                "GGUF cannot describe this tokenizer: the ids of \(text.abridged.debugDescription) would be others")
        }
    }

    // MARK: Weights

    private func sources() throws -> [GGUFFile.Source] {
        let configuration = checkpoint.configuration
        var sources: [GGUFFile.Source] = []
        for name in checkpoint.fileNames.keys.sorted(by: GGUFConversion.comesBefore) {
            if configuration.tiesEmbeddings && name.hasPrefix("lm_head.") { continue }
            guard let tensor = try checkpoint.tensor(name) else { continue }
            guard let fileName = architecture.fileName(name), tensor.elementType.isFloatingPoint else {
                throw fail("GGUF has no name for the tensor \(name) of a \(architecture.name) model")
            }
            let order =
                architecture.isInterleaved(name)
                ? GGUFArchitecture.rowsInPairs(tensor.rows, headWidth: configuration.headWidth) : nil
            sources.append(
                .init(
                    fileName, tensor, as: storedType(tensor), order: order,
                    adding: architecture.hasOneAdded(name) ? 1 : 0))
        }
        if let divisors { sources.append(.init("rope_freqs.weight", divisors, as: .f32)) }
        return sources
    }

    /// Vectors are float32; matrices are as asked for, where their rows are whole blocks.
    private func storedType(_ tensor: Tensor) -> GGMLType {
        guard tensor.shape.count > 1 else { return .f32 }
        return type.rowBytes(tensor.width) == nil ? .f16 : type
    }

    /// The embedding, then the blocks in their order, then the rest.
    private static func comesBefore(_ one: String, _ other: String) -> Bool {
        func place(_ name: String) -> (Int, Int, String) {
            let parts = name.split(separator: ".")
            if parts[0] == "layers", parts.count > 1 { return (1, Int(parts[1]) ?? 0, name) }
            return (name.hasPrefix("embed_tokens") ? 0 : 2, 0, name)
        }
        return place(one) < place(other)
    }

    /// What the frequencies of Llama 3.1's kind are divided by; nil for other models.
    private var divisors: Tensor? {
        let rotary = checkpoint.configuration.rotaries[0], width = checkpoint.configuration.headWidth
        guard case .llama3 = rotary.scaling else { return nil }
        let plain = RotaryConfiguration(base: rotary.base).frequencies(headWidth: width)
        let stretched = rotary.frequencies(headWidth: width)
        return Tensor(zip(plain, stretched).map { $0 / $1 }, shape: [plain.count])
    }

    // MARK: Metadata

    private func metadata() throws -> [(key: String, value: GGUFNewValue)] {
        let c = checkpoint.configuration
        func count(_ number: Int) throws -> GGUFNewValue {
            guard let number = UInt32(exactly: number) else { throw fail("\(number) is more than GGUF holds") }
            return .uint32(number)
        }
        let length =
            checkpoint.json["max_position_embeddings"] ?? checkpoint.json["text_config"]?["max_position_embeddings"]
        var own: [(String, GGUFNewValue)] = [
            ("block_count", try count(c.blockCount)), ("context_length", try count(length?.int ?? 32768)),
            ("embedding_length", try count(c.hiddenSize)), ("feed_forward_length", try count(c.intermediateSize)),
            ("attention.head_count", try count(c.headCount)),
            ("attention.head_count_kv", try count(c.keyValueHeadCount)),
            ("attention.key_length", try count(c.headWidth)), ("attention.value_length", try count(c.headWidth)),
            ("attention.layer_norm_rms_epsilon", .float32(c.normEpsilon)),
            ("rope.freq_base", .float32(Float(c.rotaries[0].base))),
            ("rope.dimension_count", try count(c.headWidth)), ("vocab_size", try count(c.vocabularySize)),
        ]
        own += try stretch(c.rotaries[0], count)
        if let window = c.blocks.compactMap(\.window).first {
            guard architecture.name == "gemma3" else {
                throw fail("GGUF cannot say that blocks of a \(architecture.name) model see a window only")
            }
            own.append(("attention.sliding_window", try count(window)))
            // Every sixth block sees all where nothing is said.
            let slides = c.blocks.map { $0.window != nil }
            if slides != slides.indices.map({ ($0 + 1) % 6 != 0 }) {
                own.append(("attention.sliding_window_pattern", .bools(slides)))
            }
            if c.rotaries[1].base != 10_000 {
                own.append(("rope.freq_base_swa", .float32(Float(c.rotaries[1].base))))
            }
        }
        let general: [(key: String, value: GGUFNewValue)] = [
            ("general.architecture", .string(architecture.name)), ("general.type", .string("model")),
            ("general.name", .string(checkpoint.folder.standardizedFileURL.lastPathComponent)),
            ("general.file_type", .uint32(fileType)), ("general.quantization_version", .uint32(2)),
        ]
        return general + own.map { ("\(architecture.name).\($0.0)", $0.1) }
    }

    /// The number of `llama_ftype` in llama.h.
    private var fileType: UInt32 {
        switch type {
        case .f16: 1
        case .q8_0: 7
        case .bf16: 32
        default: 0
        }
    }

    private func stretch(
        _ rotary: RotaryConfiguration, _ count: (Int) throws -> GGUFNewValue
    ) throws -> [(String, GGUFNewValue)] {
        switch rotary.scaling {
        case .none: return []
        case .linear(let factor):
            return [("rope.scaling.type", .string("linear")), ("rope.scaling.factor", .float32(Float(factor)))]
        case .llama3(_, _, _, let length):
            // The divisors say the rest; this length is the usual one.
            return length == 8192
                ? [] : [("rope.scaling.original_context_length", try count(Int(saturating: length)))]
        case .yarn(let factor, _, let fast, let slow, let length, _):
            return [
                ("rope.scaling.type", .string("yarn")), ("rope.scaling.factor", .float32(Float(factor))),
                ("rope.scaling.original_context_length", try count(Int(saturating: length))),
                ("rope.scaling.yarn_beta_fast", .float32(Float(fast))),
                ("rope.scaling.yarn_beta_slow", .float32(Float(slow))),
            ]
        }
    }
}
