import Foundation
import Tensors
import Testing

@Suite("Safetensors files")
struct SafetensorsTests {
    /// A file in memory with this header and data.
    private func file(_ header: String, data: [UInt8]) throws -> SafetensorsFile {
        let count = UInt64(header.utf8.count)
        let length = (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * UInt64($0))) }
        return try SafetensorsFile(bytes: length + Array(header.utf8) + data, source: "/t.safetensors")
    }

    /// Calls `body` with a path in a folder of its own.
    private func withPath(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "nla-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.appending(path: "t.safetensors"))
    }

    @Test("What is written is read again, of every type and shape, with its text")
    func roundTrip() throws {
        try withPath { path in
            let floats = Tensor([0.5, -1, 3, 65504, 1e-3, 0], shape: [2, 3])
            let tensors: [(name: String, tensor: Tensor)] = [
                ("bf16", floats.converted(to: .bfloat16)), ("f16", floats.converted(to: .float16)), ("f32", floats),
                ("i64", Tensor(integers: [1, -2, .max], shape: [3])), ("scalar", Tensor([7], shape: [])),
                ("empty", Tensor(zeros: [0, 4])), ("名前 \"\\\n", Tensor([1], shape: [1])),
            ]
            try SafetensorsFile.write(tensors, metadata: ["format": "pt", "é": "\""], to: path)
            let file = try SafetensorsFile(path)
            #expect(file.names == tensors.map(\.name).sorted())
            #expect(file.metadata == ["format": "pt", "é": "\""])
            for (name, tensor) in tensors {
                let read = try file.requiredTensor(name)
                #expect(read.shape == tensor.shape && read.elementType == tensor.elementType, "\(name)")
                #expect(read.floats() == tensor.floats(), "\(name)")
            }
            #expect(try file.requiredTensor("i64").integers() == [1, -2, .max])
        }
    }

    @Test("A tensor is made piece by piece while it is written, and no piece outlives the next", arguments: [0, 1, 5])
    func pieces(extra: Int) throws {
        try withPath { path in
            let piece = SafetensorsFile.pieceCount, count = extra == 0 ? piece : 2 * piece + extra
            final class Trace {
                var ranges: [Range<Int>] = []
            }
            let trace = Trace()
            let source = SafetensorsFile.Source(name: "long", elementType: .int32, shape: [count]) { range in
                trace.ranges.append(range)
                return Tensor(zeros: [range.count], .int32)
            }
            try SafetensorsFile.write(sources: [source], to: path)
            #expect(trace.ranges.allSatisfy { !$0.isEmpty && $0.count <= piece })
            #expect(trace.ranges.first?.lowerBound == 0 && trace.ranges.last?.upperBound == count)
            #expect(zip(trace.ranges, trace.ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
            #expect(try SafetensorsFile(path).requiredTensor("long").shape == [count])
        }
    }

    @Test(
        "A weight that is written piece by piece gives the bytes of the whole",
        arguments: [Precision.float32, .bfloat16])
    func masters(precision: Precision) throws {
        try withPath { path in
            let rows = SafetensorsFile.pieceCount / 1000 + 7
            let parameter = Parameter(name: "w", .uniform([rows, 1000], .float32, deviation: 1, seed: 3))
            parameter.makeTrainable(precision: precision)
            for type in [ElementType.float32, .bfloat16] {
                try SafetensorsFile.write([("w", parameter.master.converted(to: type))], to: path)
                let whole = try Data(contentsOf: path)
                try SafetensorsFile.write(sources: [.init("w", masterOf: parameter, as: type)], to: path)
                #expect(try Data(contentsOf: path) == whole)
            }
        }
    }

    @Test("Every tensor starts at a multiple of its element's size")
    func alignment() throws {
        try withPath { path in
            try SafetensorsFile.write(
                [("a", Tensor(zeros: [3], .bfloat16)), ("b", Tensor(zeros: [3])), ("c", Tensor(zeros: [1], .int64))],
                to: path)
            let header = try Data(contentsOf: path).prefix(8).first.map(Int.init) ?? 1
            #expect(header % 8 == 0)
            for entry in try SafetensorsFile(path).entries.values {
                let size = entry.range.count / max(1, entry.shape.reduce(1, *))
                #expect(entry.range.lowerBound % size == 0)
            }
        }
    }

    @Test("A tensor that another writer left unaligned is read all the same")
    func unaligned() throws {
        let header =
            #"{"b": {"dtype": "I8", "shape": [1], "data_offsets": [0, 1]}, "a": {"dtype": "F32", "shape": [1], "data_offsets": [1, 5]}}"#
        let bytes = withUnsafeBytes(of: Float(2.5)) { Array($0) }
        #expect(try file(header, data: [0] + bytes).requiredTensor("a").floats() == [2.5])
    }

    @Test("A type that is not computed with is refused only when its tensor is wanted")
    func unusedType() throws {
        let header = #"{"a": {"dtype": "F8_E5M2", "shape": [2], "data_offsets": [0, 2]}}"#
        let file = try file(header, data: [0, 0])
        #expect(file.names == ["a"])
        #expect(throws: TensorFileError.self) { try file.tensor("a") }
    }

    @Test("A tensor that is not there is refused with what is")
    func missing() throws {
        let file = try file(#"{"a": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}}"#, data: [0, 0])
        #expect(try file.tensor("b")?.shape == nil)
        let error = #expect(throws: TensorFileError.self) { try file.requiredTensor("b") }
        #expect(error?.description == "/t.safetensors: no tensor named b; it holds a")
    }

    @Test("The mapping outlives the file's name")
    func unlinked() throws {
        try withPath { path in
            try SafetensorsFile.write([("a", Tensor([1, 2, 3], shape: [3]))], to: path)
            let tensor = try SafetensorsFile(path).requiredTensor("a")
            try SafetensorsFile.write([("a", Tensor([9], shape: [1]))], to: path)
            #expect(tensor.floats() == [1, 2, 3])
        }
    }

    @Test("A file whose writing fails leaves nothing behind, and the old one as it was")
    func failedWrite() throws {
        struct Stop: Error {}
        try withPath { path in
            try AtomicFile.write("old", to: path)
            #expect(throws: Stop.self) {
                try AtomicFile.write(to: path) { file in
                    try [UInt8](repeating: 1, count: 100).withUnsafeBytes { try file.write($0) }
                    throw Stop()
                }
            }
            #expect(try String(contentsOf: path, encoding: .utf8) == "old")
            let files = try FileManager.default.contentsOfDirectory(atPath: path.deletingLastPathComponent().path)
            #expect(files == ["t.safetensors"])
        }
    }
}
