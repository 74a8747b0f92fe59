import Foundation
import GGUF

extension GGUFFile {
    /// A tensor to be written, whose rows are made piece by piece when their turn comes.
    package struct Source {
        let name: String
        let type: GGMLType
        let shape: [Int]
        let rowCount: Int
        let width: Int
        /// Some of the rows, [n, width]. A tensor of one axis is one row, or one of its elements is where they are put in order.
        let rows: (Range<Int>) -> Tensor

        /// A tensor of floating point, written as F32, F16, BF16 or Q8_0.
        ///
        /// - Parameters:
        ///   - order: the rows to write, in that order; nil for all as they are.
        ///   - addend: what is added to each element before it is written.
        package init(
            _ name: String, _ tensor: Tensor, as type: GGMLType, order: [Int32]? = nil, adding addend: Float = 0
        ) {
            require(GGUFFile.writableTypes.contains(type), "\(type.name) is not written")
            self.name = name
            self.type = type
            shape = tensor.shape
            let flat = order == nil ? [1, tensor.count] : [tensor.count, 1]
            let matrix = tensor.shape.count > 1 ? tensor : tensor.reshaped(flat)
            rowCount = matrix.rows
            width = matrix.width
            rows = { range in
                var piece = order.map { matrix.gatheringRows(Array($0[range])) } ?? matrix.rows(range)
                if addend != 0 { piece = Tensor(piece.floats().map { $0 + addend }, shape: piece.shape) }
                return piece
            }
        }
    }

    /// The types that are written.
    package static let writableTypes: [GGMLType] = [.f32, .f16, .bf16, .q8_0]

    /// Writes a file. It appears under its name only when it is complete and on disk. Throws `TensorFileError`.
    ///
    /// - Parameters:
    ///   - metadata: keys with values, in order.
    ///   - sources: the tensors, in order.
    package static func write(
        metadata: [(key: String, value: GGUFNewValue)], sources: [Source], to url: URL
    ) throws {
        let tensors = sources.map { GGUFNewHeader.Tensor($0.name, $0.type, $0.shape) }
        let header = GGUFNewHeader(metadata, tensors)
        try AtomicFile.write(to: url) { file in
            try header.bytes.withUnsafeBytes { try file.write($0) }
            for (source, tensor) in zip(sources, tensors) {
                let step = max(1, SafetensorsFile.pieceCount / max(source.width, 1))
                for begin in stride(from: 0, to: source.rowCount, by: step) {
                    let rows = source.rows(begin..<min(source.rowCount, begin + step))
                    try write(rows, source, to: file, url)
                }
                let padding = [UInt8](repeating: 0, count: GGUFNewHeader.padded(tensor.byteCount) - tensor.byteCount)
                try padding.withUnsafeBytes { try file.write($0) }
            }
        }
    }

    private static func write(_ rows: Tensor, _ source: Source, to file: AtomicFile, _ url: URL) throws {
        func fail(_ reason: String) -> TensorFileError { TensorFileError("\(url.path): \(source.name): \(reason)") }
        guard rows.firstNonFinite() == nil else { throw fail("a weight is NaN or infinity; download the model again") }
        func bytes(_ tensor: Tensor) throws {
            try withExtendedLifetime(tensor) {
                try file.write(UnsafeRawBufferPointer(start: tensor.address, count: tensor.byteCount))
            }
        }
        switch source.type {
        case .f16:
            let halves = rows.converted(to: .float16)
            guard halves.firstNonFinite() == nil else { throw fail("a weight is too large for F16; write BF16") }
            try bytes(halves)
        case .bf16: try bytes(rows.converted(to: .bfloat16))
        case .q8_0: try quantized(rows.floats()).withUnsafeBytes { try file.write($0) }
        default: try bytes(rows.converted(to: .float32))
        }
    }

    /// Q8_0 blocks of 32 weights: d = max|x| / 127 in float16, then round(x / d) in 8 bits, half away from zero, as ggml's
    /// `quantize_row_q8_0_ref` has it: the weights are multiplied by 1 / d before d is rounded.
    static func quantized(_ weights: [Float]) -> [UInt8] {
        let size = GGMLType.q8_0.block.weights
        let blocks = weights.count / size
        var scales = [Float](repeating: 0, count: blocks)
        var result = [UInt8](repeating: 0, count: blocks * GGMLType.q8_0.block.bytes)
        for block in 0..<blocks {
            var largest: Float = 0
            for index in block * size..<(block + 1) * size { largest = max(largest, abs(weights[index])) }
            let scale = largest / 127
            scales[block] = scale
            let inverse = scale == 0 ? 0 : 1 / scale
            let place = block * GGMLType.q8_0.block.bytes + 2
            for index in 0..<size {
                // The inverse may overflow where all weights are tiny; then they are zero in float16 too.
                let rounded = (weights[block * size + index] * inverse).rounded(.toNearestOrAwayFromZero)
                result[place + index] = UInt8(bitPattern: Int8(clamping: Int(saturating: Double(rounded))))
            }
        }
        let halves = Tensor(scales, shape: [blocks]).converted(to: .float16).bytes(0..<2 * blocks)
        for block in 0..<blocks {
            let place = block * GGMLType.q8_0.block.bytes
            result[place] = halves[2 * block]
            result[place + 1] = halves[2 * block + 1]
        }
        return result
    }
}
