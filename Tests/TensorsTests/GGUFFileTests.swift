import Foundation
import GGUF
import Tensors
import Testing

@Suite("GGUF files")
struct GGUFFileTests {
    /// Calls `body` with a path in a folder of its own.
    private func withPath(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "nla-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.appending(path: "t.gguf"))
    }

    @Test("What is written is read again, in place, of every type")
    func roundTrip() throws {
        try withPath { path in
            let matrix = Tensor((0..<128).map { Float($0) / 8 - 3 }, shape: [4, 32])
            let vector = Tensor([1, 2.5, -3], shape: [3])
            try GGUFFile.write(
                metadata: [
                    ("general.architecture", .string("llama")), ("a.words", .strings([Array("é".utf8), []])),
                    ("a.numbers", .float32s([0.5])), ("a.flag", .bool(true)), ("a.flags", .bools([true, false])),
                    ("a.kinds", .int32s([-1, 3])), ("a.share", .float32(0.25)), ("a.count", .uint32(7)),
                ],
                sources: [
                    .init("f32", matrix, as: .f32), .init("v", vector, as: .f32), .init("f16", matrix, as: .f16),
                    .init("bf16", matrix.converted(to: .bfloat16), as: .bf16), .init("q8", matrix, as: .q8_0),
                    .init("turned", matrix, as: .f32, order: [3, 2, 1, 0]),
                    .init("turned.v", vector, as: .f32, order: [2, 0, 1], adding: 1),
                ], to: path)
            let file = try GGUFFile(path)
            #expect(try file.header.string("general.architecture") == "llama" && file.header.integer("a.count") == 7)
            #expect(try file.header.strings("a.words") == [Array("é".utf8), []] && file.header.bool("a.flag") == true)
            #expect(try file.header.numbers("a.kinds") == [-1, 3] && file.header.numbers("a.flags") == [1, 0])
            #expect(file.names == ["bf16", "f16", "f32", "q8", "turned", "turned.v", "v"])
            for name in ["f32", "f16", "bf16"] {
                let read = try #require(file.tensor(name)?.plain)
                #expect(read.shape == [4, 32] && read.floats() == matrix.floats(), "\(name)")
            }
            #expect(file.tensor("v")?.plain?.floats() == [1, 2.5, -3])
            #expect(file.tensor("turned")?.plain?.floats() == matrix.gatheringRows([3, 2, 1, 0]).floats())
            #expect(file.tensor("turned.v")?.plain?.floats() == [-2, 2, 3.5])
            let packed = try #require(file.tensor("q8"))
            #expect(packed.plain == nil && packed.rows == 4 && packed.rowBytes == 34 && packed.byteCount == 136)
            let moved = try #require(packed.ordered(by: [2, 0, 3, 1]).matrix), plain = try #require(packed.matrix)
            #expect(moved.rows == 4 && moved.width == 32)
            #expect(moved.unpacked().floats() == plain.unpacked(rows: [2, 0, 3, 1]).floats())
        }
    }

    /// Bytes by gguf-py 0.19, `quants.quantize(x, Q8_0)`.
    @Test("Q8_0 blocks are ggml's, halves rounded away from zero")
    func quantized() throws {
        try withPath { path in
            let halves: [Float] = [127, 0.5, -0.5, 1.5, 2.5, -2.5] + [Float](repeating: 0, count: 26)
            let mixed: [Float] = (0..<8).flatMap { _ in [0.5, -1, 0.1, 3.0e-3] as [Float] }
            let zeros = [Float](repeating: 0, count: 32)
            try GGUFFile.write(
                metadata: [("general.architecture", .string("llama"))],
                sources: [.init("w", Tensor(halves + mixed + zeros, shape: [3, 32]), as: .q8_0)], to: path)
            let bytes = try #require(try GGUFFile(path).tensor("w")).bytes(0..<102)
            #expect(bytes[..<34].elementsEqual([0, 60, 127, 1, 255, 2, 3, 253] + [UInt8](repeating: 0, count: 26)))
            #expect(bytes[34..<68].elementsEqual([8, 32] + (0..<8).flatMap { _ in [64, 129, 13, 0] as [UInt8] }))
            #expect(bytes[68...].allSatisfy { $0 == 0 })
        }
    }

    @Test("A weight that F16 cannot hold is refused, and nothing is left behind")
    func tooLarge() throws {
        try withPath { path in
            let tensor = Tensor([1, 70_000], shape: [1, 2])
            #expect {
                try GGUFFile.write(metadata: [], sources: [.init("w", tensor, as: .f16)], to: path)
            } throws: { "\($0)".contains("w: a weight is too large for F16; write BF16") }
            #expect(!FileManager.default.fileExists(atPath: path.path))
        }
    }

    @Test("A weight whose scale F16 cannot hold is refused, and nothing is left behind")
    func tooLargeForScale() throws {
        try withPath { path in
            // The scale is 8.4e6 / 127 = 66142, and float16 ends at 65504.
            let tensor = Tensor([8.4e6] + [Float](repeating: 1, count: 63), shape: [2, 32])
            #expect {
                try GGUFFile.write(metadata: [], sources: [.init("w", tensor, as: .q8_0)], to: path)
            } throws: { "\($0)".contains("w: a weight is too large for Q8_0, whose scales are F16; write BF16") }
            #expect(!FileManager.default.fileExists(atPath: path.path))
        }
    }
}
