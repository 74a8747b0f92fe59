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
                if addend != 0 { piece = piece.converted(to: .float32).adding(addend) }
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
        switch source.type {
        case .f16:
            let halves = rows.converted(to: .float16)
            guard halves.firstNonFinite() == nil else { throw fail("a weight is too large for F16; write BF16") }
            try Kernels.write(halves, to: file)
        case .bf16: try Kernels.write(rows.converted(to: .bfloat16), to: file)
        case .q8_0:
            guard let blocks = Kernels.quantizedQ8_0(rows.converted(to: .float32)) else {
                throw fail("a weight is too large for Q8_0, whose scales are F16; write BF16")
            }
            try Kernels.write(blocks, to: file)
        default: try Kernels.write(rows.converted(to: .float32), to: file)
        }
    }
}
