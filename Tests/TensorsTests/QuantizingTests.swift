import Foundation
import Testing

import Tensors

/// What mlx.core.quantize makes of one matrix (Tests/Goldens/make_mlx_codes.py, mlx 0.32.4).
private struct Golden: Decodable, Sendable, CustomTestStringConvertible {
    let type: String, bits: Int, group: Int
    let words: String, scales: String, biases: String, values: String

    var testDescription: String { "\(type), \(bits) bits, groups of \(group)" }

    static let all: [Golden] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Goldens/mlx_codes.json")
        guard let data = try? Data(contentsOf: file), let cases = try? JSONDecoder().decode([Golden].self, from: data)
        else { fatalError("\(file.path) cannot be read") }
        return cases
    }()

    /// The matrix of the script, [24, 256].
    static let weights: Tensor = {
        let (rows, width) = (24, 256)
        let values = (0..<rows * width).map { i -> Float in
            let row = i / width
            var n = (i * 7919 + i * i % 1009 * 31) % 2003 - 1001
            switch row {
            case 0: n = 0
            case 1: n = 300
            case 2: n = -300
            case 3: n = abs(n)
            case 4: n = -abs(n)
            case 5: n = abs(n) + 9000
            case 6: n = -abs(n) - 9000
            case 7: if i % 64 == 5 { n = 90000 }
            case 8: if i % 64 == 9 { n = -90000 }
            case 9: n = Int((Double(n) / 250).rounded(.down)) * 250
            default: break
            }
            let w = Float(n) / 16384
            return row == 10 ? w / Float(1 << 20) : row == 11 ? w * Float(1 << 12) : w
        }
        return Tensor(values, shape: [rows, width])
    }()

    /// The FNV-1a hash of a tensor's bytes.
    static func hash(_ tensor: Tensor) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in tensor.bytes(0..<tensor.byteCount) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return String(format: "%016llx", hash)
    }
}

@Suite("Making codes of weights")
struct QuantizingTests {
    @Test("The nearest codes, their scales and their values are mlx's, bit for bit", arguments: Golden.all)
    private func nearest(golden: Golden) throws {
        let type = try #require(ElementType(rawValue: golden.type))
        let weights = Golden.weights.converted(to: type)
        let codes = GroupedCodes(
            quantizing: .dense(weights), CodeFormat(bits: golden.bits, groupSize: golden.group, type: type))
        #expect(Golden.hash(codes.words) == golden.words)
        #expect(Golden.hash(codes.scales) == golden.scales)
        #expect(try Golden.hash(#require(codes.offsets)) == golden.biases)
        #expect(Golden.hash(StoredMatrix(codes).unpacked()) == golden.values)
    }

    @Test("The error of a matrix's codes is that of its values")
    func error() {
        let weights = Golden.weights.rows(12..<20)
        let codes = GroupedCodes(quantizing: .dense(weights), CodeFormat(bits: 3, groupSize: 32, type: .bfloat16))
        let wanted = StoredMatrix(codes).unpacked().relativeError(to: weights)
        #expect(wanted > 0.01)
        #expect(abs(codes.relativeError(to: .dense(weights)) - wanted) < 1e-6 * wanted)
    }

    /// Inputs whose columns depend on one another and are of different sizes, [rows, width].
    private func inputs(_ rows: Int, _ width: Int, seed: UInt64) -> Tensor {
        let mixing = Tensor.uniform([width, 12], .float32, deviation: 1, seed: 77)
        let hidden = Tensor.uniform([rows, 12], .float32, deviation: 1, seed: seed)
        let noise = Tensor.uniform([rows, width], .float32, deviation: 0.3, seed: seed + 1)
        let tape = Tape(recording: false)
        let mixed = tape.linear(Variable(hidden), LinearOperand(weight: Parameter(name: "mixing", mixing)))
        let values = zip(mixed.value.floats(), noise.floats()).enumerated().map { index, pair in
            (pair.0 + pair.1) * (index % width % 9 == 0 ? 6 : 1)
        }
        return Tensor(values, shape: [rows, width])
    }

    /// Σ (x·(ŵ − w))² of each row of a matrix.
    private func outputErrors(_ codes: GroupedCodes, _ weights: Tensor, _ inputs: Tensor) -> [Double] {
        let values = StoredMatrix(codes).unpacked().floats()
        let difference = Tensor(zip(values, weights.floats()).map { $0 - $1 }, shape: weights.shape)
        let tape = Tape(recording: false)
        let outputs = tape.linear(Variable(inputs), LinearOperand(weight: Parameter(name: "d", difference))).value
        var sums = [Double](repeating: 0, count: weights.rows)
        for (index, value) in outputs.floats().enumerated() { sums[index % weights.rows] += Double(value * value) }
        return sums
    }

    @Test(
        "Codes fitted to inputs change the outputs of other inputs of the same kind less than the nearest codes do",
        arguments: [(2, 0.5), (3, 0.4), (4, 0.4), (8, 0.6)])
    func calibrated(bits: Int, share: Double) {
        let weights = Tensor.uniform([48, 192], .float32, deviation: 0.05, seed: 3)
        let format = CodeFormat(bits: bits, groupSize: 64, type: .bfloat16)
        let moments = InputMoments(width: 192), seen = inputs(1024, 192, seed: 10), other = inputs(512, 192, seed: 20)
        // In two parts, which add up.
        moments.add(seen.rows(0..<600))
        moments.add(seen.rows(600..<1024))
        #expect(moments.count == 1024)
        let nearest = GroupedCodes(quantizing: .dense(weights), format)
        let fitted = GroupedCodes(calibrating: .dense(weights), format, inputs: moments)
        func sum(_ codes: GroupedCodes, _ inputs: Tensor) -> Double {
            outputErrors(codes, weights, inputs).reduce(0, +)
        }
        #expect(sum(fitted, seen) < share * sum(nearest, seen))
        #expect(sum(fitted, other) < share * sum(nearest, other))
        #expect(fitted.words.shape == nearest.words.shape && fitted.scales.elementType == .bfloat16)
    }

    @Test("Without inputs every row keeps the nearest codes")
    func unseen() {
        let weights = Golden.weights.rows(12..<20)
        let format = CodeFormat(bits: 4, groupSize: 64, type: .float32)
        let fitted = GroupedCodes(calibrating: .dense(weights), format, inputs: InputMoments(width: 256))
        #expect(Golden.hash(fitted.words) == Golden.hash(GroupedCodes(quantizing: .dense(weights), format).words))
    }
}
