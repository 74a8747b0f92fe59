import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing

/// Damaged inputs may be refused or accepted, but never crash or hang. The seeds are fixed, so a failure repeats.
@Suite("Damaged model files", .serialized)
struct FuzzTests {
    @Test("40,000 damaged safetensors files are opened or refused, and those opened can be read")
    func safetensors() throws {
        let scratch = try Scratch()
        let small = scratch.path("small.safetensors")
        try SafetensorsFile.write(
            [
                ("a", Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])), ("b", Tensor(integers: [7, 8], shape: [2])),
                ("c", Tensor(zeros: [3], .bfloat16)), ("d", Tensor(zeros: [0, 4], .float16)),
                ("e", Tensor([Float(0.5)], shape: [])), ("f", Tensor(zeros: [2, 1, 2], .int32)),
                ("g", Tensor(zeros: [5], .int16)),
            ], metadata: ["format": "pt"], to: small)
        let adapter = TinyModels.folder("lora").appending(path: "adapter_model.safetensors")
        let seeds = try [small, small, adapter].map { [UInt8](try Data(contentsOf: $0)) }
        var random = Random(seed: 1)
        var opened = 0, touched = 0
        for _ in 0..<40_000 {
            let bytes = Mutation.ofSafetensors(seeds.randomElement(using: &random) ?? [], using: &random)
            guard let file = try? SafetensorsFile(bytes: bytes, source: "fuzz") else { continue }
            opened += 1
            for name in file.names {
                guard let tensor = try? file.tensor(name), tensor.count <= 4096 else { continue }
                touched += tensor.floats().count
                _ = tensor.elementType.isFloatingPoint ? tensor.firstNonFinite() : nil
            }
        }
        #expect(opened > 1000 && touched > 10_000)
    }

    @Test("30,000 damaged configurations are read or refused, and those read make a model that computes")
    func configurations() throws {
        let seeds = try (TinyModels.names + ["qwen3-yarn", "gemma3-own-head"]).map {
            try TinyModels.json($0).serialized(indent: 1).utf8.map { $0 }
        }
        var random = Random(seed: 2)
        var read = 0, computed = 0
        for _ in 0..<30_000 {
            let bytes = Mutation.ofJSON(seeds.randomElement(using: &random) ?? [], seeds, using: &random)
            guard let json = try? JSONValue.parse(bytes),
                let configuration = try? DecoderConfiguration(json: json, source: "fuzz")
            else { continue }
            read += 1
            #expect((0..<configuration.blockCount).contains(configuration.defaultLayer))
            guard configuration.parameterCount < 60_000, configuration.vocabularySize > 2, read % 4 == 0 else {
                continue
            }
            let logits = TransformerDecoder(random: configuration, .float32, seed: 1).logits(of: [0, 1, 2, 1, 0, 1])
            #expect(logits.shape == [6, configuration.vocabularySize])
            #expect(logits.firstNonFinite() == nil, "\(json.serialized())")
            computed += 1
        }
        #expect(read > 2000 && computed > 500)
    }

    @Test("20,000 damaged settings of adapters are read or refused")
    func adapterSettings() throws {
        let scratch = try Scratch()
        let folder = scratch.path("adapter")
        try FileManager.default.copyItem(at: TinyModels.folder("lora-patterns"), to: folder)
        let file = folder.appending(path: "adapter_config.json")
        let seeds = try ["lora", "lora-patterns", "lora-head"].map {
            [UInt8](try Data(contentsOf: TinyModels.folder($0).appending(path: "adapter_config.json")))
        }
        let decoder = try TransformerDecoder(TinyModels.checkpoint("llama"))
        var random = Random(seed: 4)
        var read = 0
        for _ in 0..<20_000 {
            try Data(Mutation.ofJSON(seeds.randomElement(using: &random) ?? [], seeds, using: &random)).write(to: file)
            if (try? decoder.attachAdapters(from: folder)) != nil { read += 1 }
        }
        #expect(read > 500)
    }

    @Test("4,000 damaged indices are read or refused")
    func indices() throws {
        let scratch = try Scratch()
        let original = try TinyModels.checkpoint("llama")
        let folder = scratch.path("model")
        try original.write(TransformerDecoder(original), type: .float32, shardBytes: 20_000, to: folder)
        let index = folder.appending(path: "model.safetensors.index.json")
        let seed = [UInt8](try Data(contentsOf: index))
        var random = Random(seed: 3)
        var read = 0
        for _ in 0..<4000 {
            try Data(Mutation.ofJSON(seed, [seed], using: &random)).write(to: index)
            guard let checkpoint = try? Checkpoint(folder: folder) else { continue }
            read += 1
            _ = try? TransformerDecoder(checkpoint)
        }
        #expect(read > 20)
    }
}

