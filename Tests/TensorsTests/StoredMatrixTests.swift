import Foundation
import GGUF
import JSON
import Tensors
import Testing

/// Weights as files store them, beside what the Python package gguf makes of the same bytes (Tests/Goldens/make_stored.py).
@Suite("Stored weights")
struct StoredMatrixTests {
    /// A block of each layout, and its values.
    private static func goldens() throws -> [(layout: StoredLayout, block: [UInt8], values: [Float])] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Goldens/stored.json")
        let object = try #require(try JSONValue.parse(try Data(contentsOf: file)).object)
        return try object.map { name, golden in
            let layout = try #require(StoredLayout(rawValue: name), "a layout that is not known: \(name)")
            let block = try bytes(golden["block"]?.string), values = try bytes(golden["values"]?.string)
            let floats = stride(from: 0, to: values.count, by: 4).map { at in
                Float(
                    bitPattern: UInt32(values[at]) | UInt32(values[at + 1]) << 8 | UInt32(values[at + 2]) << 16
                        | UInt32(values[at + 3]) << 24)
            }
            return (layout, block, floats)
        }
    }

    private static func bytes(_ hexadecimal: String?) throws -> [UInt8] {
        let digits = Array(try #require(hexadecimal))
        return try stride(from: 0, to: digits.count, by: 2).map {
            try #require(UInt8(String(digits[$0...$0 + 1]), radix: 16))
        }
    }

    /// A matrix of a block in each row: the golden one, `rows` times.
    private static func matrix(
        _ golden: (layout: StoredLayout, block: [UInt8], values: [Float]), rows: Int, order: [Int32]? = nil
    ) -> StoredMatrix {
        let bytes = Tensor(
            bytes: Array(repeating: golden.block, count: rows).flatMap { $0 }, shape: [rows, golden.block.count])
        return StoredMatrix(golden.layout, bytes: bytes, width: golden.values.count, order: order)
    }

    @Test("Every layout of a GGUF file is unpacked to the package's values, bit for bit")
    func values() throws {
        let goldens = try StoredMatrixTests.goldens()
        // The package cannot unpack Q8_K, which no file holds weights in; the kernels' checks compare it with its plain version.
        #expect(Set(goldens.map(\.layout)) == Set(StoredLayout.allCases).subtracting([.q8_K]))
        for golden in goldens {
            #expect(golden.layout.blockWidth == golden.values.count)
            #expect(golden.layout.blockByteCount == golden.block.count)
            let unpacked = StoredMatrixTests.matrix(golden, rows: 3).unpacked()
            #expect(unpacked.shape == [3, golden.values.count])
            #expect(
                unpacked.floats().map(\.bitPattern) == (golden.values + golden.values + golden.values).map(\.bitPattern)
            )
        }
    }

    @Test("The types of GGUF files that pack weights are these layouts, with blocks of the same size")
    func types() {
        let packed = GGMLType.allCases.filter(\.isPacked)
        #expect(Set(packed.map(\.name)) == Set(StoredLayout.allCases.map(\.rawValue)))
        for type in packed {
            let layout = StoredLayout(rawValue: type.name)
            #expect(layout?.blockWidth == type.block.weights && layout?.blockByteCount == type.block.bytes, "\(type)")
        }
    }

    @Test("Rows are found by their order, whole or one by one")
    func order() throws {
        let goldens = try StoredMatrixTests.goldens()
        let golden = try #require(goldens.first { $0.layout == .q8_0 })
        // Three rows that differ in their last weight.
        let rows = (0..<3).map { row in golden.block.dropLast() + [UInt8(row)] }
        let matrix = StoredMatrix(
            .q8_0, bytes: Tensor(bytes: rows.flatMap { $0 }, shape: [3, golden.block.count]), width: 32,
            order: [2, 0, 1])
        let scale = golden.values[0] / Float(Int8(bitPattern: golden.block[2]))
        #expect((0..<3).map { matrix.unpacked().float(at: 32 * $0 + 31) } == [2, 0, 1].map { $0 * scale })
        #expect(
            [1, 1, 0].enumerated().map { matrix.unpacked(rows: [1, 1, 0]).float(at: 32 * $0.offset + 31) } == [
                0, 0, 2 * scale,
            ])
    }

    @Test(
        "A linear layer, its gradient, an embedding and logits are those of the unpacked weight",
        arguments: Precision.allCases)
    func products(precision: Precision) throws {
        for golden in try StoredMatrixTests.goldens() {
            let matrix = StoredMatrixTests.matrix(golden, rows: 24)
            let stored = Parameter(name: "stored", .stored(matrix)), dense = Parameter(name: "dense", matrix.unpacked())
            func results(_ weight: Parameter, rows: Int) -> [Tensor] {
                let tape = Tape(precision: precision)
                var random = Random(seed: 7)
                let x = Variable(
                    Tensor.random([rows, golden.values.count], using: &random).converted(to: precision.elementType),
                    needsGradient: true)
                let y = tape.linear(x, LinearOperand(weight: weight))
                tape.backward(from: y, gradient: Tensor.random([rows, 24], using: &random))
                let picked = tape.embedding([3, 0, 3], table: weight, scale: 1.5).value
                let logits = Tape(recording: false, precision: precision).logits([LogitPart(x, table: weight)])
                return [y.value, x.gradient ?? Tensor(zeros: [0]), picked, logits]
            }
            for rows in [1, 5, 40] {
                for (one, other) in zip(results(stored, rows: rows), results(dense, rows: rows)) {
                    #expect(one.shape == other.shape)
                    let size = other.floats().map { $0 * $0 }.reduce(0, +).squareRoot()
                    let error = zip(one.floats(), other.floats()).map { ($0 - $1) * ($0 - $1) }.reduce(0, +)
                        .squareRoot()
                    #expect(
                        error <= (precision == .float32 ? 4e-6 : 8e-3) * size,
                        "\(golden.layout), \(rows) rows: \(error) of \(size)")
                }
            }
        }
    }

    @Test("A stored weight that is made trainable becomes numbers")
    func training() throws {
        let golden = try StoredMatrixTests.goldens()[0]
        let matrix = StoredMatrixTests.matrix(golden, rows: 2), parameter = Parameter(name: "w", .stored(matrix))
        #expect(!parameter.isTrainable)
        parameter.makeTrainable(precision: .float32)
        guard case .dense(let tensor) = parameter.storage else {
            Issue.record("still stored")
            return
        }
        #expect(tensor.floats() == matrix.unpacked().floats() && parameter.isTrainable)
    }
}
