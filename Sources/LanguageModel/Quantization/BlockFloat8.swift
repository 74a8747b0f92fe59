import JSON
import Tensors

/// `quant_method: fp8`, as DeepSeek and Qwen publish: floats of eight bits (E4M3) with a scale for each block of rows and columns.
///
/// `weight_scale_inv` is multiplied, despite its name. The product is rounded to the scales' type, as `Fp8Dequantize` of transformers does
/// it; that is float32 in the files known.
struct BlockFloat8: QuantizationMethod {
    /// Rows and columns of a block; nil for one scale of the whole matrix.
    private let block: (rows: Int, columns: Int)?
    var detail: String { block.map { "blocks of \($0.rows)x\($0.columns)" } ?? "" }

    init(_ reader: ConfigurationReader) throws {
        let format = try reader.text("fmt", default: "e4m3")
        guard format == "e4m3" else {
            throw reader.fail("fmt", "\(reader.shown(.string(format))) is not supported; e4m3 is")
        }
        guard let value = reader.value("weight_block_size") else {
            block = nil
            return
        }
        let sizes = value.array?.compactMap(\.int) ?? []
        guard sizes.count == 2, value.array?.count == 2, sizes.allSatisfy({ (1..<1 << 31).contains($0) }) else {
            throw reader.fail("weight_block_size", "\(reader.shown(value)) are no two lengths")
        }
        block = (sizes[0], sizes[1])
    }

    func matrix(of layer: QuantizedLayer) throws -> GroupedCodes? {
        guard try layer.part("weight")?.elementType == .float8 else {
            guard try layer.part("weight_scale_inv") == nil else {
                throw layer.fail("weight_scale_inv", "a scale of a weight that is not F8_E4M3; download it again")
            }
            return nil
        }
        let codes = try layer.part("weight", [layer.rows, layer.width], .float8)
        let group = block ?? (layer.rows, layer.width)
        let grid = [(layer.rows + group.rows - 1) / group.rows, (layer.width + group.columns - 1) / group.columns]
        // A scale of the whole matrix may have no axis.
        let given = try layer.part("weight_scale_inv")?.shape
        let shape = block == nil && given.map { $0.allSatisfy { $0 == 1 } } == true ? given ?? grid : grid
        let scales = try layer.scales("weight_scale_inv", shape).reshaped(grid)
        return GroupedCodes(
            .float8, width: layer.width, codes: codes, scales: scales, group: group, rounding: scales.elementType)
    }
}