/// Damage of the kinds that files suffer and attackers try.
private enum Mutation {
    private static let numbers = [
        "-1", "0", "1", "2", "3", "8", "24", "1000", "99999999", "2147483648", "9223372036854775807", "1e400", "0.5",
        "1e-300",
        "null", "\"a\"", "[]", "{}", "true",
    ]

    /// Damages the header, whose length is mostly brought up to date so that the damage is seen, or the file as a whole.
    static func ofSafetensors(_ file: [UInt8], using random: inout Random) -> [UInt8] {
        guard Int.random(in: 0..<10, using: &random) > 0 else { return ofBytes(file, [file], using: &random) }
        let length = file.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        let header = ofJSON(Array(file[8..<8 + length]), [file], using: &random)
        let claimed =
            Int.random(in: 0..<20, using: &random) == 0 ? Int(truncatingIfNeeded: random.next()) : header.count
        return (0..<8).map { UInt8(truncatingIfNeeded: claimed >> (8 * $0)) } + header + file[(8 + length)...]
    }

    /// Mostly leaves the syntax alone, so that the damage gets past the parser.
    static func ofJSON(_ text: [UInt8], _ others: [[UInt8]], using random: inout Random) -> [UInt8] {
        var bytes = text
        for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
            let start = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<8, using: &random) {
            case 0: bytes = ofBytes(bytes, others, using: &random)
            case 1...5: replaceNumber(in: &bytes, after: start, using: &random)
            default: swapStrings(in: &bytes, after: start)
            }
        }
        return bytes
    }

    private static func ofBytes(_ seed: [UInt8], _ others: [[UInt8]], using random: inout Random) -> [UInt8] {
        var bytes = seed
        let start = Int.random(in: 0..<bytes.count, using: &random)
        let end = min(bytes.count, start + Int.random(in: 1...24, using: &random))
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes[start] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[start] = UInt8.random(in: 0...255, using: &random)
        case 2: bytes.removeSubrange(start..<end)
        case 3: bytes.removeLast(bytes.count - start)
        case 4: bytes.insert(contentsOf: bytes[start..<end], at: start)
        default:
            let other = others.randomElement(using: &random) ?? []
            let from = other.isEmpty ? 0 : Int.random(in: 0..<other.count, using: &random)
            bytes.insert(contentsOf: other[from..<min(other.count, from + 24)], at: start)
        }
        return bytes
    }

    private static func replaceNumber(in bytes: inout [UInt8], after start: Int, using random: inout Random) {
        let isDigit = { (byte: UInt8) in (0x30...0x39).contains(byte) }
        guard let first = bytes[start...].firstIndex(where: isDigit) else { return }
        let end = bytes[first...].firstIndex { !isDigit($0) } ?? bytes.count
        bytes.replaceSubrange(first..<end, with: (numbers.randomElement(using: &random) ?? "0").utf8)
    }

    /// Exchanges the next two strings in double quotes.
    private static func swapStrings(in bytes: inout [UInt8], after start: Int) {
        let marks = bytes[start...].enumerated().filter { $0.element == UInt8(ascii: "\"") }.prefix(4).map {
            start + $0.offset
        }
        guard marks.count == 4 else { return }
        let (first, second) = (Array(bytes[marks[0]...marks[1]]), Array(bytes[marks[2]...marks[3]]))
        bytes.replaceSubrange(marks[2]...marks[3], with: first)
        bytes.replaceSubrange(marks[0]...marks[1], with: second)
    }
}
