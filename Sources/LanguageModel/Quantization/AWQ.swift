import JSON
import Tensors

/// `quant_method: awq` (AutoAWQ), version `gemm`: weight = (code − zero point) · `scales`, rounded to the scales' type.
///
/// Codes of four bits lie by columns, [in, out / 8], eight outputs to a word in the order 0, 2, 4, 6, 1, 3, 5, 7. They are laid by rows once,
/// in as much memory.
struct AWQ: QuantizationMethod {
    private static let order: [UInt8] = [0, 2, 4, 6, 1, 3, 5, 7]
    /// Columns of a group; nil for all of them.
    let groupSize: Int?
    var detail: String { "4-bit\(groupSize.map { " group \($0)" } ?? "")" }

    init(_ reader: ConfigurationReader) throws {
        // Both dialects: AutoAWQ's own names, and transformers'.
        for key in ["bits", "w_bit"] { try reader.refuse(key) { $0.int == 4 } }
        let key = reader.value("group_size") == nil ? "q_group_size" : "group_size"
        groupSize = reader.value(key)?.int == -1 ? nil : try reader.count(key)
        let version = try reader.text("version", default: "gemm")
        guard version.lowercased() == "gemm" else {
            throw reader.fail("version", "\(reader.shown(.string(version))) is not supported; gemm is")
        }
        try reader.refuse("zero_point") { $0.bool == true }
        try reader.refuse("backend") { ["autoawq", "auto", "gemm"].contains($0.string?.lowercased() ?? "") }
    }

    func matrix(of layer: QuantizedLayer) throws -> GroupedCodes? {
        guard try layer.part("qweight") != nil else { return nil }
        let size = groupSize ?? layer.width
        try layer.checkGroups(of: size)
        guard layer.rows % 8 == 0 else { throw layer.fail("qweight", "\(layer.rows) outputs are no whole words") }
        let groups = layer.width / size
        let words = try layer.part("qweight", [layer.width, layer.rows / 8], .int32)
        let scales = try layer.scales("scales", [groups, layer.rows])
        let zeros = try layer.part("qzeros", [groups, layer.rows / 8], .int32)
            .exchangingNibbles(order: AWQ.order).spreadingCodes(bits: 4, count: groups)
        return GroupedCodes(
            .unsigned(bits: 4), width: layer.width, codes: words.exchangingNibbles(order: AWQ.order),
            scales: scales.transposed(), zeroPoints: zeros, group: (1, size), rounding: scales.elementType)
    }
}
